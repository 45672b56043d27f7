// What was counted of a cluster and of the process.

#include <cmath>
#include <utility>

#include "patroni_proxy/upgrade/messages/fields.h"
#include "patroni_proxy/upgrade/messages/messages.h"
#include "patroni_proxy/upgrade/messages/values.h"

namespace proxy::upgrade {
namespace {

enum : unsigned {
    kCluster = 1,
    kPollsGood,
    kPollsFailed,
    kPollError,
    kPollHost,
    kPollSecondsTotal,
    kPollLastSeconds,
    kPollTime,
    kLeaderChanges,
    kLeaderlessSeconds,
    kLeaderlessTime,
    kLeadership,
    kLeads,
    kExpected,
    kLeaderlessSince,
};
enum : unsigned {
    kStarted = 1,
    kReloadsGood,
    kReloadsFailed,
    kReloadLastFailed,
    kReloadError,
    kReloadAt,
    kUpgradedBy,
    kLogLevel,
    kStartedAt,
};

/// A time in seconds that is none counts as 0: a counter must stay a number.
double seconds_of(std::uint64_t bits) {
    const double seconds = double_of(bits);
    return std::isfinite(seconds) && seconds >= 0 ? seconds : 0;
}

}  // namespace

std::string write(const PassedCounts& passed) {
    const auto& [polls, leaders] = passed.counts;
    FieldWriter out;
    out.text(kCluster, passed.cluster);
    out.number_unless_0(kPollsGood, polls.good);
    out.number_unless_0(kPollsFailed, polls.failed);
    out.text_unless_empty(kPollError, polls.last_error);
    out.text_unless_empty(kPollHost, polls.last_host);
    out.number(kPollSecondsTotal, bits_of(polls.seconds_total));
    out.number(kPollLastSeconds, bits_of(polls.last_seconds));
    out.text(kPollTime, write_histogram(polls.time));
    out.number_unless_0(kLeaderChanges, leaders.counts.changes);
    out.number(kLeaderlessSeconds, bits_of(leaders.counts.leaderless_seconds));
    out.text(kLeaderlessTime, write_histogram(leaders.counts.leaderless_time));
    out.text_unless_empty(kLeadership, leaders.leader);
    out.number_unless_0(kLeads, leaders.leads ? 1 : 0);
    out.number_unless_0(kExpected, leaders.expected ? 1 : 0);
    if (leaders.since)
        out.number(kLeaderlessSince, number_of_time(*leaders.since));
    return out.bytes();
}

std::optional<PassedCounts> read_counts(std::string_view fields) {
    PassedCounts passed;
    auto& polls = passed.counts.polls;
    auto& leaders = passed.counts.leaders;
    bool sound = true;
    FieldReader in(fields);
    while (in.next()) {
        switch (in.field()) {
            case kCluster:
                passed.cluster = in.text();
                break;
            case kPollsGood:
                polls.good = in.number();
                break;
            case kPollsFailed:
                polls.failed = in.number();
                break;
            case kPollError:
                polls.last_error = in.text();
                break;
            case kPollHost:
                polls.last_host = in.text();
                break;
            case kPollSecondsTotal:
                polls.seconds_total = seconds_of(in.number());
                break;
            case kPollLastSeconds:
                polls.last_seconds = seconds_of(in.number());
                break;
            case kPollTime:
                sound &= read_histogram(in.text(), polls.time);
                break;
            case kLeaderChanges:
                leaders.counts.changes = in.number();
                break;
            case kLeaderlessSeconds:
                leaders.counts.leaderless_seconds = seconds_of(in.number());
                break;
            case kLeaderlessTime:
                sound &= read_histogram(in.text(), leaders.counts.leaderless_time);
                break;
            case kLeadership:
                leaders.leader = in.text();
                break;
            case kLeads:
                leaders.leads = in.number() != 0;
                break;
            case kExpected:
                leaders.expected = in.number() != 0;
                break;
            case kLeaderlessSince:
                leaders.since = time_of_number(in.number());
                break;
            default:
                break;
        }
    }
    return sound && !in.failed() ? std::optional(std::move(passed)) : std::nullopt;
}

std::string write(const PassedProcess& process) {
    const auto& [report, last_at] = process.reloads;
    FieldWriter out;
    out.number(kStarted, number_of_time(process.started));
    out.number_unless_0(kReloadsGood, report.good);
    out.number_unless_0(kReloadsFailed, report.failed);
    out.number_unless_0(kReloadLastFailed, report.last_good ? 0 : 1);
    out.text_unless_empty(kReloadError, report.last_error);
    out.number(kReloadAt, number_of_time(last_at));
    out.text_unless_empty(kUpgradedBy, process.upgraded_by);
    if (process.log_level)
        out.text(kLogLevel, daemons::log::name_of(*process.log_level));
    out.number(kStartedAt, bits_of(process.started_at));
    return out.bytes();
}

std::optional<PassedProcess> read_process(std::string_view fields) {
    PassedProcess process;
    auto& [report, last_at] = process.reloads;
    FieldReader in(fields);
    while (in.next()) {
        switch (in.field()) {
            case kStarted:
                process.started = time_of_number(in.number());
                break;
            case kReloadsGood:
                report.good = in.number();
                break;
            case kReloadsFailed:
                report.failed = in.number();
                break;
            case kReloadLastFailed:
                report.last_good = in.number() == 0;
                break;
            case kReloadError:
                report.last_error = in.text();
                break;
            case kReloadAt:
                last_at = time_of_number(in.number());
                break;
            case kUpgradedBy:
                process.upgraded_by = in.text();
                break;
            case kLogLevel:
                process.log_level = daemons::log::level_from(in.text());
                break;
            case kStartedAt:
                process.started_at = seconds_of(in.number());
                break;
            default:
                break;
        }
    }
    return in.failed() ? std::nullopt : std::optional(std::move(process));
}

}  // namespace proxy::upgrade
