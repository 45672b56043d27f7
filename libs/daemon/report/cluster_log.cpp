#include "daemon/report/cluster_log.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "daemon/report/leader_tally.h"
#include "daemon/text/units.h"

namespace daemons {
namespace {

using log::Level;

std::string describe(const patroni::ClusterSnapshot& snapshot) {
    std::string text;
    for (const auto& member : snapshot.members)
        text.append(text.empty() ? "" : ", ")
            .append(member.name + " " + member.role_name + " " + member.state_name);
    return (text.empty() ? "no members" : text) + (snapshot.paused ? " (paused)" : "");
}

std::string describe(const patroni::Leadership& leader) {
    if (leader.member.empty())
        return "no leader: " + leader.reason;
    if (leader.standing == patroni::Standing::eligible)
        return leader.member + " leads: " + leader.reason;
    constexpr std::string_view kDoubt = "; waiting for a second answer";
    std::string reason = leader.reason;
    if (reason.ends_with(kDoubt))
        reason.resize(reason.size() - kDoubt.size());
    return leader.member + " still counts as leader; one answer against it (" + reason +
           "), waiting for a second";
}

}  // namespace

ClusterLog::ClusterLog(std::string cluster, std::string effect, Write write)
    : cluster_(std::move(cluster)), effect_(std::move(effect)), write_(std::move(write)) {}

void ClusterLog::write_to_log(Level level, const log::About& about, const std::string& message) {
    log::write(level, about, message);
}

void ClusterLog::say(Level level, std::string_view event, const std::string& message) const {
    write_(level, {.event = event, .subject = cluster_}, cluster_ + ": " + message);
}

void ClusterLog::on_view(const patroni::ClusterView& view) {
    if (view.snapshot) {
        const std::string members = describe(*view.snapshot);
        if (std::exchange(members_, members) != members)
            say(Level::info, "cluster_members", members);
        expects_leader_ = expects_leader(*view.snapshot);
        leader_ = view.leader;
        // The first view comes before the member that Patroni names has been asked itself.
        if (answered_ || !leader_.member.empty())
            log_leader();
    }
    for (const auto& warning : view.warnings)
        if (std::find(warnings_.begin(), warnings_.end(), warning) == warnings_.end())
            say(Level::warning, "cluster_warning", warning);
    warnings_ = view.warnings;
}

void ClusterLog::log_leader() {
    const bool leads = !leader_.member.empty();
    const bool is_first = logged_leader_.empty();
    const bool lost = std::exchange(has_led_, leads) || is_first;
    const std::string line = describe(leader_);
    if (std::exchange(logged_leader_, line) != line)
        say(!leads && lost && expects_leader_ ? Level::warning : Level::info, "cluster_leader",
            line);
}

void ClusterLog::on_poll(const patroni::ClusterWatcher::PollResult& poll,
                         patroni::Clock::time_point now) {
    if (std::exchange(errors_, poll.errors) != poll.errors) {
        if (poll.errors.empty())
            say(Level::info, "poll_answered", poll.host + " answers");
        else if (poll.answered)
            say(Level::warning, "poll_failed", poll.errors);
        else
            say(Level::warning, "poll_failed",
                poll.errors + (!members_.empty() ? "; keeping the last known topology"
                               : effect_.empty() ? "; nothing is known yet"
                                                 : "; nothing is known yet; " + effect_));
    }
    answered_ |= poll.answered && !members_.empty();
    if (!answered_)
        return;
    log_leader();
    log_leaderless(now);
}

void ClusterLog::log_leaderless(patroni::Clock::time_point now) {
    if (!leader_.member.empty() || !expects_leader_) {
        leaderless_since_.reset();
        next_alarm_.reset();
        return;
    }
    if (!leaderless_since_) {
        leaderless_since_ = now;
        next_alarm_ = now + kFailoverTime;
    }
    if (now < *next_alarm_)
        return;
    next_alarm_ = now + kRepeatAfter;
    say(Level::error, "cluster_leaderless",
        "no leader for " + duration_text(now - *leaderless_since_) + ": " + leader_.reason);
}

}  // namespace daemons
