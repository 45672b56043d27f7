#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/loop/relay.h"
#include "net/socket/socket_address.h"
#include "patroni_proxy/backend/backend_table.h"
#include "patroni_proxy/control/operator_settings.h"
#include "patroni_proxy/host/session_state.h"
#include "patroni_proxy/host/tally.h"
#include "patroni_proxy/session/selection/drain_pace.h"

/// What the running process and its successor say to each other, message by message:
///
///   running process                        successor
///   hello, listeners, settings, ports  ->                     it starts as always, but for clients
///                                      <-  ready or refused   it could serve
///   tallies, sessions, unsent, end     ->                     no session moves meanwhile
///                                      <-  took_over          from here on it serves
///
/// took_over is the moment: whoever has sent it serves, and until then the successor has touched
/// nothing. The end of the channel before it says that all stays as it was.
///
/// Pure. Whatever the bytes are, reading gives a sound value or nothing.
namespace proxy::upgrade {

/// Counts up when an older reader could no longer understand a newer writer. A new field alone
/// needs no new number: older readers skip it.
inline constexpr std::uint64_t kFormat = 1;

enum class Kind : std::uint8_t {
    hello = 1,
    listeners,
    settings,
    ports,
    ready,
    refused,
    tally,
    sessions,
    unsent,
    end,
    took_over,
};
/// A message is its kind in one byte, and its fields. Nothing if there is no kind.
[[nodiscard]] std::optional<Kind> kind_of(std::string_view message);
[[nodiscard]] std::string message(Kind kind, std::string_view fields = {});
[[nodiscard]] std::string_view fields_of(std::string_view message);

struct Hello {
    std::uint64_t format = kFormat;
    std::string version{};
};
[[nodiscard]] std::string write(const Hello& hello);
[[nodiscard]] std::optional<Hello> read_hello(std::string_view fields);

/// A list of texts: the owner and the address of each listening socket that comes with the message,
/// the labels of the ports that the successor has, the sessions of one batch, or the reason of a
/// refusal.
[[nodiscard]] std::string write(const std::vector<std::string>& texts);
[[nodiscard]] std::optional<std::vector<std::string>> read_texts(std::string_view fields);

/// Everything that operators have set.
struct Settings {
    std::vector<OperatorSetting> settings{};
    OperatorSettings::HoldsEnded holds_ended{};
    struct Pace {
        std::string cluster{};
        std::string member{};
        DrainPace pace{};
        std::string detail{};
    };
    std::vector<Pace> paces{};  ///< of the drains that end sessions
};
[[nodiscard]] std::string write(const Settings& settings);
[[nodiscard]] std::optional<Settings> read_settings(std::string_view fields);

/// What a port serves, so that the successor takes over only once it would serve the same.
struct PortNeeds {
    std::string label{};
    bool has_backends = false;  ///< for new sessions
    struct InUse {
        std::string member{};
        net::SocketAddress address{};
        ServedBy served_by = ServedBy::roles;
    };
    std::vector<InUse> in_use{};  ///< backends whose sessions stay
};
[[nodiscard]] std::string write(const std::vector<PortNeeds>& ports);
[[nodiscard]] std::optional<std::vector<PortNeeds>> read_ports(std::string_view fields);

/// What all workers counted of one port.
struct LabelledTally {
    std::string label{};
    PortTally tally{};
};
[[nodiscard]] std::string write(const LabelledTally& tally);
[[nodiscard]] std::optional<LabelledTally> read_tally(std::string_view fields);

/// One session of a batch, without what its sockets have not taken yet. Its descriptors come with
/// the message: the client's, then the backend's if it has one.
struct PassedSession {
    std::string label{};  ///< of its port
    bool has_backend_socket = false;
    SessionState state{};
};
[[nodiscard]] std::string write(const PassedSession& session);
[[nodiscard]] std::optional<PassedSession> read_session(std::string_view fields);

/// Bytes for a socket that has not taken them yet, in pieces.
struct Unsent {
    std::uint64_t session = 0;  ///< its number among all that were passed, from 0
    net::RelaySide to = net::RelaySide::client;
    std::string_view bytes{};  ///< of the message
};
[[nodiscard]] std::string write(const Unsent& unsent);
[[nodiscard]] std::optional<Unsent> read_unsent(std::string_view fields);

struct End {
    std::uint64_t sessions = 0;  ///< that were passed
    std::uint64_t last_id = 0;   ///< the highest number of a session's id
};
[[nodiscard]] std::string write(const End& end);
[[nodiscard]] std::optional<End> read_end(std::string_view fields);

}  // namespace proxy::upgrade
