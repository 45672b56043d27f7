// What was counted of a port.

#include <utility>

#include "patroni_proxy/upgrade/messages/fields.h"
#include "patroni_proxy/upgrade/messages/messages.h"
#include "patroni_proxy/upgrade/messages/values.h"

namespace proxy::upgrade {
namespace {

enum : unsigned {
    kTallyLabel = 1,
    kQueuedTotal,
    kTallyRefused,
    kTallyMember,
    kHeldTime,
    kGaveUp,
    kSessionTime
};
enum : unsigned {
    kTallyName = 1,
    kSessionsTotal,
    kFromClient,
    kFromBackend,
    kConnectFailures,
    kTallyEnded,
    kConnectTime,
    kMostPerSecond,
};
enum : unsigned { kTimesAt = 1, kTimesOfPort };
enum : unsigned { kTimesLabel = 1, kTimesConnect, kTimesHeld };
/// By the name of the reason: another version may have others, in another order.
enum : unsigned { kTallyReason = 1, kTallyCount };
void write_counts(FieldWriter& out, unsigned field, const SessionEndCounts& counts) {
    for (std::size_t i = 0; i < counts.size(); ++i) {
        if (counts[i] == 0)
            continue;
        FieldWriter each;
        each.text(kTallyReason, name_of(static_cast<SessionEnd>(i)));
        each.number(kTallyCount, counts[i]);
        out.text(field, each.bytes());
    }
}

/// An unknown reason is not counted.
bool read_count(std::string_view fields, SessionEndCounts& counts) {
    std::string_view reason;
    std::uint64_t count = 0;
    FieldReader in(fields);
    while (in.next()) {
        if (in.field() == kTallyReason)
            reason = in.text();
        else if (in.field() == kTallyCount)
            count = in.number();
    }
    for (std::size_t i = 0; i < counts.size(); ++i)
        if (name_of(static_cast<SessionEnd>(i)) == reason)
            counts[i] = count;
    return !in.failed();
}

bool read_member(std::string_view fields, PortTally& tally) {
    MemberTally member;
    std::string name;
    FieldReader in(fields);
    while (in.next()) {
        switch (in.field()) {
            case kTallyName:
                name = in.text();
                break;
            case kSessionsTotal:
                member.sessions_total = in.number();
                break;
            case kFromClient:
                member.bytes_from_client = in.number();
                break;
            case kFromBackend:
                member.bytes_from_backend = in.number();
                break;
            case kConnectFailures:
                member.connect_failures = in.number();
                break;
            case kTallyEnded:
                if (!read_count(in.text(), member.ended))
                    return false;
                break;
            case kMostPerSecond:
                member.rate.had(in.number());
                break;
            case kConnectTime:
                if (!read_histogram(in.text(), member.connect_time))
                    return false;
                break;
            default:
                break;
        }
    }
    tally.members[name] = member;
    return !in.failed();
}

bool read_times_of_port(std::string_view fields, std::map<std::string, PortTimes>& ports) {
    std::string label;
    PortTimes times;
    bool sound = true;
    FieldReader in(fields);
    while (in.next()) {
        if (in.field() == kTimesLabel)
            label = in.text();
        else if (in.field() == kTimesConnect)
            sound &= read_histogram(in.text(), times.connect);
        else if (in.field() == kTimesHeld)
            sound &= read_histogram(in.text(), times.held);
    }
    ports[label] = times;
    return sound && !in.failed();
}

}  // namespace

std::string write(const LabelledTally& labelled) {
    FieldWriter out;
    out.text(kTallyLabel, labelled.label);
    out.number_unless_0(kQueuedTotal, labelled.tally.queued_total);
    write_counts(out, kTallyRefused, labelled.tally.refused);
    out.text(kHeldTime, write_histogram(labelled.tally.held_time));
    out.text(kSessionTime, write_histogram(labelled.tally.session_time));
    out.number_unless_0(kGaveUp, labelled.tally.gave_up);
    for (const auto& [name, member] : labelled.tally.members) {
        FieldWriter each;
        each.text(kTallyName, name);
        each.number_unless_0(kSessionsTotal, member.sessions_total);
        each.number_unless_0(kFromClient, member.bytes_from_client);
        each.number_unless_0(kFromBackend, member.bytes_from_backend);
        each.number_unless_0(kConnectFailures, member.connect_failures);
        write_counts(each, kTallyEnded, member.ended);
        each.text(kConnectTime, write_histogram(member.connect_time));
        each.number_unless_0(kMostPerSecond, member.rate.most());
        out.text(kTallyMember, each.bytes());
    }
    return out.bytes();
}

std::optional<LabelledTally> read_tally(std::string_view fields) {
    LabelledTally labelled;
    FieldReader in(fields);
    while (in.next()) {
        if (in.field() == kTallyLabel)
            labelled.label = in.text();
        else if (in.field() == kQueuedTotal)
            labelled.tally.queued_total = in.number();
        else if (in.field() == kGaveUp)
            labelled.tally.gave_up = in.number();
        else if ((in.field() == kTallyRefused && !read_count(in.text(), labelled.tally.refused)) ||
                 (in.field() == kTallyMember && !read_member(in.text(), labelled.tally)) ||
                 (in.field() == kHeldTime &&
                  !read_histogram(in.text(), labelled.tally.held_time)) ||
                 (in.field() == kSessionTime &&
                  !read_histogram(in.text(), labelled.tally.session_time)))
            return std::nullopt;
    }
    return in.failed() ? std::nullopt : std::optional(std::move(labelled));
}

std::string write(const PassedTimes& times) {
    FieldWriter out;
    out.number(kTimesAt, number_of_time(times.at));
    for (const auto& [label, port] : times.ports) {
        FieldWriter each;
        each.text(kTimesLabel, label);
        each.text(kTimesConnect, write_histogram(port.connect));
        each.text(kTimesHeld, write_histogram(port.held));
        out.text(kTimesOfPort, each.bytes());
    }
    return out.bytes();
}

std::optional<PassedTimes> read_times(std::string_view fields) {
    PassedTimes times;
    FieldReader in(fields);
    while (in.next()) {
        if (in.field() == kTimesAt)
            times.at = time_of_number(in.number());
        else if (in.field() == kTimesOfPort && !read_times_of_port(in.text(), times.ports))
            return std::nullopt;
    }
    return in.failed() ? std::nullopt : std::optional(std::move(times));
}

}  // namespace proxy::upgrade
