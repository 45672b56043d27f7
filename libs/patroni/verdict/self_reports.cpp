#include "patroni/verdict/self_reports.h"

#include <algorithm>
#include <utility>

namespace patroni {
namespace {

/// It holds the lock, but its Patroni could not ask its PostgreSQL (which may be slow, hang, or
/// have just been killed), so that the role is the one of before. One that was a replica before is
/// a candidate that nothing shows to be promoted. For any other nothing is known, not even if it
/// has never proved itself: then /cluster decides. At worst new sessions reach a server in
/// recovery, which accepts no writes, or one that is down, which its refused connections show.
bool says_nothing(const PrimaryAnswer& answer) {
    return answer.status == 200 && answer.state == "unknown" && answer.role != "replica";
}

}  // namespace

SelfReport SelfReport::of(const PrimaryAnswer& answer, Clock::time_point at, bool is_paused) {
    if (says_nothing(answer)) {
        SelfReport silence = of(PrimarySilence{answer.member, {}, false, true}, at);
        silence.text = "its Patroni cannot ask its PostgreSQL";
        return silence;
    }
    SelfReport report;
    report.first = report.last = at;
    report.asked = answer.asked_at.value_or(at);
    report.primary =
        (answer.role == "primary" || answer.role == "master") && answer.state == "running";
    report.kind = report.primary && answer.status == 200 ? Kind::proves : Kind::denies;
    report.timeline = answer.timeline.value_or(0);
    // What was no objection when it was reported does not become one later.
    report.paused = answer.paused || is_paused;
    report.text = "its API answers " + std::to_string(answer.status) + ", role " +
                  (answer.role.empty() ? "unknown" : answer.role) + ", state " +
                  (answer.state.empty() ? "unknown" : answer.state);
    return report;
}

SelfReport SelfReport::of(const PrimarySilence& silence, Clock::time_point at) {
    SelfReport report;
    report.first = report.last = at;
    report.text = (silence.is_another ? "" : "its API does not answer: ") + silence.reason;
    report.is_another = silence.is_another;
    report.connected = silence.connected;
    return report;
}

const SelfReport& SelfReports::note(const std::string& member, SelfReport report, bool is_paused) {
    const SelfReport* before = find(member);
    // What a primary says while paused is no objection, and starts no series of objections.
    const bool goes_on = before && before->kind == report.kind &&
                         before->keeps_lead(is_paused) == report.keeps_lead(is_paused);
    if (goes_on)
        report.first = before->first;
    if (report.kind != SelfReport::Kind::silent) {
        report.denied = report.kind == SelfReport::Kind::denies && !report.keeps_lead(is_paused);
    } else if (before) {
        report.denied = before->denied;
        report.asked = before->asked;
    }
    return reports_[member] = std::move(report);
}

const SelfReport* SelfReports::find(const std::string& member) const {
    const auto found = reports_.find(member);
    return found == reports_.end() ? nullptr : &found->second;
}

bool SelfReports::proves(const std::string& member) const {
    const SelfReport* report = find(member);
    return report && report->kind == SelfReport::Kind::proves;
}

bool SelfReports::has_rival(const std::string& member) const {
    return std::any_of(begin(), end(), [&](const auto& entry) {
        return entry.first != member && entry.second.kind == SelfReport::Kind::proves;
    });
}

void SelfReports::forget_proofs(const std::string& but, const std::string& and_but) {
    std::erase_if(reports_, [&](const auto& entry) {
        return entry.second.kind == SelfReport::Kind::proves && entry.first != but &&
               entry.first != and_but;
    });
}

void SelfReports::forget_until(Clock::time_point until, const std::string& but,
                               const std::string& and_but) {
    std::erase_if(reports_, [&](const auto& entry) {
        return entry.second.last <= until && entry.first != but && entry.first != and_but;
    });
}

}  // namespace patroni
