// What is known of a cluster.

#include <cmath>
#include <memory>
#include <utility>

#include "patroni_proxy/upgrade/messages/fields.h"
#include "patroni_proxy/upgrade/messages/messages.h"
#include "patroni_proxy/upgrade/messages/patroni_values.h"
#include "patroni_proxy/upgrade/messages/values.h"

namespace proxy::upgrade {
namespace {

using patroni::ClusterView;
using patroni::Judge;
using patroni::Leadership;
using patroni::Member;
using patroni::Objection;

enum : unsigned { kName = 1, kMemory, kFrozen, kJudge, kSince };
enum : unsigned {
    kSnapshot = 1,
    kAnsweredAt,
    kConfirmed,
    kLeaderName,
    kUrl,
    kIdentityScope,
    kSystemIdentifier,
    kLiveLag,
    kPassedOn,
    kAgesAreUnsure,
    kAsOf,
};
enum : unsigned { kViewSnapshot = 1, kViewAnsweredAt, kViewLeader, kFrozenWith, kViewLag, kDenial };
enum : unsigned { kThing = 1, kWhat, kSinceWhen, kIsDown, kDownBefore };
enum : unsigned { kJudgedPort = 1, kByFallback, kRecord };
enum : unsigned {
    kRecordName = 1,
    kRecordMember,
    kToldAt,
    kServed,
    kLed,
    kLaggedOut,
    kObjectedSince,
    kObjection,
    kSameSince,
    kFitsSince,
};
std::string write_memory(const ClusterMemory& memory) {
    FieldWriter out;
    for (const auto& host : memory.hosts)
        out.text(kUrl, host);
    out.text_unless_empty(kIdentityScope, memory.identity.scope);
    out.text_unless_empty(kSystemIdentifier, memory.identity.system_identifier);
    out.text(kSnapshot, write_snapshot(*memory.snapshot));
    out.text_unless_empty(kLeaderName, memory.leader);
    out.number(kAnsweredAt, number_of_time(memory.answered_at));
    out.number(kConfirmed, number_of_time(memory.confirmed_at));
    for (const auto& [member, lag] : memory.live_lag)
        out.text(kLiveLag, write_entry({member, {}, lag}));
    out.number_unless_0(kPassedOn, memory.is_passed_on ? 1 : 0);
    out.number_unless_0(kAgesAreUnsure, memory.ages_are_sure ? 0 : 1);
    out.text_unless_empty(kAsOf, memory.as_of);
    return out.bytes();
}

bool read_memory(std::string_view fields, ClusterMemory& memory) {
    bool sound = true;
    FieldReader in(fields);
    while (in.next()) {
        switch (in.field()) {
            case kUrl:
                memory.hosts.emplace_back(in.text());
                break;
            case kIdentityScope:
                memory.identity.scope = in.text();
                break;
            case kSystemIdentifier:
                memory.identity.system_identifier = in.text();
                break;
            case kSnapshot:
                memory.snapshot = read_snapshot(in.text());
                break;
            case kLeaderName:
                memory.leader = in.text();
                break;
            case kAnsweredAt:
                memory.answered_at = time_of_number(in.number());
                break;
            case kConfirmed:
                memory.confirmed_at = time_of_number(in.number());
                break;
            case kLiveLag:
                sound &= read_entry(in.text(), memory.live_lag);
                break;
            case kPassedOn:
                memory.is_passed_on = in.number() != 0;
                break;
            case kAgesAreUnsure:
                memory.ages_are_sure = in.number() == 0;
                break;
            case kAsOf:
                memory.as_of = in.text();
                break;
            default:
                break;
        }
    }
    return sound && memory.snapshot && !in.failed();
}

std::string write_frozen(const FrozenView& frozen) {
    const ClusterView& view = frozen.in_force();
    FieldWriter out;
    out.text(kViewSnapshot, write_snapshot(*view.snapshot));
    out.number(kViewAnsweredAt, number_of_time(view.answered_at));
    out.text(kViewLeader, write_leader(view.leader));
    out.text(kFrozenWith, write_leader(frozen.frozen_with()));
    for (const auto& [member, lag] : view.live_lag)
        out.text(kViewLag, write_entry({member, {}, lag}));
    for (const auto& [member, denial] : view.denials)
        out.text(kDenial, write_entry({member, denial}));
    return out.bytes();
}

std::optional<FrozenView> read_frozen(std::string_view fields) {
    ClusterView view{};
    Leadership frozen_with;
    bool sound = true;
    FieldReader in(fields);
    while (in.next()) {
        if (in.field() == kViewSnapshot)
            view.snapshot = read_snapshot(in.text());
        else if (in.field() == kViewAnsweredAt)
            view.answered_at = time_of_number(in.number());
        else if (in.field() == kViewLeader)
            sound &= read_leader(in.text(), view.leader);
        else if (in.field() == kFrozenWith)
            sound &= read_leader(in.text(), frozen_with);
        else if (in.field() == kViewLag)
            sound &= read_entry(in.text(), view.live_lag);
        else if (in.field() == kDenial)
            sound &= read_entry(in.text(), view.denials);
    }
    if (!sound || !view.snapshot || in.failed())
        return std::nullopt;
    return FrozenView(std::move(view), std::move(frozen_with));
}

std::string write_record(const std::string& name, const Judge::Record& record) {
    FieldWriter out;
    out.text(kRecordName, name);
    out.text(kRecordMember, write_member(*record.member));
    out.number(kToldAt, number_of_time(record.told_at));
    out.number_unless_0(kServed, record.served ? 1 : 0);
    out.number_unless_0(kLed, record.led ? 1 : 0);
    out.number_unless_0(kLaggedOut, record.lagged_out ? 1 : 0);
    if (record.objected_since)
        out.number(kObjectedSince, number_of_time(*record.objected_since));
    out.number(kObjection, static_cast<std::uint64_t>(record.objection));
    out.number(kSameSince, number_of_time(record.same_since));
    if (record.fits_since)
        out.number(kFitsSince, number_of_time(*record.fits_since));
    return out.bytes();
}

bool read_record(std::string_view fields, Judge::Records& records) {
    std::string name;
    Member member;
    Judge::Record record;
    bool sound = true;
    FieldReader in(fields);
    while (in.next()) {
        switch (in.field()) {
            case kRecordName:
                name = in.text();
                break;
            case kRecordMember:
                sound &= read_member(in.text(), member);
                break;
            case kToldAt:
                record.told_at = time_of_number(in.number());
                break;
            case kServed:
                record.served = in.number() != 0;
                break;
            case kLed:
                record.led = in.number() != 0;
                break;
            case kLaggedOut:
                record.lagged_out = in.number() != 0;
                break;
            case kObjectedSince:
                record.objected_since = time_of_number(in.number());
                break;
            case kObjection:
                sound &= in.number() <= static_cast<std::uint64_t>(Objection::unproven);
                record.objection = static_cast<Objection>(in.number() & 7U);
                break;
            case kSameSince:
                record.same_since = time_of_number(in.number());
                break;
            case kFitsSince:
                record.fits_since = time_of_number(in.number());
                break;
            default:
                break;
        }
    }
    record.member = std::make_shared<const Member>(std::move(member));
    records[name] = std::move(record);
    return sound && !in.failed();
}

std::string write_judge(const FeedState::JudgedPort& judge) {
    FieldWriter out;
    out.text(kJudgedPort, judge.port);
    out.number_unless_0(kByFallback, judge.by_fallback ? 1 : 0);
    for (const auto& [name, record] : judge.records)
        out.text(kRecord, write_record(name, record));
    return out.bytes();
}

bool read_judge(std::string_view fields, FeedState::JudgedPort& judge) {
    bool sound = true;
    FieldReader in(fields);
    while (in.next()) {
        if (in.field() == kJudgedPort)
            judge.port = in.text();
        else if (in.field() == kByFallback)
            judge.by_fallback = in.number() != 0;
        else if (in.field() == kRecord)
            sound &= read_record(in.text(), judge.records);
    }
    return sound && !in.failed();
}

std::string write_since(const std::string& thing, const SinceTimes::Entry& entry) {
    FieldWriter out;
    out.text(kThing, thing);
    out.text_unless_empty(kWhat, entry.what);
    out.number(kSinceWhen, bits_of(entry.since));
    out.number_unless_0(kIsDown, entry.is_down ? 1 : 0);
    out.number_unless_0(kDownBefore, bits_of(entry.down_before));
    return out.bytes();
}

bool read_since(std::string_view fields, SinceTimes& since) {
    std::string thing;
    SinceTimes::Entry entry;
    FieldReader in(fields);
    while (in.next()) {
        if (in.field() == kThing)
            thing = in.text();
        else if (in.field() == kWhat)
            entry.what = in.text();
        else if (in.field() == kSinceWhen)
            entry.since = double_of(in.number());
        else if (in.field() == kIsDown)
            entry.is_down = in.number() != 0;
        else if (in.field() == kDownBefore)
            entry.down_before = double_of(in.number());
    }
    if (std::isfinite(entry.since) && std::isfinite(entry.down_before))
        since.add({{thing, entry}});
    return !in.failed();
}

}  // namespace

std::string write(const PassedCluster& cluster) {
    const FeedState& state = cluster.state;
    FieldWriter out;
    out.text(kName, cluster.cluster);
    if (state.memory)
        out.text(kMemory, write_memory(*state.memory));
    if (state.frozen)
        out.text(kFrozen, write_frozen(*state.frozen));
    for (const auto& judge : state.judges)
        out.text(kJudge, write_judge(judge));
    for (const auto& [thing, entry] : state.since.entries())
        out.text(kSince, write_since(thing, entry));
    return out.bytes();
}

std::optional<PassedCluster> read_cluster(std::string_view fields) {
    PassedCluster cluster;
    FeedState& state = cluster.state;
    bool sound = true;
    FieldReader in(fields);
    while (in.next()) {
        if (in.field() == kName) {
            cluster.cluster = in.text();
        } else if (in.field() == kMemory) {
            sound &= read_memory(in.text(), state.memory.emplace());
        } else if (in.field() == kFrozen) {
            state.frozen = read_frozen(in.text());
            sound &= state.frozen.has_value();
        } else if (in.field() == kJudge) {
            sound &= read_judge(in.text(), state.judges.emplace_back());
        } else if (in.field() == kSince) {
            sound &= read_since(in.text(), state.since);
        }
    }
    return sound && !in.failed() ? std::optional(std::move(cluster)) : std::nullopt;
}

}  // namespace proxy::upgrade
