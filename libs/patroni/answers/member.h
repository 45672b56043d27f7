#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace patroni {

/// A member's role, as GET /cluster names it.
enum class Role : std::uint8_t {
    unknown,  ///< absent, or a name this program does not know
    leader,
    standby_leader,  ///< heads a standby cluster: it replays another cluster's WAL
    sync_standby,
    quorum_standby,  ///< Patroni 4: one of the members a quorum is taken from
    replica,
};

/// The state of a member's PostgreSQL, as GET /cluster names it.
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

/// One entry of `members` in GET /cluster. Fields that the answer leaves out are empty: any of them
/// may be missing for a moment (a bootstrap, a crash, a Patroni that shuts down).
struct Member {
    std::string name;
    Role role = Role::unknown;
    State state = State::unknown;
    std::string role_name;   ///< as Patroni wrote it, for messages
    std::string state_name;  ///< as Patroni wrote it, for messages
    std::string host;        ///< an IPv4 or IPv6 address, or a DNS name
    std::optional<std::uint16_t> port;
    std::optional<std::uint64_t> timeline;
    /// Bytes of WAL not received yet or (Patroni >= 4) not replayed yet, whichever is more. Empty
    /// if Patroni says `unknown` or nothing.
    std::optional<std::uint64_t> lag;
    bool tells_replay_lag = false;            ///< `lag` includes what is not replayed yet
    std::map<std::string, std::string> tags;  ///< values as text: true, false, 1, 1.5, zone-a
    std::string api_url;
    /// The latest answer could not be read; this is what an earlier one said.
    bool remembered = false;
    /// The latest answer has no usable host or port; these are what an earlier one said.
    bool place_remembered = false;

    /// As in Patroni, a tag is set unless its value is empty, zero or false.
    [[nodiscard]] bool tagged(const std::string& tag) const;

    friend bool operator==(const Member&, const Member&) = default;
};

/// Whether its role and its state are known; without them an entry says nothing.
[[nodiscard]] bool is_readable(const Member& member);

/// The shortest text that reads back as the same number: 1.1 for 1.10, 2 for 2.0.
[[nodiscard]] std::string number_text(double number);

}  // namespace patroni
