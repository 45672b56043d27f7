#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace proxy::history {

using Clock = std::chrono::steady_clock;

/// One moment by both clocks. Durations are taken from the steady clock, which never jumps.
struct Epoch {
    Clock::time_point at{};
    double unix_time = 0;

    [[nodiscard]] double unix_of(Clock::time_point moment) const {
        return unix_time + std::chrono::duration<double>(moment - at).count();
    }
};

/// What a record is mainly about. A later kind outweighs an earlier one.
enum class Kind : std::uint8_t {
    operator_action,  ///< an operator changed what the proxy does
    clients,          ///< clients were held or refused; the leader and the members stayed
    members,          ///< members started or stopped serving a port
    patroni,          ///< no host answered GET /cluster
    leader,           ///< the leader changed, was lost, or could not be reached
};
[[nodiscard]] std::string_view name_of(Kind kind);

/// Why it happened, as far as Patroni's answers tell.
enum class Cause : std::uint8_t {
    unknown,
    switchover,           ///< the leader handed its lock over and went on
    leader_stopped,       ///< the leader's Patroni was shut down and released the lock
    leader_died,          ///< the leader's API was gone, and its lock ran out
    leader_frozen,        ///< the same, but its API went on accepting connections
    leader_demoted,       ///< the leader's API answered, but its lock ran out: no way to the store
    leader_crashed,       ///< the leader's PostgreSQL failed, and Patroni handed the lock over
    store_down,           ///< Patroni runs, but cannot answer GET /cluster
    patroni_unreachable,  ///< no host can be reached
    api_silent,           ///< the leader's API did not answer; the leader stayed
    backend_unreachable,  ///< the leader's PostgreSQL took no sessions; the leader stayed
    doubt,                ///< something spoke against the leader for a moment
    flapping,             ///< the leader changed again and again
    reinitialized,        ///< the cluster was initialized anew
    no_leader,            ///< no leader since the proxy first saw the cluster
    lag,                  ///< replicas lagged behind
    members,              ///< another reason, which the words give
    clients,
    operator_action,
};
[[nodiscard]] std::string_view name_of(Cause cause);

/// One event within a record.
enum class StepKind : std::uint8_t {
    last_proven,      ///< the old leader's last proof that it leads
    doubted,          ///< evidence against it
    leader_out,       ///< it was no longer the leader
    lock_free,        ///< GET /cluster named no leader
    lock_taken,       ///< GET /cluster named this member
    promoted,         ///< the new leader proved itself and takes sessions
    leads_again,      ///< the old leader takes sessions again
    first_session,    ///< on the new leader
    patroni_silent,   ///< the first poll that no host answered
    patroni_answers,  ///< the first poll that a host answered again
    member_left,      ///< it stopped serving the port
    member_joined,    ///< it started serving the port
};
[[nodiscard]] std::string_view name_of(StepKind kind);

struct Step {
    Clock::time_point at{};
    StepKind kind = StepKind::doubted;
    std::string member{};
    std::string port{};
    std::string detail{};  ///< the evidence or the reason
};

/// What the clients of one port noticed.
struct PortShare {
    std::string port;
    std::uint64_t ended = 0;    ///< sessions that the backend ended or the proxy cut
    std::uint64_t held = 0;     ///< clients that were held
    double longest_held = 0;    ///< seconds
    std::uint64_t gave_up = 0;  ///< clients that left while they were held
    std::map<std::string, std::uint64_t> refused{};    ///< by reason; reasons at 0 are left out
    std::optional<Clock::time_point> first_session{};  ///< on the new leader
    std::vector<std::string> left{};    ///< members that stopped serving it and are not back
    std::vector<std::string> joined{};  ///< members that did not serve it before

    [[nodiscard]] std::uint64_t refused_in_all() const;
};

/// One change, from its first sign to its end. A value; immutable once it is in the history.
struct Record {
    // Names, reasons and lists come from outside, so they are bounded.
    static constexpr std::size_t kLongestText = 300;
    static constexpr std::size_t kMostSteps = 60;
    static constexpr std::size_t kMostPorts = 100;

    std::uint64_t id = 0;  ///< counts from 1, over upgrades as well; 0: still open
    Kind kind = Kind::clients;
    std::string cluster{};
    Epoch epoch{};  ///< turns the times below into Unix times
    Clock::time_point began{};
    std::optional<Clock::time_point> ended{};  ///< empty: still open
    Cause cause = Cause::unknown;
    std::string words{};            ///< the cause, for people: "planned switchover"
    std::string from{};             ///< the leader before; empty: none
    std::string to{};               ///< the leader at the end; empty: none
    bool paused = false;            ///< Patroni's maintenance mode was on
    Clock::duration leaderless{0};  ///< how long no leader took sessions
    std::vector<Step> steps{};
    std::uint64_t steps_left_out = 0;
    std::vector<PortShare> ports{};  ///< those whose clients noticed something
    std::string by{};                ///< Kind::operator_action: who did it
    std::string summary{};           ///< the record in one line, without the cluster's name

    [[nodiscard]] double unix_of(Clock::time_point moment) const { return epoch.unix_of(moment); }
};
using RecordPtr = std::shared_ptr<const Record>;

/// All ports together.
[[nodiscard]] PortShare total_of(const Record& record);

}  // namespace proxy::history
