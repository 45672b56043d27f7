#include "patroni_proxy/topology/recollection.h"

#include <algorithm>
#include <utility>

#include "daemon/text/units.h"
#include "patroni/answers/primary_parser.h"
#include "patroni/verdict/self_reports.h"

namespace proxy {
namespace {

using patroni::SelfReport;
using patroni::Standing;

const patroni::Member* find(const patroni::ClusterSnapshot& snapshot, const std::string& name) {
    const auto found = std::find_if(snapshot.members.begin(), snapshot.members.end(),
                                    [&](const auto& each) { return each.name == name; });
    return found == snapshot.members.end() ? nullptr : &*found;
}

}  // namespace

bool ClusterMemory::fits(const std::vector<patroni::Endpoint>& of_configuration,
                         const patroni::ClusterIdentity& stated) const {
    return !identity.contradicts(stated) &&
           std::any_of(of_configuration.begin(), of_configuration.end(), [this](const auto& host) {
               return std::find(hosts.begin(), hosts.end(), host.url()) != hosts.end();
           });
}

Recollection::Recollection(ClusterMemory memory, Clock::duration max_age)
    : memory_(std::move(memory)),
      max_age_(max_age),
      source_(memory_.is_passed_on ? "what the process before knew"
                                   : "the state file of " + memory_.as_of) {}

std::optional<patroni::Endpoint> Recollection::leader_api() const {
    const patroni::Member* leader = find(*memory_.snapshot, memory_.leader);
    if (!leader)
        return std::nullopt;
    const auto& members = memory_.snapshot->members;
    const auto same = std::count_if(members.begin(), members.end(), [&](const auto& each) {
        return each.api_url == leader->api_url;
    });
    const auto api = patroni::Endpoint::of_api_url(leader->api_url);
    return api && same == 1 ? std::optional(api.value()) : std::nullopt;
}

/// Whoever else answers there says nothing about the leader, but makes its address doubtful.
void Recollection::note(Clock::time_point now, const patroni::Result<patroni::HttpReply>& reply) {
    leader_was_asked_ = true;
    if (!reply)
        return;
    const auto& [status, phrase, body] = reply.value();
    const auto answer = patroni::parse_primary(memory_.leader, status, body);
    if (!answer)
        return;
    const patroni::Speaker speaker = patroni::parse_speaker(body);
    const bool is_another = (!speaker.name.empty() && speaker.name != memory_.leader) ||
                            speaker.cluster.contradicts(memory_.identity);
    const auto report = SelfReport::of(answer.value(), now, memory_.snapshot->paused);
    if (!is_another && report.kind == SelfReport::Kind::silent)
        return;
    leader_proves_ = !is_another && report.kind == SelfReport::Kind::proves;
    denial_ = leader_proves_ ? ""
              : is_another   ? "another member, or another cluster, answers at its REST API"
                             : report.text;
    if (leader_proves_)
        memory_.confirmed_at = now;
}

patroni::ClusterView Recollection::view_at(Clock::time_point now) const {
    patroni::ClusterView view;
    view.snapshot = memory_.snapshot;
    view.answered_at = memory_.answered_at;
    view.leader = leadership_at(now);
    view.live_lag = memory_.live_lag;
    if (!denial_.empty())
        view.denials.emplace(memory_.leader, denial_);
    view.warnings.push_back("Patroni has not answered yet; clients are routed by " + source_);
    return view;
}

std::optional<patroni::Leadership> Recollection::leadership_beside(const patroni::ClusterView& view,
                                                                   Clock::time_point now) const {
    const patroni::Member* known = find(*memory_.snapshot, memory_.leader);
    const patroni::Member* named = find(*view.snapshot, memory_.leader);
    const bool is_still_named =
        known && named &&
        (named->role == patroni::Role::leader || named->role == patroni::Role::standby_leader) &&
        named->host == known->host && named->port == known->port;
    const auto report = view.self_reports.find(memory_.leader);
    const bool denies =
        report != view.self_reports.end() && report->second.kind == SelfReport::Kind::denies;
    if (!view.leader.member.empty() || !is_still_named || denies)
        return std::nullopt;
    return leadership_at(now);
}

patroni::Leadership Recollection::leadership_at(Clock::time_point now) const {
    patroni::Leadership leader{memory_.leader, Standing::out, {}, {}, memory_.confirmed_at, true};
    const patroni::Member* details = find(*memory_.snapshot, memory_.leader);
    if (!details)
        return {{}, Standing::out, "nobody led for certain by " + source_, {}, {}};
    leader.details = *details;
    if (memory_.is_passed_on)
        return passed_on(std::move(leader));
    const bool is_recent =
        now - memory_.confirmed_at <= std::min<Clock::duration>(kLeaderAge, max_age_);
    if (!denial_.empty()) {
        leader.reason = "it led by " + source_ + ", but " + denial_;
    } else if (!leader_was_asked_) {
        leader.reason = "it led by " + source_ + ", and its own REST API has not been asked yet";
    } else if (!memory_.ages_are_sure && !leader_proves_) {
        leader.reason = "it led by " + source_ +
                        ", whose age is not certain: this host was restarted, or its clock was set";
    } else if (!is_recent) {
        leader.standing = Standing::tolerated;
        leader.reason = "it led by " + source_ + ", and nobody has confirmed that for " +
                        daemons::duration_text(kLeaderAge);
    } else {
        leader.standing = Standing::eligible;
        leader.reason = leader_proves_ ? "primary by its own REST API; Patroni has not answered yet"
                                       : "leader by " + source_ + "; Patroni has not answered yet";
        leader.api_is_silent = !leader_proves_;
    }
    return leader;
}

patroni::Leadership Recollection::passed_on(patroni::Leadership leader) const {
    if (denial_.empty()) {
        leader.standing = Standing::eligible;
        leader.reason = leader_proves_ ? "primary by its own REST API" : "leader as last known";
        leader.reason += "; Patroni has not answered since the upgrade";
        leader.api_is_silent = !leader_proves_;
    } else {
        leader.standing = Standing::tolerated;
        leader.reason = "it led before the upgrade, but " + denial_;
    }
    return leader;
}

void Recollection::narrow(std::vector<patroni::Verdict>& verdicts, Clock::time_point now) const {
    if (memory_.is_passed_on || now - memory_.answered_at <= max_age_)
        return;
    for (auto& verdict : verdicts)
        if (verdict.standing == Standing::eligible && verdict.member->name != memory_.leader) {
            verdict.standing = Standing::tolerated;
            verdict.reason = source_ + " is older than state_max_age";
        }
}

}  // namespace proxy
