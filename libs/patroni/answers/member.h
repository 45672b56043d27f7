#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace patroni {

/// A member's part in the cluster, by the names of `role` in GET /cluster.
enum class Role : std::uint8_t {
    unknown,  ///< absent, or a name this program does not know
    leader,
    standby_leader,  ///< heads a standby cluster: it replays another cluster's WAL
    sync_standby,
    quorum_standby,  ///< Patroni 4: one of the members a quorum is taken from
    replica,
};

/// A member's PostgreSQL, by the names of `state` in GET /cluster.
enum class State : std::uint8_t {
    unknown,      ///< absent, or a name this program does not know
    not_running,  ///< starting, stopped, crashed, ...
    running,
    streaming,  ///< a replica that receives WAL; Patroni >= 3.0.4 says so, 3.0.2 `running`
    in_archive_recovery,  ///< a replica that replays from the archive; Patroni >= 3.0.4
};

[[nodiscard]] Role role_from(std::string_view name);
[[nodiscard]] State state_from(std::string_view name);
[[nodiscard]] bool serves(State state);

/// One element of `members` in GET /cluster. What the answer left out is empty: a member may lack
/// any of these for a moment (a bootstrap, a crash, a Patroni that shuts down).
struct Member {
    std::string name;
    Role role = Role::unknown;
    State state = State::unknown;
    std::string role_name;   ///< as Patroni wrote it, for messages
    std::string state_name;  ///< as Patroni wrote it, for messages
    std::string host;        ///< an IPv4 or IPv6 address, or a DNS name
    std::optional<std::uint16_t> port;
    std::optional<std::uint64_t> timeline;
    /// Bytes of WAL not yet received, or not yet replayed where Patroni says so (>= 4): the larger
    /// one. Empty where it says `unknown` or nothing.
    std::optional<std::uint64_t> lag;
    bool tells_replay_lag = false;            ///< what was not replayed is in `lag` too
    std::map<std::string, std::string> tags;  ///< values as text: true, false, 1, 1.5, zone-a
    std::string api_url;
    /// Not of the latest answer, in which it could not be read: as it was told before.
    bool remembered = false;

    /// Patroni takes any value of a tag for a yes that is not empty, zero or false.
    [[nodiscard]] bool tagged(const std::string& tag) const;

    friend bool operator==(const Member&, const Member&) = default;
};

/// Whether its entry says what it is: without a role and a state it says nothing.
[[nodiscard]] bool is_readable(const Member& member);

/// A number as the shortest text that reads back as the same: 1.10 is 1.1, 2.0 is 2.
[[nodiscard]] std::string number_text(double number);

}  // namespace patroni
