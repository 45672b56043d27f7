#include "patroni_proxy/upgrade/messages/patroni_values.h"

#include <memory>
#include <utility>

#include "patroni_proxy/upgrade/messages/fields.h"
#include "patroni_proxy/upgrade/messages/values.h"

namespace proxy::upgrade {
namespace {

using patroni::ClusterSnapshot;
using patroni::Leadership;
using patroni::Member;
using patroni::Standing;

enum : unsigned { kEntryKey = 1, kEntryText, kEntryNumber };
enum : unsigned {
    kMemberName = 1,
    kRole,
    kState,
    kHost,
    kMemberPort,
    kTimeline,
    kLag,
    kTellsReplayLag,
    kTag,
    kApiUrl,
    kRemembered,
    kPlaceRemembered,
};
enum : unsigned { kMember = 1, kPaused, kScope, kNameless, kWarning };
enum : unsigned { kLeader = 1, kStanding, kLeaderReason, kDetails, kConfirmedAt, kApiIsSilent };

}  // namespace

std::string write_entry(const Entry& entry) {
    FieldWriter out;
    out.text(kEntryKey, entry.key);
    out.text_unless_empty(kEntryText, entry.text);
    out.number_unless_0(kEntryNumber, entry.number);
    return out.bytes();
}

bool read_entry(std::string_view fields, Entry& entry) {
    FieldReader in(fields);
    while (in.next()) {
        if (in.field() == kEntryKey)
            entry.key = in.text();
        else if (in.field() == kEntryText)
            entry.text = in.text();
        else if (in.field() == kEntryNumber)
            entry.number = in.number();
    }
    return !in.failed();
}
bool read_entry(std::string_view fields, std::map<std::string, std::uint64_t>& map) {
    Entry entry;
    const bool sound = read_entry(fields, entry);
    map[entry.key] = entry.number;
    return sound;
}
bool read_entry(std::string_view fields, std::map<std::string, std::string>& map) {
    Entry entry;
    const bool sound = read_entry(fields, entry);
    map[entry.key] = std::move(entry.text);
    return sound;
}

std::string write_member(const Member& member) {
    FieldWriter out;
    out.text(kMemberName, member.name);
    out.text_unless_empty(kRole, member.role_name);
    out.text_unless_empty(kState, member.state_name);
    out.text_unless_empty(kHost, member.host);
    if (member.port)
        out.number(kMemberPort, *member.port);
    if (member.timeline)
        out.number(kTimeline, *member.timeline);
    if (member.lag)
        out.number(kLag, *member.lag);
    out.number_unless_0(kTellsReplayLag, member.tells_replay_lag ? 1 : 0);
    for (const auto& [tag, value] : member.tags)
        out.text(kTag, write_entry({tag, value}));
    out.text_unless_empty(kApiUrl, member.api_url);
    out.number_unless_0(kRemembered, member.remembered ? 1 : 0);
    out.number_unless_0(kPlaceRemembered, member.place_remembered ? 1 : 0);
    return out.bytes();
}

bool read_member(std::string_view fields, Member& member) {
    bool sound = true;
    FieldReader in(fields);
    while (in.next()) {
        switch (in.field()) {
            case kMemberName:
                member.name = in.text();
                break;
            case kRole:
                member.role_name = in.text();
                member.role = patroni::role_from(member.role_name);
                break;
            case kState:
                member.state_name = in.text();
                member.state = patroni::state_from(member.state_name);
                break;
            case kHost:
                member.host = in.text();
                break;
            case kMemberPort:
                sound &= in.number() <= UINT16_MAX;
                member.port = static_cast<std::uint16_t>(in.number());
                break;
            case kTimeline:
                member.timeline = in.number();
                break;
            case kLag:
                member.lag = in.number();
                break;
            case kTellsReplayLag:
                member.tells_replay_lag = in.number() != 0;
                break;
            case kTag:
                sound &= read_entry(in.text(), member.tags);
                break;
            case kApiUrl:
                member.api_url = in.text();
                break;
            case kRemembered:
                member.remembered = in.number() != 0;
                break;
            case kPlaceRemembered:
                member.place_remembered = in.number() != 0;
                break;
            default:
                break;
        }
    }
    return sound && !in.failed();
}

std::string write_snapshot(const ClusterSnapshot& snapshot) {
    FieldWriter out;
    for (const auto& member : snapshot.members)
        out.text(kMember, write_member(member));
    out.number_unless_0(kPaused, snapshot.paused ? 1 : 0);
    out.text_unless_empty(kScope, snapshot.scope);
    out.number_unless_0(kNameless, snapshot.nameless);
    for (const auto& warning : snapshot.warnings)
        out.text(kWarning, warning);
    return out.bytes();
}

patroni::SnapshotPtr read_snapshot(std::string_view fields) {
    ClusterSnapshot snapshot;
    bool sound = true;
    FieldReader in(fields);
    while (in.next()) {
        if (in.field() == kMember)
            sound &= read_member(in.text(), snapshot.members.emplace_back());
        else if (in.field() == kPaused)
            snapshot.paused = in.number() != 0;
        else if (in.field() == kScope)
            snapshot.scope = in.text();
        else if (in.field() == kNameless)
            snapshot.nameless = in.number();
        else if (in.field() == kWarning)
            snapshot.warnings.emplace_back(in.text());
    }
    return sound && !in.failed() ? std::make_shared<const ClusterSnapshot>(std::move(snapshot))
                                 : nullptr;
}

std::string write_leader(const Leadership& leader) {
    FieldWriter out;
    out.text_unless_empty(kLeader, leader.member);
    out.number(kStanding, static_cast<std::uint64_t>(leader.standing));
    out.text_unless_empty(kLeaderReason, leader.reason);
    out.text(kDetails, write_member(leader.details));
    out.number(kConfirmedAt, number_of_time(leader.confirmed_at));
    out.number_unless_0(kApiIsSilent, leader.api_is_silent ? 1 : 0);
    return out.bytes();
}

bool read_leader(std::string_view fields, Leadership& leader) {
    bool sound = true;
    FieldReader in(fields);
    while (in.next()) {
        if (in.field() == kLeader) {
            leader.member = in.text();
        } else if (in.field() == kStanding) {
            sound &= in.number() <= static_cast<std::uint64_t>(Standing::out);
            leader.standing = static_cast<Standing>(in.number() & 3U);
        } else if (in.field() == kLeaderReason) {
            leader.reason = in.text();
        } else if (in.field() == kDetails) {
            sound &= read_member(in.text(), leader.details);
        } else if (in.field() == kConfirmedAt) {
            leader.confirmed_at = time_of_number(in.number());
        } else if (in.field() == kApiIsSilent) {
            leader.api_is_silent = in.number() != 0;
        }
    }
    return sound && !in.failed();
}

}  // namespace proxy::upgrade
