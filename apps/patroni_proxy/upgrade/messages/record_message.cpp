// A record of the history. Its words go by name: another version may have others, in another order.

#include <algorithm>
#include <utility>

#include "patroni_proxy/upgrade/messages/fields.h"
#include "patroni_proxy/upgrade/messages/messages.h"
#include "patroni_proxy/upgrade/messages/values.h"

namespace proxy::upgrade {
namespace {

using history::Cause;
using history::PortShare;
using history::Record;
using history::Step;
using history::StepKind;

enum : unsigned {
    kId = 1,
    kKind,
    kStoryCluster,
    kEpochAt,
    kEpochUnix,
    kBegan,
    kStoryEnded,
    kCause,
    kWords,
    kFrom,
    kTo,
    kStoryPaused,
    kLeaderless,
    kStep,
    kStepsLeftOut,
    kStoryPort,
    kStoryBy,
    kSummary,
};
enum : unsigned { kStepAt = 1, kStepKind, kStepMember, kStepPort, kStepDetail };
enum : unsigned {
    kPortName = 1,
    kPortEnded,
    kPortHeld,
    kPortLongestHeld,
    kPortGaveUp,
    kPortRefused,
    kPortFirstSession,
    kPortLeft,
    kPortJoined,
};
enum : unsigned { kStoryReason = 1, kStoryCount };

/// The enumerator of this name, from the first one to `last`.
template <typename Enum>
std::optional<Enum> named(std::string_view name, Enum last) {
    for (unsigned i = 0; i <= static_cast<unsigned>(last); ++i)
        if (const auto each = static_cast<Enum>(i); history::name_of(each) == name)
            return each;
    return std::nullopt;
}

std::string write_step(const Step& step) {
    FieldWriter out;
    out.number(kStepAt, number_of_time(step.at));
    out.text(kStepKind, name_of(step.kind));
    out.text_unless_empty(kStepMember, step.member);
    out.text_unless_empty(kStepPort, step.port);
    out.text_unless_empty(kStepDetail, step.detail);
    return out.bytes();
}

/// False if it cannot be read. A step that this version does not have is left out.
bool read_step(std::string_view fields, Record& record) {
    Step step;
    std::optional<StepKind> kind;
    FieldReader in(fields);
    while (in.next()) {
        if (in.field() == kStepAt)
            step.at = time_of_number(in.number());
        else if (in.field() == kStepKind)
            kind = named(in.text(), StepKind::member_joined);
        else if (in.field() == kStepMember)
            step.member = in.text();
        else if (in.field() == kStepPort)
            step.port = in.text();
        else if (in.field() == kStepDetail)
            step.detail = in.text();
    }
    if (kind && record.steps.size() < Record::kMostSteps) {
        step.kind = *kind;
        record.steps.push_back(std::move(step));
    }
    return !in.failed();
}

std::string write_port(const PortShare& port) {
    FieldWriter out;
    out.text(kPortName, port.port);
    out.number_unless_0(kPortEnded, port.ended);
    out.number_unless_0(kPortHeld, port.held);
    out.number(kPortLongestHeld, bits_of(port.longest_held));
    out.number_unless_0(kPortGaveUp, port.gave_up);
    for (const auto& [reason, count] : port.refused) {
        FieldWriter each;
        each.text(kStoryReason, reason);
        each.number(kStoryCount, count);
        out.text(kPortRefused, each.bytes());
    }
    if (port.first_session)
        out.number(kPortFirstSession, number_of_time(*port.first_session));
    for (const auto& member : port.left)
        out.text(kPortLeft, member);
    for (const auto& member : port.joined)
        out.text(kPortJoined, member);
    return out.bytes();
}

bool read_refused(std::string_view fields, PortShare& port) {
    std::string reason;
    std::uint64_t count = 0;
    FieldReader in(fields);
    while (in.next()) {
        if (in.field() == kStoryReason)
            reason = in.text();
        else if (in.field() == kStoryCount)
            count = in.number();
    }
    port.refused[reason] = count;
    return !in.failed();
}

bool read_port(std::string_view fields, Record& record) {
    PortShare port;
    bool sound = true;
    FieldReader in(fields);
    while (in.next()) {
        switch (in.field()) {
            case kPortName:
                port.port = in.text();
                break;
            case kPortEnded:
                port.ended = in.number();
                break;
            case kPortHeld:
                port.held = in.number();
                break;
            case kPortLongestHeld:
                port.longest_held = double_of(in.number());
                break;
            case kPortGaveUp:
                port.gave_up = in.number();
                break;
            case kPortRefused:
                sound &= read_refused(in.text(), port);
                break;
            case kPortFirstSession:
                port.first_session = time_of_number(in.number());
                break;
            case kPortLeft:
                port.left.emplace_back(in.text());
                break;
            case kPortJoined:
                port.joined.emplace_back(in.text());
                break;
            default:
                break;
        }
    }
    if (record.ports.size() < Record::kMostPorts)
        record.ports.push_back(std::move(port));
    return sound && !in.failed();
}

}  // namespace

std::string write(const Record& record) {
    FieldWriter out;
    out.number(kId, record.id);
    out.text(kKind, name_of(record.kind));
    out.text_unless_empty(kStoryCluster, record.cluster);
    out.number(kEpochAt, number_of_time(record.epoch.at));
    out.number(kEpochUnix, bits_of(record.epoch.unix_time));
    out.number(kBegan, number_of_time(record.began));
    if (record.ended)
        out.number(kStoryEnded, number_of_time(*record.ended));
    out.text(kCause, name_of(record.cause));
    out.text_unless_empty(kWords, record.words);
    out.text_unless_empty(kFrom, record.from);
    out.text_unless_empty(kTo, record.to);
    out.number_unless_0(kStoryPaused, record.paused ? 1 : 0);
    out.number_unless_0(kLeaderless, static_cast<std::uint64_t>(record.leaderless.count()));
    for (const auto& step : record.steps)
        out.text(kStep, write_step(step));
    out.number_unless_0(kStepsLeftOut, record.steps_left_out);
    for (const auto& port : record.ports)
        out.text(kStoryPort, write_port(port));
    out.text_unless_empty(kStoryBy, record.by);
    out.text_unless_empty(kSummary, record.summary);
    return out.bytes();
}

std::optional<Record> read_record(std::string_view fields) {
    Record record;
    std::optional<history::Kind> kind;
    bool sound = true;
    FieldReader in(fields);
    while (in.next()) {
        switch (in.field()) {
            case kId:
                record.id = in.number();
                break;
            case kKind:
                kind = named(in.text(), history::Kind::leader);
                break;
            case kStoryCluster:
                record.cluster = in.text();
                break;
            case kEpochAt:
                record.epoch.at = time_of_number(in.number());
                break;
            case kEpochUnix:
                record.epoch.unix_time = double_of(in.number());
                break;
            case kBegan:
                record.began = time_of_number(in.number());
                break;
            case kStoryEnded:
                record.ended = time_of_number(in.number());
                break;
            case kCause:
                record.cause = named(in.text(), Cause::operator_action).value_or(Cause::unknown);
                break;
            case kWords:
                record.words = in.text();
                break;
            case kFrom:
                record.from = in.text();
                break;
            case kTo:
                record.to = in.text();
                break;
            case kStoryPaused:
                record.paused = in.number() != 0;
                break;
            case kLeaderless:
                record.leaderless = time_of_number(in.number()).time_since_epoch();
                break;
            case kStep:
                sound &= read_step(in.text(), record);
                break;
            case kStepsLeftOut:
                record.steps_left_out = in.number();
                break;
            case kStoryPort:
                sound &= read_port(in.text(), record);
                break;
            case kStoryBy:
                record.by = in.text();
                break;
            case kSummary:
                record.summary = in.text();
                break;
            default:
                break;
        }
    }
    if (in.failed() || !sound || !kind)
        return std::nullopt;
    record.kind = *kind;
    return record;
}

}  // namespace proxy::upgrade
