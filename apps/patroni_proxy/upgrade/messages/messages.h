#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/log/log.h"
#include "daemon/report/process_report.h"
#include "net/relay/relay.h"
#include "net/relay/relay_state.h"
#include "net/socket/socket_address.h"
#include "patroni_proxy/backend/backend_table.h"
#include "patroni_proxy/control/operator_settings.h"
#include "patroni_proxy/history/story/record.h"
#include "patroni_proxy/host/session_state.h"
#include "patroni_proxy/host/tally.h"
#include "patroni_proxy/report/last_minute.h"
#include "patroni_proxy/session/selection/drain_pace.h"
#include "patroni_proxy/topology/topology_feed.h"

/// What the running process and its successor say to each other, message by message:
///
///   running process                        successor
///   hello, listeners, settings,
///     clusters, ports, end             ->                     it starts as always, but for clients
///                                      <-  ready or refused   it could serve
///   records, counts, process,
///     last_minute                      ->
///   sessions, unsent, still_to_come,
///     end                              ->                     no session moves meanwhile
///                                      <-  took_over          from here on it serves
///   its other sessions move again      <-  adopted            those that have passed move again
///   sessions, unsent, still_to_come,
///     end                              ->                     a batch; the others move
///                                      <-  adopted            and so on
///   tallies, end                       ->                     that was all
///
/// took_over is the moment: whoever has sent it serves, and until then the successor has touched
/// nothing. The end of the channel before it says that all stays as it was. After it, a batch is
/// the successor's with its `end`, unless the answer is `refused`: then it has not touched it.
///
/// A successor that does not say that it takes batches gets all at once, with the tallies.
///
/// Pure. Whatever the bytes are, reading gives a sound value or nothing.
namespace proxy::upgrade {

/// The latest format that this version reads. Readers skip fields and messages that they do not
/// know, so what they can do without needs no new number. What would be lost on an older reader
/// counts up, and a writer states the lowest format that is enough:
/// 2: clusters are frozen; their routing comes in Kind::cluster.
inline constexpr std::uint64_t kFormat = 2;
inline constexpr std::uint64_t kFormatUnlessFrozen = 1;

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
    cluster,
    record,
    counts,
    process,
    adopted,
    still_to_come,
    last_minute,
};
/// A message is its kind in one byte, and its fields. Nothing if this version has no such kind.
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
/// the sessions of one batch, or the reason of a refusal.
[[nodiscard]] std::string write(const std::vector<std::string>& texts);
[[nodiscard]] std::optional<std::vector<std::string>> read_texts(std::string_view fields);

/// The successor would serve the same.
struct Ready {
    std::vector<std::string> labels{};  ///< of its ports
    bool in_batches = false;            ///< sessions may still come after it has taken over
};
[[nodiscard]] std::string write(const Ready& ready);
[[nodiscard]] std::optional<Ready> read_ready(std::string_view fields);

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

/// What is known of a cluster. Several messages add up.
struct PassedCluster {
    std::string cluster{};  ///< its name in the configuration
    FeedState state{};
};
[[nodiscard]] std::string write(const PassedCluster& cluster);
[[nodiscard]] std::optional<PassedCluster> read_cluster(std::string_view fields);

/// A finished record of the history. Nothing if it is of a kind that this version has not.
[[nodiscard]] std::string write(const history::Record& record);
[[nodiscard]] std::optional<history::Record> read_record(std::string_view fields);

/// What was counted of a cluster.
struct PassedCounts {
    std::string cluster{};
    FeedCounts counts{};
};
[[nodiscard]] std::string write(const PassedCounts& counts);
[[nodiscard]] std::optional<PassedCounts> read_counts(std::string_view fields);

/// What goes on although the process is another one.
struct PassedProcess {
    std::chrono::steady_clock::time_point started{};  ///< the first of all these processes
    double started_at = 0;  ///< the same as Unix time; 0: an earlier version did not say
    daemons::ReloadTally::State reloads{};
    std::string upgraded_by{};  ///< who asked for the upgrade; empty: a signal
    /// That an operator has set; nothing, as from an earlier version: the configuration's.
    std::optional<daemons::log::Level> log_level{};
};
[[nodiscard]] std::string write(const PassedProcess& process);
[[nodiscard]] std::optional<PassedProcess> read_process(std::string_view fields);

/// What all workers counted of one port.
struct LabelledTally {
    std::string label{};
    PortTally tally{};
};
[[nodiscard]] std::string write(const LabelledTally& tally);
[[nodiscard]] std::optional<LabelledTally> read_tally(std::string_view fields);

/// A copy of what was counted of ports, from which the percentiles of the last minute follow.
/// Several messages with the same time add up.
struct PassedTimes {
    std::chrono::steady_clock::time_point at{};
    std::map<std::string, PortTimes> ports{};  ///< by label
};
[[nodiscard]] std::string write(const PassedTimes& times);
[[nodiscard]] std::optional<PassedTimes> read_times(std::string_view fields);

/// One session of a batch, without what its sockets have not taken yet. Its descriptors come with
/// the message: the client's, then the backend's if it has one.
struct PassedSession {
    std::string label{};  ///< of its port
    bool has_backend_socket = false;
    SessionState state{};
};
[[nodiscard]] std::string write(const PassedSession& session);
[[nodiscard]] std::optional<PassedSession> read_session(std::string_view fields);

/// What its relay knows. Reading is false for fields that cannot be read, or a value that a relay
/// cannot have.
[[nodiscard]] std::string write_relay(const net::RelayState& relay);
[[nodiscard]] bool read_relay(std::string_view fields, net::RelayState& relay);

/// Bytes for a socket that has not taken them yet, in pieces.
struct Unsent {
    std::uint64_t session = 0;  ///< its number among all that were passed, from 0
    net::RelaySide to = net::RelaySide::client;
    std::string_view bytes{};  ///< of the message
};
[[nodiscard]] std::string write(const Unsent& unsent);
[[nodiscard]] std::optional<Unsent> read_unsent(std::string_view fields);

/// What the sessions occupy that are to come in later batches. Several messages add up; of what is
/// not named, nothing is left.
struct StillToCome {
    struct Port {
        std::string label{};
        std::uint64_t sessions = 0;  ///< each with a place
    };
    struct Backend {
        std::string label{};  ///< of a port that leads to it
        std::string member{};
        net::SocketAddress address{};
        std::uint64_t connections = 0;
    };
    std::vector<Port> ports{};
    std::vector<Backend> backends{};
};
[[nodiscard]] std::string write(const StillToCome& still_to_come);
[[nodiscard]] std::optional<StillToCome> read_still_to_come(std::string_view fields);

struct End {
    std::uint64_t sessions = 0;  ///< that were passed since the one before
    std::uint64_t last_id = 0;   ///< the highest number of a session's id
    bool more = false;           ///< a batch follows, or another end
};
[[nodiscard]] std::string write(const End& end);
[[nodiscard]] std::optional<End> read_end(std::string_view fields);

}  // namespace proxy::upgrade
