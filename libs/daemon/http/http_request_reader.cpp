#include "daemon/http/http_request_reader.h"

#include <algorithm>
#include <array>
#include <map>
#include <netinet/in.h>
#include <sys/socket.h>

#include <microhttpd.h>

#include "net/socket/socket_address.h"

namespace daemons {
namespace {

HttpPeer peer_of(MHD_Connection* connection) {
    HttpPeer peer;
    peer.address = client_address(connection);
    const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    ucred process{};
    socklen_t size = sizeof process;
    if (peer.address.empty() && info &&
        ::getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &process, &size) == 0)
        peer.process = {process.uid, process.pid};
    return peer;
}

std::map<std::string, std::string> query_of(MHD_Connection* connection) {
    std::map<std::string, std::string> query;
    MHD_get_connection_values(
        connection, MHD_GET_ARGUMENT_KIND,
        [](void* found, MHD_ValueKind /*kind*/, const char* name, const char* value) {
            static_cast<decltype(query)*>(found)->emplace(name, value ? value : "");
            return MHD_YES;
        },
        &query);
    return query;
}

std::string header_of(MHD_Connection* connection, const char* name) {
    const char* value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
    return value ? value : "";
}

bool is_forwarded(MHD_Connection* connection) {
    constexpr std::array kSigns{"X-Forwarded-For", "Forwarded",         "Via",
                                "X-Real-IP",       "X-Forwarded-Proto", "X-Forwarded-Host"};
    return std::any_of(kSigns.begin(), kSigns.end(), [&](const char* name) {
        return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name) != nullptr;
    });
}

}  // namespace

std::string client_address(MHD_Connection* connection) {
    const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const sockaddr* address = info ? info->client_addr : nullptr;
    if (!address || (address->sa_family != AF_INET && address->sa_family != AF_INET6))
        return {};
    const auto size = address->sa_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    return net::SocketAddress::from_sockaddr(address, static_cast<socklen_t>(size)).ip();
}

HttpRequest read_request(MHD_Connection* connection, const char* method, const char* path) {
    return {.method = method,
            .path = path,
            .query = query_of(connection),
            .peer = peer_of(connection),
            .authorization = header_of(connection, "Authorization"),
            .accept = header_of(connection, "Accept"),
            .host = header_of(connection, "Host"),
            .is_forwarded = is_forwarded(connection)};
}

}  // namespace daemons
