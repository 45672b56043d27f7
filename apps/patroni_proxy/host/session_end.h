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
    client_failed,       ///< its connection broke
    backend_failed,      ///< its connection broke
    member_out,          ///< cut: the member may no longer serve
    idle_timeout,        ///< no byte moved for that long
    port_removed,        ///< from the configuration, and its time to drain is over
    proxy_stopped,       ///< the process ends
    out_of_resources,    ///< the kernel would not watch a descriptor
    closed_by_operator,  ///< closed, or ended because its member is drained at a pace
    cancel_request,      ///< it was a cancel request and not a session; it was passed on
    // Refusals: the client has seen nothing yet.
    not_allowed,
    bad_header,     ///< of the PROXY protocol, or none where one is required
    port_disabled,  ///< by an operator
    port_full,
    proxy_full,
    no_backend,
    queue_timeout,  ///< it was held for that long
    queue_full,
    no_resources,  ///< this host has no descriptor or local port left for a connect
};
inline constexpr std::size_t kSessionEnds = 20;
using SessionEndCounts = std::array<std::uint64_t, kSessionEnds>;

/// The name in metrics and in the log's `reason`: "client_closed".
[[nodiscard]] std::string_view name_of(SessionEnd end);
/// In words: "closed by the client".
[[nodiscard]] std::string_view describe(SessionEnd end);
/// Whether it ended before anything was relayed.
[[nodiscard]] constexpr bool is_refusal(SessionEnd end) {
    return end >= SessionEnd::not_allowed;
}
/// Whether one of the two sides ended it, and both got all bytes.
[[nodiscard]] constexpr bool is_orderly(SessionEnd end) {
    return end == SessionEnd::client_closed || end == SessionEnd::backend_closed ||
           end == SessionEnd::cancel_request;
}

}  // namespace proxy
