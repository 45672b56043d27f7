#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace agent {

/// The state that HAProxy sets a server to. Each consists of an administrative and an operating
/// state: HAProxy keeps the one that a reply omits, so every reply names both.
enum class ServerState : std::uint8_t {
    ready,  ///< READY UP: accepts sessions
    drain,  ///< DRAIN UP: keeps its sessions, gets no new ones
    /// MAINT DOWN: no sessions. DOWN too, because HAProxy takes a server that leaves MAINT for up
    /// until a check says otherwise: after a bare MAINT, a standby that an operator set to ready
    /// was up for 0.4 s.
    maint,
    down,  ///< READY DOWN: no sessions, shown as failed
};
inline constexpr std::array kAllServerStates{ServerState::ready, ServerState::drain,
                                             ServerState::maint, ServerState::down};
/// "ready", "drain", "maint", "down"
[[nodiscard]] std::string_view name_of(ServerState state);

/// "MAINT DOWN # p2: role is replica\n". HAProxy shows the comment beside the server. The reason is
/// cut so that the reply fits HAProxy's 127 characters, and reduced to printable ASCII.
[[nodiscard]] std::string agent_reply(ServerState state, std::string_view reason);

}  // namespace agent
