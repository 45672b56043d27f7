#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace proxy {

/// Why a session ended, and who ended it.
enum class SessionEnd : std::uint8_t {
    client_closed,
    backend_closed,
    client_failed,     ///< its connection broke
    backend_failed,    ///< its connection broke
    member_out,        ///< the member may no longer serve
    idle_timeout,      ///< no byte moved for as long
    port_removed,      ///< from the configuration, and its time to drain is over
    proxy_stopped,     ///< the process ends
    out_of_resources,  ///< the kernel would not watch a descriptor
    cancel_request,    ///< it was no session, and was passed on
    // Refused: the client has seen nothing yet.
    not_allowed,
    port_full,
    proxy_full,
    no_backend,
    queue_timeout,  ///< it was held for as long
    queue_full,
    no_resources,  ///< this host has run out of what a connect takes: descriptors, local ports
};
inline constexpr std::size_t kSessionEnds = 17;
using SessionEndCounts = std::array<std::uint64_t, kSessionEnds>;

/// As metrics and the log's `reason` call it: "client_closed".
[[nodiscard]] std::string_view name_of(SessionEnd end);
/// In words: "closed by the client".
[[nodiscard]] std::string_view describe(SessionEnd end);
/// Before anything was relayed.
[[nodiscard]] constexpr bool is_refusal(SessionEnd end) {
    return end >= SessionEnd::not_allowed;
}
/// One of the two said so, and both heard all of it.
[[nodiscard]] constexpr bool is_orderly(SessionEnd end) {
    return end == SessionEnd::client_closed || end == SessionEnd::backend_closed ||
           end == SessionEnd::cancel_request;
}

}  // namespace proxy
