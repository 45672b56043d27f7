// A session, and what was counted of its port.

#include <algorithm>
#include <bit>
#include <limits>
#include <utility>

#include "patroni_proxy/upgrade/messages/fields.h"
#include "patroni_proxy/upgrade/messages/messages.h"
#include "patroni_proxy/upgrade/messages/values.h"

namespace proxy::upgrade {
namespace {

using Stage = SessionState::Stage;

enum : unsigned {
    kSessionLabel = 1,
    kHasBackendSocket,
    kWorker,
    kSessionNumber,
    kStage,
    kClient,
    kDestination,
    kAcceptedAt,
    kHeld,
    kConnecting,
    kHeaderBegun,
    kStartup,
    kQueued,
    kClosedBy,
    kNames,
    kSessionMember,
    kBackend,
    kSessionByFallback,
    kHasSeat,
    kHasPlace,
    kRelay,
};
enum : unsigned { kUser = 1, kDatabase, kApplication };
enum : unsigned {
    kKeeps = 1,
    kAwaits,
    kSpeaksOn,
    kRefused,
    kSilentEnds,
    kRequest,
    kAnswer,
    kWithholds
};
std::string write_startup(const StartupState& startup) {
    FieldWriter out;
    out.number_unless_0(kKeeps, startup.keeps ? 1 : 0);
    out.number_unless_0(kWithholds, startup.withholds ? 1 : 0);
    out.number_unless_0(kAwaits, static_cast<std::uint64_t>(startup.awaits));
    out.number_unless_0(kSpeaksOn, startup.speaks_on ? 1 : 0);
    out.number_unless_0(kRefused, startup.refused ? 1 : 0);
    out.number_unless_0(kSilentEnds, startup.silent_ends);
    out.text_unless_empty(kRequest, startup.request);
    out.text_unless_empty(kAnswer, startup.answer);
    return out.bytes();
}

std::optional<StartupState> read_startup(std::string_view fields) {
    constexpr std::uint64_t kMost = 100;
    StartupState startup;
    FieldReader in(fields);
    while (in.next()) {
        switch (in.field()) {
            case kKeeps:
                startup.keeps = in.number() != 0;
                break;
            case kAwaits:
                if (in.number() > static_cast<std::uint64_t>(StartupState::Awaits::answer))
                    return std::nullopt;
                startup.awaits = static_cast<StartupState::Awaits>(in.number());
                break;
            case kWithholds:
                startup.withholds = in.number() != 0;
                break;
            case kSpeaksOn:
                startup.speaks_on = in.number() != 0;
                break;
            case kRefused:
                startup.refused = in.number() != 0;
                break;
            case kSilentEnds:
                startup.silent_ends = static_cast<unsigned>(std::min(in.number(), kMost));
                break;
            case kRequest:
                startup.request = in.text();
                break;
            case kAnswer:
                startup.answer = in.text();
                break;
            default:
                break;
        }
    }
    return in.failed() ? std::nullopt : std::optional(std::move(startup));
}

bool read_names(std::string_view fields, SessionState& state) {
    state.has_names = true;
    FieldReader in(fields);
    while (in.next()) {
        if (in.field() == kUser)
            state.user = in.text();
        else if (in.field() == kDatabase)
            state.database = in.text();
        else if (in.field() == kApplication)
            state.application = in.text();
    }
    return !in.failed();
}

std::string write_names(const SessionState& state) {
    FieldWriter out;
    out.text_unless_empty(kUser, state.user);
    out.text_unless_empty(kDatabase, state.database);
    out.text_unless_empty(kApplication, state.application);
    return out.bytes();
}

/// False if the value cannot be one of this field.
bool read_field(const FieldReader& in, PassedSession& session, std::uint64_t& worker,
                std::uint64_t& number) {
    SessionState& state = session.state;
    switch (in.field()) {
        case kSessionLabel:
            session.label = in.text();
            return true;
        case kHasBackendSocket:
            session.has_backend_socket = in.number() != 0;
            return true;
        case kWorker:
            worker = in.number();
            return worker <= std::numeric_limits<std::uint16_t>::max();
        case kSessionNumber:
            number = in.number();
            return number >> SessionId::kNumberBits == 0;
        case kStage:
            state.stage = static_cast<Stage>(in.number());
            return in.number() <= static_cast<std::uint64_t>(Stage::relaying);
        case kClient:
            state.client = address_of_text(in.text());
            return true;
        case kDestination:
            state.destination = address_of_text(in.text());
            return true;
        case kAcceptedAt:
            state.accepted_at = time_of_number(in.number());
            return true;
        case kHeld:
            state.held = std::bit_cast<double>(in.number());
            return true;
        case kConnecting:
            state.connecting = std::bit_cast<double>(in.number());
            return true;
        case kHeaderBegun:
            state.header_begun = in.text();
            return in.text().size() < kMaxProxyHeader;
        case kStartup:
            state.startup = read_startup(in.text());
            return state.startup.has_value();
        case kQueued:
            state.queued = in.number() != 0;
            return true;
        case kClosedBy:
            state.closed_by = in.text();
            return true;
        case kNames:
            return read_names(in.text(), state);
        case kSessionMember:
            state.member = in.text();
            return true;
        case kBackend:
            state.backend = address_of_text(in.text());
            return true;
        case kSessionByFallback:
            state.served_by = in.number() != 0 ? ServedBy::fallback_roles : ServedBy::roles;
            return true;
        case kHasSeat:
            state.has_seat = in.number() != 0;
            return true;
        case kHasPlace:
            state.has_place = in.number() != 0;
            return true;
        case kRelay:
            return read_relay(in.text(), state.relay);
        default:
            return true;
    }
}

/// Whether its parts go together.
bool is_sound(const PassedSession& session) {
    const SessionState& state = session.state;
    if (session.label.empty() || (session.has_backend_socket && state.stage != Stage::relaying))
        return false;
    if (state.stage != Stage::relaying)
        return true;
    const bool has_ended = state.relay.backend.ended != net::SideEnd::none;
    return !state.member.empty() && (session.has_backend_socket || has_ended) &&
           (state.has_seat || state.relay.end);
}

}  // namespace

std::string write(const PassedSession& session) {
    const SessionState& state = session.state;
    FieldWriter out;
    out.text(kSessionLabel, session.label);
    out.number_unless_0(kHasBackendSocket, session.has_backend_socket ? 1 : 0);
    out.number_unless_0(kWorker, state.id.worker());
    out.number(kSessionNumber, state.id.number());
    out.number(kStage, static_cast<std::uint64_t>(state.stage));
    out.text_unless_empty(kClient, text_of_address(state.client));
    out.text_unless_empty(kDestination, text_of_address(state.destination));
    out.number(kAcceptedAt, number_of_time(state.accepted_at));
    out.number_unless_0(kHeld, std::bit_cast<std::uint64_t>(state.held));
    out.number_unless_0(kConnecting, std::bit_cast<std::uint64_t>(state.connecting));
    out.text_unless_empty(kHeaderBegun, state.header_begun);
    if (state.startup)
        out.text(kStartup, write_startup(*state.startup));
    out.number_unless_0(kQueued, state.queued ? 1 : 0);
    out.text_unless_empty(kClosedBy, state.closed_by);
    if (state.has_names)
        out.text(kNames, write_names(state));
    out.text_unless_empty(kSessionMember, state.member);
    out.text_unless_empty(kBackend, text_of_address(state.backend));
    out.number_unless_0(kSessionByFallback, state.served_by == ServedBy::fallback_roles ? 1 : 0);
    out.number_unless_0(kHasSeat, state.has_seat ? 1 : 0);
    out.number_unless_0(kHasPlace, state.has_place ? 1 : 0);
    if (state.stage == Stage::relaying)
        out.text(kRelay, write_relay(state.relay));
    return out.bytes();
}

std::optional<PassedSession> read_session(std::string_view fields) {
    PassedSession session;
    std::uint64_t worker = 0;
    std::uint64_t number = 0;
    FieldReader in(fields);
    while (in.next())
        if (!read_field(in, session, worker, number))
            return std::nullopt;
    session.state.id = SessionId(static_cast<std::uint16_t>(worker), number);
    const bool sound = !in.failed() && is_sound(session);
    return sound ? std::optional(std::move(session)) : std::nullopt;
}

}  // namespace proxy::upgrade
