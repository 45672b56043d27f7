#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "patroni/answers/identity.h"
#include "patroni/answers/observation.h"
#include "patroni/rest/endpoint.h"
#include "patroni/rest/rest_client.h"
#include "patroni/result.h"
#include "patroni/verdict/judge.h"

namespace proxy {

/// What a process knew of a cluster, for the next one. A value.
struct ClusterMemory {
    using Clock = patroni::Clock;

    std::string cluster{};                ///< its name in the configuration
    std::vector<std::string> hosts{};     ///< whom it was learned from, by URL
    patroni::ClusterIdentity identity{};  ///< as far as it was known
    patroni::SnapshotPtr snapshot{};      ///< the latest answer of GET /cluster; never null
    std::string leader{};                 ///< beyond doubt; empty: nobody was
    Clock::time_point answered_at{};      ///< when that answer came
    Clock::time_point confirmed_at{};     ///< when the leader last proved itself, or was named
    std::string as_of{};                  ///< answered_at for people
    /// The host was not restarted since, and no clock was set: the ages are true.
    bool ages_are_sure = true;
    /// The process before has passed it on while it served by it. Silence had changed nothing for
    /// that one, so it changes nothing for this one.
    bool is_passed_on = false;
    /// As in ClusterView; only if it is passed on.
    std::map<std::string, std::uint64_t> live_lag{};

    /// Whether it is about the cluster that these hosts lead to: one of them was asked before, and
    /// nothing that the configuration states contradicts it.
    [[nodiscard]] bool fits(const std::vector<patroni::Endpoint>& of_configuration,
                            const patroni::ClusterIdentity& stated) const;
};

/// Routing by what the process before knew, until Patroni answers. It is believed less than any
/// answer:
///
/// - The leader gets sessions only within kLeaderAge after it was last confirmed, by the process
///   before or now by its own GET /primary, and only once that has been asked. A denial ends them.
///   A lock that Patroni does not renew for as long as that is free, and another member may lead.
/// - Replicas get sessions until the answer is older than max_age.
/// - Nobody's sessions end because time passes: silence ends no session.
///
/// What was passed on in an upgrade is believed like an answer: it does not age, and a denial by
/// the leader's own API stops new sessions only.
///
/// No clock, no I/O. Not thread-safe.
class Recollection {
  public:
    using Clock = patroni::Clock;
    /// Patroni's default ttl.
    static constexpr std::chrono::seconds kLeaderAge{30};

    Recollection(ClusterMemory memory, Clock::duration max_age);

    [[nodiscard]] const ClusterMemory& memory() const noexcept { return memory_; }
    /// The API to ask for GET /primary; nothing if the leader has none of its own.
    [[nodiscard]] std::optional<patroni::Endpoint> leader_api() const;
    /// Its reply.
    void note(Clock::time_point now, const patroni::Result<patroni::HttpReply>& reply);

    [[nodiscard]] patroni::ClusterView view_at(Clock::time_point now) const;
    /// The leader by Patroni's first answers, which come before it has proved itself again. Nothing
    /// if another member leads, if they do not name it as leader where it was, or if it denies
    /// that.
    [[nodiscard]] std::optional<patroni::Leadership> leadership_beside(
        const patroni::ClusterView& view, Clock::time_point now) const;
    /// Takes new sessions from replicas that are remembered for too long.
    void narrow(std::vector<patroni::Verdict>& verdicts, Clock::time_point now) const;

  private:
    [[nodiscard]] patroni::Leadership passed_on(patroni::Leadership leader) const;
    [[nodiscard]] patroni::Leadership leadership_at(Clock::time_point now) const;

    ClusterMemory memory_;
    const Clock::duration max_age_;
    const std::string source_;  ///< "the state file of 2026-11-27 16:40:00 UTC"
    bool leader_was_asked_ = false;
    std::string denial_;          ///< what its own API says against the leader; empty: nothing
    bool leader_proves_ = false;  ///< by its own API, at confirmed_at
};

}  // namespace proxy
