#include "patroni/verdict/judge.h"

#include "patroni/verdict/evidence.h"

namespace patroni {
namespace {

constexpr auto kConfirmAfter = Evidence::kConfirmAfter;

/// How long a member still gets new sessions in spite of the objection.
Clock::duration grace_for(Objection objection) {
    switch (objection) {
        case Objection::lagging:
            return kConfirmAfter;
        case Objection::diverged:
            return Judge::kTimelineGrace;
        default:
            return Clock::duration::zero();
    }
}

}  // namespace

void Judge::go_on_with(Records records) {
    std::erase_if(records, [](const auto& entry) { return !entry.second.member; });
    records_ = std::move(records);
}

std::vector<Verdict> Judge::judge(const ClusterView& view) {
    std::vector<Verdict> verdicts;
    if (!view.snapshot)
        return verdicts;
    verdicts.reserve(view.snapshot->members.size());
    for (auto& [name, record] : records_)
        record.present = false;
    for (const auto& member : view.snapshot->members) {
        Record& record = records_[member.name];
        record.present = true;
        record.member = MemberPtr(view.snapshot, &member);
        if (!member.remembered)
            record.told_at = view.answered_at;
        verdicts.push_back(verdict_on(view, record, examine(view, member, wanted_)));
    }
    for (auto& [name, record] : records_)
        if (!record.present && record.served) {
            if (view.snapshot->nameless == 0)  // or the entry may be its own
                record.told_at = view.answered_at;
            // The leader may be gone from /cluster and still lead, by its self-report.
            const Examination examination =
                name == view.leader.member
                    ? examine(view, *record.member, wanted_)
                    : Examination{Objection::unsuitable, "no longer in Patroni's answer"};
            verdicts.push_back(verdict_on(view, record, examination));
        }
    std::erase_if(records_,
                  [](const auto& entry) { return !entry.second.present && !entry.second.served; });
    return verdicts;
}

Verdict Judge::verdict_on(const ClusterView& view, Record& record, const Examination& examination) {
    Verdict verdict = examination.objection == Objection::none ? accept(view, record, examination)
                                                               : object(record, examination);
    record.served = verdict.standing != Standing::out;
    record.led = record.served && examination.objection == Objection::none &&
                 record.member->name == view.leader.member;
    if (!record.served) {
        record.objected_since.reset();
        record.objection = Objection::none;
    }
    return verdict;
}

Verdict Judge::accept(const ClusterView& view, Record& record, const Examination& examination) {
    record.objected_since.reset();
    record.objection = Objection::none;
    if (record.member->name == view.leader.member)
        return {record.member, view.leader.standing, examination.reason};
    if (record.lagged_out) {
        if (!record.fits_since)
            record.fits_since = record.told_at;
        if (record.told_at - *record.fits_since < wanted_.lag_window)
            return {record.member, record.served ? Standing::tolerated : Standing::out,
                    "lag is within the limit again, but not yet for long enough"};
    }
    record.lagged_out = false;
    return {record.member, Standing::eligible, examination.reason};
}

Verdict Judge::object(Record& record, const Examination& examination) {
    record.fits_since.reset();
    // Evidence has confirmed already what is said of a leader, and of a new one if /cluster names
    // it as well. And a member that did not serve has no sessions that patience could spare.
    const bool leads =
        examination.objection == Objection::leads && record.member->role == Role::leader;
    if (!record.served || record.led || leads)
        return {record.member, Standing::out, examination.reason};
    if (!record.objected_since)
        record.objected_since = record.told_at;
    // Another objection, of which there may be one answer only, starts its own patience.
    if (std::exchange(record.objection, examination.objection) != examination.objection)
        record.same_since = record.told_at;
    if (record.told_at - *record.objected_since < grace_for(examination.objection))
        return {record.member, Standing::eligible,
                examination.reason + "; waiting for a second answer"};
    const auto elapsed = record.told_at - record.same_since;
    if (examination.objection == Objection::lagging && elapsed >= wanted_.lag_window)
        record.lagged_out = true;
    const bool drains =
        (examination.objection == Objection::lagging && wanted_.on_lag == OnIneligible::drain) ||
        (examination.objection == Objection::noloadbalance &&
         wanted_.on_noloadbalance == OnIneligible::drain);
    if (drains || elapsed < patience(examination.objection))
        return {record.member, Standing::tolerated, examination.reason};
    return {record.member, Standing::out, examination.reason};
}

/// How long a member's sessions may stay in spite of the objection.
Clock::duration Judge::patience(Objection objection) const {
    switch (objection) {
        case Objection::lagging:
            return std::max<Clock::duration>(wanted_.lag_window, kConfirmAfter);
        case Objection::diverged:
            return kTimelineGrace;
        case Objection::leads:     // by its self-report alone
        case Objection::unproven:  // it served as a replica and may be about to lead
            return Clock::duration::max();
        default:
            return kConfirmAfter + wanted_.removal_grace;
    }
}

}  // namespace patroni
