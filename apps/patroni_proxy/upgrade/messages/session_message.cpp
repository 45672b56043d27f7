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

// Longer than any that a session has.
constexpr std::uint64_t kLongestTimer = 3'600'000;
constexpr std::uint64_t kLongestSilence = std::uint64_t{400} * 24 * 3'600'000;

enum : unsigned {
    kLabel = 1,
    kHasBackendSocket,
    kWorker,
    kNumber,
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
    kMember,
    kBackend,
    kByFallback,
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
enum : unsigned {
    kClientSide = 1,
    kBackendSide,
    kHeard,
    kShutdown,
    kRelayEnd,
    kAnswered,
    kWaited,
    kTold,
    kInspected,
    kQuery,
};
enum : unsigned { kReceived = 1, kSilence, kEnded, kWriteDone, kDeaf, kReset };
enum : unsigned { kLeft = 1, kUndelivered, kChecks };

std::uint64_t count_of(std::chrono::milliseconds time) {
    return static_cast<std::uint64_t>(time.count());
}

std::chrono::milliseconds milliseconds_of(std::uint64_t count, std::uint64_t longest) {
    return std::chrono::milliseconds(static_cast<std::int64_t>(std::min(count, longest)));
}

std::string write_side(const net::RelayState::Side& side) {
    FieldWriter out;
    out.number_unless_0(kReceived, side.received);
    out.number_unless_0(kSilence, count_of(side.silence));
    out.number_unless_0(kEnded, static_cast<std::uint64_t>(side.ended));
    out.number_unless_0(kWriteDone, side.write_done ? 1 : 0);
    out.number_unless_0(kDeaf, side.deaf ? 1 : 0);
    out.number_unless_0(kReset, side.reset ? 1 : 0);
    return out.bytes();
}

bool read_side(std::string_view fields, net::RelayState::Side& side) {
    FieldReader in(fields);
    while (in.next()) {
        switch (in.field()) {
            case kReceived:
                side.received = in.number();
                break;
            case kSilence:
                side.silence = milliseconds_of(in.number(), kLongestSilence);
                break;
            case kEnded:
                if (in.number() > static_cast<std::uint64_t>(net::SideEnd::broke))
                    return false;
                side.ended = static_cast<net::SideEnd>(in.number());
                break;
            case kWriteDone:
                side.write_done = in.number() != 0;
                break;
            case kDeaf:
                side.deaf = in.number() != 0;
                break;
            case kReset:
                side.reset = in.number() != 0;
                break;
            default:
                break;
        }
    }
    return !in.failed();
}

std::string write_shutdown(const net::RelayState::Shutdown& shutdown) {
    FieldWriter out;
    if (shutdown.left)
        out.number(kLeft, count_of(*shutdown.left));
    out.number_unless_0(kUndelivered,
                        static_cast<std::uint64_t>(std::max(0, shutdown.undelivered)));
    out.number_unless_0(kChecks, shutdown.checks);
    return out.bytes();
}

std::optional<net::RelayState::Shutdown> read_shutdown(std::string_view fields) {
    constexpr std::uint64_t kMost = std::numeric_limits<int>::max();
    net::RelayState::Shutdown shutdown;
    FieldReader in(fields);
    while (in.next()) {
        if (in.field() == kLeft)
            shutdown.left = milliseconds_of(in.number(), kLongestTimer);
        else if (in.field() == kUndelivered)
            shutdown.undelivered = static_cast<int>(std::min(in.number(), kMost));
        else if (in.field() == kChecks)
            shutdown.checks = static_cast<unsigned>(std::min(in.number(), kMost));
    }
    return in.failed() ? std::nullopt : std::optional(shutdown);
}

std::string write_relay(const net::RelayState& relay) {
    FieldWriter out;
    out.text(kClientSide, write_side(relay.client));
    out.text(kBackendSide, write_side(relay.backend));
    out.number_unless_0(kHeard, relay.heard);
    if (relay.shutdown)
        out.text(kShutdown, write_shutdown(*relay.shutdown));
    if (relay.end)
        out.number(kRelayEnd, static_cast<std::uint64_t>(*relay.end));
    out.number_unless_0(kAnswered, relay.answered ? 1 : 0);
    out.number_unless_0(kWaited, relay.waited ? 1 : 0);
    out.number_unless_0(kTold, relay.told ? 1 : 0);
    out.number_unless_0(kInspected, relay.inspected ? 1 : 0);
    out.number_unless_0(kQuery, relay.query.as_byte());
    return out.bytes();
}

bool read_relay(std::string_view fields, net::RelayState& relay) {
    FieldReader in(fields);
    while (in.next()) {
        switch (in.field()) {
            case kClientSide:
                if (!read_side(in.text(), relay.client))
                    return false;
                break;
            case kBackendSide:
                if (!read_side(in.text(), relay.backend))
                    return false;
                break;
            case kHeard:
                relay.heard = in.number();
                break;
            case kShutdown:
                relay.shutdown = read_shutdown(in.text());
                if (!relay.shutdown)
                    return false;
                break;
            case kRelayEnd:
                if (in.number() > static_cast<std::uint64_t>(net::RelayEnd::out_of_resources))
                    return false;
                relay.end = static_cast<net::RelayEnd>(in.number());
                break;
            case kAnswered:
                relay.answered = in.number() != 0;
                break;
            case kWaited:
                relay.waited = in.number() != 0;
                break;
            case kTold:
                relay.told = in.number() != 0;
                break;
            case kInspected:
                relay.inspected = in.number() != 0;
                break;
            case kQuery:
                relay.query = net::QueryState::from_byte(static_cast<std::uint8_t>(in.number()));
                break;
            default:
                break;
        }
    }
    return !in.failed();
}

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
        case kLabel:
            session.label = in.text();
            return true;
        case kHasBackendSocket:
            session.has_backend_socket = in.number() != 0;
            return true;
        case kWorker:
            worker = in.number();
            return worker <= std::numeric_limits<std::uint16_t>::max();
        case kNumber:
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
        case kMember:
            state.member = in.text();
            return true;
        case kBackend:
            state.backend = address_of_text(in.text());
            return true;
        case kByFallback:
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
    out.text(kLabel, session.label);
    out.number_unless_0(kHasBackendSocket, session.has_backend_socket ? 1 : 0);
    out.number_unless_0(kWorker, state.id.worker());
    out.number(kNumber, state.id.number());
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
    out.text_unless_empty(kMember, state.member);
    out.text_unless_empty(kBackend, text_of_address(state.backend));
    out.number_unless_0(kByFallback, state.served_by == ServedBy::fallback_roles ? 1 : 0);
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
