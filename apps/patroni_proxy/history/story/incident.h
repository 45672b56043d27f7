#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "patroni_proxy/history/story/counts_window.h"
#include "patroni_proxy/history/story/observation.h"
#include "patroni_proxy/history/story/record.h"

namespace proxy::history {

/// The evidence for one cause or another. Each time is that of the first such sign.
struct Signs {
    using Moment = std::optional<Clock::time_point>;

    // Of the old leader.
    Moment last_proven{};
    Moment denied{};  ///< its API said that it is no primary
    Moment silent{};  ///< its API did not answer
    /// How often it accepted the connection nevertheless. A host that dies does so once at most; of
    /// a frozen process, the kernel does until its backlog is full.
    std::uint32_t connected_silences = 0;
    Clock::time_point last_silence{};
    std::string silence{};  ///< why it did not answer
    Moment unreachable{};   ///< sessions on it failed to start
    std::string unreachable_why{};
    bool crashed = false;      ///< it held the lock while its PostgreSQL did not run
    Moment lock_lost{};        ///< GET /cluster stopped naming it as leader
    bool listed_then = false;  ///< but still listed it: it gave up the lock itself

    // Of Patroni as a whole.
    Moment polls_failed{};
    Moment polls_back{};
    bool all_connected = false;  ///< every host accepted connections in a failed poll
    std::string poll_errors{};
    bool reinitialized = false;
    bool scheduled = false;  ///< GET /cluster had shown a scheduled switchover

    std::vector<std::string> leaders{};  ///< in order, the old one first; empty names: none
    std::string vacancy{};               ///< why there is no leader

    // Of the members that serve ports.
    std::set<std::pair<std::string, std::string>> out{};  ///< port and member: left, not back yet
    std::vector<Step> left{};                             ///< bounded
    std::vector<Step> joined{};
};

/// A change that is still going on.
struct Incident {
    Record record;
    Signs signs;
    std::optional<Clock::time_point> leaderless_since{};
    Clock::time_point last_sign{};

    void add_step(Step step);
    /// The member stopped serving the port; then, that it started to.
    void note_left(const PortView& port, const std::string& member, Clock::time_point at);
    void note_joined(const PortView& port, const std::string& member, Clock::time_point at);
};

/// The incident's record as of `now`: adds the cause, the words, and what was counted.
/// `leads_now`: the leader that takes sessions; empty: none. In record_of.cpp. Pure.
[[nodiscard]] Record record_of(const Incident& incident, const CountsWindow& counts,
                               const std::string& leads_now, Clock::time_point now);

}  // namespace proxy::history
