#include "patroni/verdict/evidence.h"

#include <algorithm>
#include <utility>

#include "patroni/verdict/last_good.h"

namespace patroni {
namespace {

constexpr std::chrono::seconds kForgetAfter{10};

/// Whether no member came, went or changed. Lag and position do not count: they change all the
/// time.
bool same_topology(const ClusterSnapshot& a, const ClusterSnapshot& b) {
    return a.paused == b.paused &&
           std::equal(a.members.begin(), a.members.end(), b.members.begin(), b.members.end(),
                      [](const Member& x, const Member& y) {
                          return x.name == y.name && x.role == y.role && x.state == y.state &&
                                 x.host == y.host && x.port == y.port && x.tags == y.tags;
                      });
}

}  // namespace

std::string leader_named_by(const ClusterSnapshot& snapshot) {
    std::string name;
    for (const auto& member : snapshot.members) {
        if (member.role != Role::leader)
            continue;
        if (!name.empty())
            return {};
        name = member.name;
        if (!serves(member.state))
            return {};
    }
    return name;
}

void Evidence::observe(const Observation& observation) {
    latest_ = observation.at;
    std::visit([&](const auto& claim) { note(observation.at, claim); }, observation.claim);
    decide();
}

std::vector<std::string> Evidence::leaders_to_ask() const {
    std::vector<std::string> members;
    for (const auto& member : {named_, leader_})
        if (!member.empty() && std::find(members.begin(), members.end(), member) == members.end())
            members.push_back(member);
    return members;
}

bool Evidence::is_settled() const {
    // A standby cluster has no primary to wait for.
    if (leader_.empty() && view_.snapshot)
        for (const Member& member : view_.snapshot->members)
            if (member.role == Role::standby_leader && serves(member.state))
                return true;
    if (leader_.empty() || view_.leader.standing != Standing::eligible)
        return false;
    return paused() || (reports_.proves(leader_) && named_ == leader_);
}

std::string Evidence::candidate() const {
    const SelfReport* report = reports_.find(named_);
    return report && report->kind == SelfReport::Kind::denies ? named_ : std::string{};
}

bool Evidence::wants_other_host() const {
    if (!candidate().empty())
        return true;
    return named_ != leader_ && !paused() && (reports_.proves(leader_) || reports_.proves(named_));
}

const Member* Evidence::find_asked(const std::string& member) const {
    const Member* found = find(member);
    return found || member != leader_ || leader_.empty() ? found : &leader_details_;
}

void Evidence::note(Clock::time_point now, const ClusterAnswer& answer) {
    const auto at = answer.came_at.value_or(now);
    const SnapshotPtr read = with_last_good(answer.snapshot, view_.snapshot.get());
    const ClusterSnapshot& snapshot = *read;
    if (view_.snapshot && !same_topology(*view_.snapshot, snapshot))
        doubted_at_ = at;
    // Whom /cluster named while paused counted for nothing against the leader. It must not count as
    // the first of two answers now.
    const bool has_resumed = paused() && !snapshot.paused;
    const std::string named = leader_named_by(snapshot);
    if (named != named_)
        others_named_until_ = view_.answered_at;
    view_.snapshot = read;
    view_.answered_at = at;

    // An entry from memory names nobody anew.
    const Member* leads = find(named);
    const bool is_told = leads && !leads->remembered;
    if (named.empty() || (named != named_ && !is_told))
        naming_streak_.reset();
    else if (is_told && naming_streak_ && named == named_ && !has_resumed)
        naming_streak_->last = at;
    else if (is_told)
        naming_streak_ = Streak{at, at};
    named_by_another_ =
        (named_by_another_ && named == named_) || (is_told && answer.through != named);
    named_ = named;
    contradicts_ &= named_ != leader_;
    // A proof of before makes no leader any more, even if that member is named later: it is asked
    // again then.
    if (!named_.empty() || !paused())
        reports_.forget_proofs(named_, leader_);

    // Maintenance mode lets the key run out without an election: only a proof is news then.
    const bool objects = !leader_.empty() && named_ != leader_ && !paused();
    if (!objects)
        objection_streak_.reset();
    else if (!objection_streak_)
        objection_streak_ = Streak{at, at};
    else if (!named_.empty() || tells_of_leader())
        objection_streak_->last = at;

    if (const Member* member = find(leader_))
        leader_details_ = *member;
    if (!leader_.empty() && named_ == leader_ && !find(leader_)->remembered)
        confirmed_at_ = at;
    std::erase_if(positions_, [this](const auto& entry) {
        return entry.first != leader_ && !find(entry.first);
    });
}

/// Whether the latest /cluster says anything about the leader: its entry can be read, or it has
/// none and no other entry can be its own.
bool Evidence::tells_of_leader() const {
    const Member* leader = find(leader_);
    return leader ? !leader->remembered : view_.snapshot->nameless == 0;
}

void Evidence::note(Clock::time_point at, const PrimaryAnswer& answer) {
    if (answer.dcs_last_seen)
        view_.dcs_last_seen[answer.member] = *answer.dcs_last_seen;
    note_self_report(at, answer.member, SelfReport::of(answer, at, paused()));
}

void Evidence::note(Clock::time_point at, const PrimarySilence& silence) {
    note_self_report(at, silence.member, SelfReport::of(silence, at));
}

void Evidence::note(Clock::time_point /*at*/, const PositionAnswer& answer) {
    if (answer.position && (answer.member == leader_ || find(answer.member)))
        positions_[answer.member] = *answer.position;
    else
        positions_.erase(answer.member);
}

void Evidence::note(Clock::time_point at, const TrafficTrouble& /*trouble*/) {
    doubted_at_ = at;
}

void Evidence::note(Clock::time_point at, const Push& /*push*/) {
    doubted_at_ = at;
}

void Evidence::note_self_report(Clock::time_point at, const std::string& member, SelfReport told) {
    // It may have been on its way for seconds.
    const SelfReport* before = reports_.find(member);
    const bool is_overtaken =
        told.kind != SelfReport::Kind::silent && before && told.asked < before->asked;
    if (is_overtaken ||
        (told.kind == SelfReport::Kind::proves && member != leader_ && is_outdated(member, told)))
        return;
    const SelfReport& report = reports_.note(member, std::move(told), paused());
    // It refutes what /cluster said before.
    if (member == named_ && report.denied && report.kind == SelfReport::Kind::denies)
        naming_streak_.reset();
    if (member != leader_)
        return;
    const bool proves = report.kind == SelfReport::Kind::proves;
    // It refutes the objections of /cluster that are older, and they must come again.
    if (proves && objection_streak_ && objection_streak_->first <= report.asked) {
        contradicts_ = true;
        if (objection_streak_->last <= report.asked)
            objection_streak_.reset();
        else
            objection_streak_->first = objection_streak_->last;
    }
    if (proves || report.keeps_lead(paused()))
        confirmed_at_ = at;
}

void Evidence::decide() {
    wants_confirmation_ = in_doubt();
    if (const auto member = proven_challenger())
        accept(*member, reports_.find(*member)->timeline);
    else if (const auto name = named_challenger())
        accept(*name, find(*name)->timeline.value_or(0));
    weigh_leader();
    note_denials();
    warn();
    update_live_lag();
    // Members that are neither leader nor named are not asked in every poll, so their reports grow
    // old, and an old proof must not count against anybody.
    reports_.forget_until(latest_ - kForgetAfter, leader_, named_);
    std::erase_if(view_.dcs_last_seen,
                  [this](const auto& entry) { return entry.first != leader_; });
}

/// A member other than the leader that proves itself, and may be believed.
std::optional<std::string> Evidence::proven_challenger() {
    const std::string* best = nullptr;
    for (const auto& [member, report] : reports_)
        if (member != leader_ && report.kind == SelfReport::Kind::proves && find(member) &&
            may_succeed(member, report) &&
            (!best || report.timeline > reports_.find(*best)->timeline || member == named_))
            best = &member;
    return best ? std::optional(*best) : std::nullopt;
}

bool Evidence::may_succeed(const std::string& member, const SelfReport& report) {
    if (is_outdated(member, report))
        return false;
    // If two prove themselves /cluster decides, but not through the API of either.
    const bool rival = reports_.has_rival(member);
    // A cluster restored from a backup starts on a lower timeline, but so does a member that wakes
    // up from a long freeze.
    const bool from_the_past = report.timeline < highest_timeline_;
    const bool confirmed = report.last - report.first >= kConfirmAfter;
    const bool believed = (!rival || (member == named_ && named_by_another_)) &&
                          (!from_the_past || (confirmed && member == named_));
    // A member that wakes up still believes that it leads. Against a silent leader that /cluster
    // names, its report alone is not enough.
    const SelfReport* leaders = reports_.find(leader_);
    const bool is_alone = !leader_.empty() && named_ == leader_ && !paused() && leaders &&
                          leaders->kind == SelfReport::Kind::silent;
    wants_confirmation_ |= !believed;
    return believed && !is_alone;
}

/// Whether /cluster has named another member, or none, since it was asked.
bool Evidence::is_outdated(const std::string& member, const SelfReport& report) const {
    return report.asked < (member == named_ ? others_named_until_ : view_.answered_at);
}

/// A leader that only /cluster names, because its own API cannot be reached.
std::optional<std::string> Evidence::named_challenger() {
    const SelfReport* report = reports_.find(named_);
    if (named_.empty() || named_ == leader_ || !report || report->kind != SelfReport::Kind::silent)
        return std::nullopt;
    if (!leader_.empty() && (reports_.proves(leader_) || paused()))
        return std::nullopt;
    if ((ever_led_ || report->denied) && !is_named_twice()) {
        wants_confirmation_ = true;
        return std::nullopt;
    }
    return named_;
}

void Evidence::accept(const std::string& member, std::uint64_t timeline) {
    // Or the previous leader would lead again by its old report once a stale /cluster names it.
    if (reports_.proves(leader_))
        reports_.forget(leader_);
    leader_ = member;
    leader_details_ = *find(member);
    highest_timeline_ = timeline;
    confirmed_at_ = latest_;
    ever_led_ = true;
    objection_streak_.reset();
    contradicts_ = false;
}

/// Whether the leader still leads, by both sources.
void Evidence::weigh_leader() {
    if (leader_.empty())
        return describe_vacancy();
    const SelfReport* report = reports_.find(leader_);
    const bool denied =
        report && report->kind == SelfReport::Kind::denies && !report->keeps_lead(paused());
    const bool unnamed = objection_streak_.has_value();
    const bool twice = (denied && report->last - report->first >= kConfirmAfter) ||
                       (unnamed && objection_streak_->confirmed());
    std::string objection = denied ? report->text : "";
    if (unnamed)
        objection += std::string(denied ? "; " : "") + named_by_cluster();
    if ((denied && unnamed) || twice) {
        lost_reason_ = leader_ + " is no longer leader: " + objection;
        // Or it would lead again by its old report.
        if (!denied)
            reports_.forget(leader_);
        leader_.clear();
        return describe_vacancy();
    }
    if (report && report->kind == SelfReport::Kind::silent && report->denied && named_ == leader_ &&
        !is_named_twice()) {
        wants_confirmation_ = true;
        return describe_leader(Standing::tolerated,
                               "it last said that it does not lead; since then " + report->text);
    }
    // Unless it has answered the same objection with a proof.
    if (denied || (unnamed && !(contradicts_ && reports_.proves(leader_)))) {
        wants_confirmation_ = true;
        return describe_leader(Standing::tolerated, objection + "; waiting for a second answer");
    }
    if (report)
        highest_timeline_ = std::max(highest_timeline_, report->timeline);
    if (contradicts_)
        return describe_leader(Standing::eligible,
                               "leader by its own report, though " + named_by_cluster());
    if (!report || report->kind != SelfReport::Kind::silent)
        return describe_leader(Standing::eligible, "leader");
    describe_leader(Standing::eligible,
                    (named_ == leader_ ? "leader by /cluster alone: " : "leader as last known: ") +
                        report->text);
    view_.leader.api_is_silent = true;
}

/// By answers far enough apart to count as two, none of which its self-report has refuted.
bool Evidence::is_named_twice() const {
    return naming_streak_ && naming_streak_->confirmed();
}

std::string Evidence::named_by_cluster() const {
    return named_.empty() ? "Patroni shows no leader" : "Patroni shows " + named_ + " as leader";
}

void Evidence::describe_leader(Standing standing, const std::string& reason) {
    view_.leader = {leader_, standing, reason, leader_details_, confirmed_at_};
}

void Evidence::describe_vacancy() {
    std::string reason = lost_reason_;
    if (!named_.empty()) {
        // After the lock is taken promotion takes another moment.
        wants_confirmation_ = true;
        const SelfReport* report = reports_.find(named_);
        reason = named_ + " is shown as leader, but " +
                 (report ? report->text : "its own API has not answered yet");
    } else if (reason.empty()) {
        reason = "Patroni shows no leader";
    }
    view_.leader = {{}, Standing::out, reason, {}, {}};
}

void Evidence::note_denials() {
    view_.denials.clear();
    for (const auto& [member, report] : reports_)
        if (report.kind == SelfReport::Kind::denies && !report.keeps_lead(paused()))
            view_.denials.emplace(member, report.text);
    view_.self_reports = std::map<std::string, SelfReport>(reports_.begin(), reports_.end());
}

void Evidence::warn() {
    view_.warnings.clear();
    const bool is_doubtful = view_.leader.api_is_silent || contradicts_;
    if (view_.leader.standing == Standing::eligible && is_doubtful)
        view_.warnings.push_back(leader_ + " is " + view_.leader.reason);
    for (const auto& [member, report] : reports_)
        if (report.is_another && !(member == leader_ && is_doubtful))
            view_.warnings.push_back(member + ": " + report.text);
    if (view_.snapshot)
        view_.warnings.insert(view_.warnings.end(), view_.snapshot->warnings.begin(),
                              view_.snapshot->warnings.end());
}

void Evidence::update_live_lag() {
    view_.live_lag.clear();
    const auto leader = positions_.find(view_.leader.member);
    if (leader == positions_.end())
        return;
    // A replica that was asked later than the leader may be ahead of what the leader said.
    for (const auto& [member, position] : positions_)
        view_.live_lag[member] = leader->second > position ? leader->second - position : 0;
}

bool Evidence::paused() const {
    return view_.snapshot && view_.snapshot->paused;
}

/// Until an answer comes that is late enough to show what the doubt was about.
bool Evidence::in_doubt() const {
    return doubted_at_ && view_.answered_at < *doubted_at_ + kConfirmAfter;
}

const Member* Evidence::find(const std::string& member) const {
    if (!view_.snapshot || member.empty())
        return nullptr;
    const auto& members = view_.snapshot->members;
    const auto found = std::find_if(members.begin(), members.end(),
                                    [&](const Member& each) { return each.name == member; });
    return found == members.end() ? nullptr : &*found;
}

}  // namespace patroni
