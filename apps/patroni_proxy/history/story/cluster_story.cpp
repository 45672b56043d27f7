#include "patroni_proxy/history/story/cluster_story.h"

#include <algorithm>
#include <utility>

#include "daemon/text/utf8.h"

namespace proxy::history {
namespace {

using patroni::Role;
using patroni::SelfReport;
using patroni::Standing;

constexpr std::size_t kMostLeaders = 20;
constexpr std::chrono::seconds kNoticeable{1};

bool is_standby_cluster(const patroni::ClusterSnapshot& snapshot) {
    return std::any_of(snapshot.members.begin(), snapshot.members.end(),
                       [](const auto& member) { return member.role == Role::standby_leader; });
}

/// Who holds the lock, whatever the state of its PostgreSQL; null if nobody does.
const patroni::Member* holder_in(const patroni::ClusterSnapshot& snapshot) {
    const auto found = std::find_if(snapshot.members.begin(), snapshot.members.end(),
                                    [](const auto& member) { return member.role == Role::leader; });
    return found == snapshot.members.end() ? nullptr : &*found;
}

bool lists(const patroni::ClusterSnapshot& snapshot, const std::string& name) {
    return std::any_of(snapshot.members.begin(), snapshot.members.end(), [&](const auto& member) {
        return member.name == name && !member.remembered;
    });
}

/// A leader that is shut down shows these states too, and has not failed.
bool has_failed(const patroni::Member& holder) {
    return !patroni::serves(holder.state) && holder.state_name != "stopping" &&
           holder.state_name != "stopped";
}

bool takes_sessions(const ClusterSeen& seen) {
    return !seen.view.leader.member.empty() && seen.view.leader.standing == Standing::eligible &&
           seen.unreachable.empty();
}

std::string brief(const std::string& text) {
    return daemons::one_line(text, Record::kLongestText);
}

}  // namespace

void ClusterStory::begin(Kind kind, Clock::time_point at, const Epoch& epoch) {
    incident_.emplace();
    Record& record = incident_->record;
    record.kind = kind;
    record.cluster = cluster_;
    record.epoch = epoch;
    record.began = at;
    record.from = record.to = leader_;
    incident_->last_sign = at;
    incident_->signs.leaders.push_back(leader_);
    if (const auto proof = proofs_.find(leader_); proof != proofs_.end())
        incident_->signs.last_proven = proof->second;
    counts_.begin(at);
}

/// For an incident of a kind that outweighs the open one. If that has just begun, it is part of the
/// same incident; otherwise it has a record of its own. An outage of Patroni and the loss of the
/// leader are always one incident.
void ClusterStory::make_way(Kind kind, Clock::time_point at) {
    if (!incident_ || incident_->record.kind >= std::min(kind, Kind::patroni))
        return;
    if (at - incident_->record.began > CountsWindow::kBefore)
        return end(at);
    incident_->record.kind = kind;
    if (const auto proof = proofs_.find(leader_); proof != proofs_.end())
        incident_->signs.last_proven = proof->second;
}

void ClusterStory::sign(Clock::time_point at) {
    incident_->last_sign = std::max(incident_->last_sign, at);
}

void ClusterStory::see(const ClusterSeen& seen, const Epoch& epoch) {
    latest_ = std::max(latest_, seen.at);
    if (!seen.view.snapshot)
        return;
    expects_leader_ = !is_standby_cluster(*seen.view.snapshot);
    see_leader(seen, epoch);
    see_ports(seen, epoch);
    for (const auto& [member, report] : seen.view.self_reports)
        if (report.kind == SelfReport::Kind::proves)
            proofs_[member] = report.last;
    std::erase_if(proofs_, [&](const auto& entry) {
        return entry.first != leader_ && !lists(*seen.view.snapshot, entry.first);
    });
    seen_leader_ = seen.view.leader;
    took_sessions_ = !leads_now_.empty();
    viewed_at_ = seen.at;
    if (!seen_leader_.member.empty())
        leader_ = seen_leader_.member;
    advance(seen.at);
}

/// When sessions on the leader began to fail, which a view shows a little later. Otherwise the time
/// of the view.
Clock::time_point ClusterStory::trouble_since(const ClusterSeen& seen) const {
    return seen.unreachable.empty() || !seen.unreachable_since
               ? seen.at
               : std::clamp(*seen.unreachable_since, std::min(viewed_at_, seen.at), seen.at);
}

void ClusterStory::see_leader(const ClusterSeen& seen, const Epoch& epoch) {
    const auto& leadership = seen.view.leader;
    const bool takes = takes_sessions(seen);
    is_silent_ = leadership.api_is_silent;
    silence_is_old_ &= is_silent_;
    leads_now_ = takes ? leadership.member : "";
    if (leadership.standing == Standing::eligible || leadership.member.empty())
        if (announced_leader_ != leadership.member) {
            announced_leader_ = leadership.member;
            changes_.push_back({Change::What::leader, announced_leader_, {}, {}});
        }
    const bool is_first = leader_.empty() && !leadership.member.empty();
    const bool is_trouble =
        !takes || (is_silent_ && !silence_is_old_) || leadership.member != leader_;
    const bool begins = expects_leader_ && !leader_.empty() && is_trouble && !is_first;
    if (begins)
        make_way(Kind::leader, trouble_since(seen));
    if (begins && !incident_)
        begin(Kind::leader, trouble_since(seen), epoch);
    if (!incident_ || incident_->record.kind < Kind::patroni)
        return note_lock(seen);
    if (begins)
        incident_->record.kind = Kind::leader;
    const Standing standing = leadership.standing;
    const bool has_changed = leadership.member != seen_leader_.member ||
                             standing != seen_leader_.standing ||
                             is_silent_ != seen_leader_.api_is_silent || takes != took_sessions_;
    if (has_changed)
        sign(seen.at);
    incident_->record.paused |= seen.view.snapshot->paused;
    incident_->signs.scheduled |= seen.view.snapshot->switchover_at.has_value();
    note_self_report(seen);
    note_lock(seen);
    note_leader(seen);
}

/// The old leader's self-report, and whether sessions on it fail.
void ClusterStory::note_self_report(const ClusterSeen& seen) {
    Signs& signs = incident_->signs;
    const std::string& from = incident_->record.from;
    const bool leads = seen.view.leader.member == from;
    const auto doubt = [&](Clock::time_point at, const std::string& why) {
        if (!leads && !leads_now_.empty())
            return;  // another one has taken over already
        const bool is_first = !signs.denied && !signs.silent && !signs.unreachable;
        if (is_first && signs.last_proven)
            incident_->add_step({*signs.last_proven, StepKind::last_proven, from, {}, {}});
        incident_->add_step({at, StepKind::doubted, from, {}, why});
    };
    const auto told = seen.view.self_reports.find(from);
    if (told != seen.view.self_reports.end()) {
        const SelfReport& report = told->second;
        if (report.kind == SelfReport::Kind::denies && !signs.denied) {
            doubt(report.first, brief(report.text));
            signs.denied = report.first;
        }
        if (report.kind == SelfReport::Kind::silent) {
            if (!signs.silent) {
                doubt(report.first, brief(report.text));
                signs.silent = report.first;
            }
            signs.connected_silences += report.connected && report.last != signs.last_silence;
            signs.last_silence = report.last;
            signs.silence = brief(report.text);
        }
    }
    if (leads && !seen.unreachable.empty() && !signs.unreachable) {
        signs.unreachable_why = brief(seen.unreachable);
        doubt(trouble_since(seen), "it accepts no sessions: " + signs.unreachable_why);
        signs.unreachable = trouble_since(seen);
    }
}

/// The holder of the lock, by GET /cluster.
void ClusterStory::note_lock(const ClusterSeen& seen) {
    const patroni::Member* holder = holder_in(*seen.view.snapshot);
    const std::string name = holder ? holder->name : "";
    const bool changed = std::exchange(knows_holder_, true) && name != holder_;
    holder_ = name;
    if (!incident_ || incident_->record.kind < Kind::patroni)
        return;
    Signs& signs = incident_->signs;
    const std::string& from = incident_->record.from;
    if (holder && name == from && has_failed(*holder))
        signs.crashed = true;
    if (name != from && !from.empty() && !signs.lock_lost) {
        signs.lock_lost = seen.at;
        signs.listed_then = lists(*seen.view.snapshot, from);
    }
    if (!changed)
        return;
    incident_->add_step(
        {seen.at, name.empty() ? StepKind::lock_free : StepKind::lock_taken, name, {}, {}});
    sign(seen.at);
}

/// The leader, by all evidence.
void ClusterStory::note_leader(const ClusterSeen& seen) {
    Signs& signs = incident_->signs;
    Record& record = incident_->record;
    const auto& leadership = seen.view.leader;
    if (leads_now_.empty()) {
        signs.vacancy = brief(leadership.reason);
        if (!incident_->leaderless_since) {
            // A leader that accepts no sessions and whose API is silent died with the first of it.
            const auto since = trouble_since(seen);
            const bool died = signs.unreachable && signs.silent && !signs.lock_lost;
            incident_->leaderless_since = died ? std::min(*signs.silent, since) : since;
            record.began = std::min(record.began, *incident_->leaderless_since);
        }
        if (leadership.member.empty() && !signs.leaders.back().empty()) {
            incident_->add_step(
                {seen.at, StepKind::leader_out, signs.leaders.back(), {}, signs.vacancy});
            if (signs.leaders.size() < kMostLeaders)
                signs.leaders.emplace_back();
        }
        return;
    }
    const bool was_leaderless = incident_->leaderless_since.has_value();
    if (was_leaderless)
        record.leaderless += seen.at - *std::exchange(incident_->leaderless_since, std::nullopt);
    if (record.to != leads_now_ || was_leaderless)
        incident_->add_step({seen.at,
                             leads_now_ == record.from ? StepKind::leads_again : StepKind::promoted,
                             leads_now_,
                             {},
                             {}});
    if (signs.leaders.back() != leads_now_ && signs.leaders.size() < kMostLeaders)
        signs.leaders.push_back(leads_now_);
    record.to = leads_now_;
}

void ClusterStory::see_ports(const ClusterSeen& seen, const Epoch& epoch) {
    for (const auto& port : seen.ports) {
        const auto known = serving_.find(port.port);
        if (known == serving_.end() || !is_met_) {
            serving_[port.port] = port.serving;  // new in the configuration, or all is new
            continue;
        }
        if (known->second == port.serving)
            continue;
        const auto before = std::exchange(known->second, port.serving);
        changes_.push_back({Change::What::port, leads_now_, port.port, port.serving});
        make_way(Kind::members, seen.at);
        if (!incident_)
            begin(Kind::members, seen.at, epoch);
        for (const auto& member : before)
            if (!port.serving.contains(member))
                incident_->note_left(port, member, seen.at);
        for (const auto& member : port.serving)
            if (!before.contains(member))
                incident_->note_joined(port, member, seen.at);
        sign(seen.at);
    }
    std::erase_if(serving_, [&](const auto& entry) {
        return std::none_of(seen.ports.begin(), seen.ports.end(),
                            [&](const auto& port) { return port.port == entry.first; });
    });
}

void ClusterStory::see(const PollSeen& seen, const Epoch& epoch) {
    latest_ = std::max(latest_, seen.at);
    if (seen.answered || seen.reinitialized) {
        is_met_ |= knows_holder_;
        first_failure_.reset();
        const bool is_back = std::exchange(polls_fail_, false);
        if (incident_ && is_back) {
            incident_->signs.polls_back = seen.at;
            incident_->add_step({seen.at, StepKind::patroni_answers, {}, {}, {}});
            sign(seen.at);
        }
        // The cluster had no leader when the proxy first saw it.
        const bool is_leaderless = knows_holder_ && expects_leader_ && leader_.empty();
        if (is_leaderless && !incident_) {
            begin(Kind::leader, seen.at, epoch);
            incident_->leaderless_since = seen.at;
            incident_->signs.vacancy = brief(seen_leader_.reason);
        }
    } else if (!knows_holder_) {
        return advance(seen.at);  // it has never answered, so nothing has changed
    } else {
        note_failed_poll(seen, epoch);
    }
    if (incident_ && !seen.answered && !seen.reinitialized) {
        incident_->signs.all_connected |= seen.all_connected;
        incident_->signs.poll_errors = brief(seen.errors);
    }
    if (incident_)
        incident_->signs.reinitialized |= seen.reinitialized;
    advance(seen.at);
}

void ClusterStory::note_failed_poll(const PollSeen& seen, const Epoch& epoch) {
    const bool is_first = !first_failure_;
    if (is_first)
        first_failure_ = seen;
    if (is_first && seen.took < kLongPoll)
        return;
    polls_fail_ = true;
    const auto began = first_failure_->at - first_failure_->took;
    make_way(Kind::patroni, began);
    if (!incident_)
        begin(Kind::patroni, began, epoch);
    Signs& signs = incident_->signs;
    if (!signs.polls_failed || signs.polls_back) {
        signs.polls_failed = began;
        signs.polls_back.reset();
        incident_->add_step(
            {began, StepKind::patroni_silent, {}, {}, brief(first_failure_->errors)});
    }
    sign(seen.at);
}

void ClusterStory::see(CountsSeen counts, const Epoch& epoch) {
    const auto at = counts.at;
    latest_ = std::max(latest_, at);
    counts_.add(std::move(counts));
    const bool is_wave = counts_.anyone_was_turned_away() || counts_.anyone_waits();
    if (is_wave && !incident_)
        begin(Kind::clients, at, epoch);
    else if (is_wave && incident_->record.kind == Kind::clients)
        sign(at);
    advance(at);
}

bool ClusterStory::is_over(Clock::time_point now) const {
    const Incident& incident = *incident_;
    const auto calm_for = now - incident.last_sign;
    const Kind kind = incident.record.kind;
    if (polls_fail_ || (expects_leader_ && leads_now_.empty()))
        return false;
    if (kind == Kind::clients)
        return calm_for >= kBetweenWaves;
    const bool lingers = (kind == Kind::members && !incident.signs.out.empty()) ||
                         (is_silent_ && !silence_is_old_) || counts_.anyone_waits();
    return calm_for >= (lingers ? kLongestWait : kCalm);
}

void ClusterStory::advance(Clock::time_point now) {
    latest_ = std::max(latest_, now);
    if (incident_ && is_over(now))
        end(now);
}

void ClusterStory::end(Clock::time_point at) {
    Record record = record_of(*incident_, counts_, leads_now_, at);
    // It ended with its last sign, not with the calm after it; unless it goes on and only its
    // record ends.
    const bool goes_on =
        counts_.anyone_waits() || (is_silent_ && incident_->record.kind >= Kind::patroni);
    record.ended = std::max(goes_on ? at : incident_->last_sign, record.began);
    silence_is_old_ = is_silent_;
    incident_.reset();
    counts_.end();
    if (!is_noise(record))
        finished_.push_back(std::move(record));
}

/// Such as one slow answer that no client noticed.
bool ClusterStory::is_noise(const Record& record) {
    return record.kind == Kind::leader && record.from == record.to &&
           record.leaderless == Clock::duration::zero() &&
           *record.ended - record.began < kNoticeable && record.ports.empty();
}

std::vector<Record> ClusterStory::take_finished() {
    return std::exchange(finished_, {});
}

std::vector<Change> ClusterStory::take_changes() {
    return std::exchange(changes_, {});
}

std::optional<Record> ClusterStory::open() const {
    if (!incident_)
        return std::nullopt;
    return record_of(*incident_, counts_, leads_now_, std::max(latest_, incident_->record.began));
}

}  // namespace proxy::history
