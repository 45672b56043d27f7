#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace agent {

/// What HAProxy is to make of a server. Each stands for an administrative and an operating state:
/// HAProxy keeps whichever a reply does not mention, so every reply mentions both.
enum class ServerState : std::uint8_t {
    ready,  ///< READY UP: serves
    drain,  ///< DRAIN UP: keeps the sessions it has
    /// MAINT DOWN: none. DOWN too, because HAProxy takes a server that leaves MAINT for up until a
    /// check says otherwise: after a bare MAINT a standby that was lifted by hand was up for 0.4 s.
    maint,
    down,  ///< READY DOWN: none, and shown as failed
};
inline constexpr std::array kAllServerStates{ServerState::ready, ServerState::drain,
                                             ServerState::maint, ServerState::down};
/// "ready", "drain", "maint", "down"
[[nodiscard]] std::string_view name_of(ServerState state);

/// "MAINT DOWN # p2: role is replica\n". The comment is what HAProxy shows beside the server; of
/// the reason it has what fits into HAProxy's 127 characters, with nothing but printable ASCII.
[[nodiscard]] std::string agent_reply(ServerState state, std::string_view reason);

}  // namespace agent
