#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>

#include "patroni_proxy/upgrade/messages/fields.h"
#include "patroni_proxy/upgrade/messages/messages.h"

namespace proxy::upgrade {
namespace {

// Longer than any that a session has.
constexpr std::uint64_t kLongestTimer = 3'600'000;
constexpr std::uint64_t kLongestSilence = std::uint64_t{400} * 24 * 3'600'000;

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
    kDeparts,
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

}  // namespace

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
    out.number_unless_0(kDeparts, relay.departs ? 1 : 0);
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
            case kDeparts:
                relay.departs = in.number() != 0;
                break;
            default:
                break;
        }
    }
    return !in.failed();
}

}  // namespace proxy::upgrade
