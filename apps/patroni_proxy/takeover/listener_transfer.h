#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/socket/unique_fd.h"

/// How HAProxy hands its listening sockets to the next process, upon the command `_getsocks` on a
/// runtime socket that has `expose-fd listeners`: first their number as an int in the host's byte
/// order; then messages with at most 253 descriptors (SCM_RIGHTS) and what is said of each, all but
/// the first of which follow an int of any value that acknowledges the one before.
/// Source: _getsocks() in src/cli.c and sock_get_old_sockets() in src/sock.c of HAProxy 2.6 to 3.2.
namespace proxy::takeover {

/// More than anybody listens on; a sender that says more is not HAProxy.
inline constexpr int kMaxListeners = 4'096;

/// What HAProxy says of a listening socket.
struct ListenerInfo {
    std::string network_namespace;  ///< empty: its own
    std::string interface;          ///< empty: any
};

/// What is said of `count` sockets; nothing if that is not all of `bytes`. Pure.
[[nodiscard]] std::optional<std::vector<ListenerInfo>> parse_listener_infos(std::string_view bytes,
                                                                            std::size_t count);
/// As HAProxy says it of `count` sockets that have neither namespace nor interface. Pure.
[[nodiscard]] std::string listener_infos(std::size_t count);

/// The listening sockets of the HAProxy whose runtime socket is at `path` ("@name": abstract).
/// Those that listen in another network namespace or on one interface alone are left out. Waits for
/// at most `timeout` for each answer. Throws std::runtime_error saying what is wrong.
[[nodiscard]] std::vector<net::UniqueFd> receive_listeners(const std::string& path,
                                                           std::chrono::milliseconds timeout);
/// Sends `sockets` to whoever has asked on `connection`, and waits for its acknowledgements. Blocks
/// for at most `timeout` for each; false if the other side does not keep to the protocol.
[[nodiscard]] bool send_listeners(int connection, const std::vector<int>& sockets,
                                  std::chrono::milliseconds timeout);

}  // namespace proxy::takeover
