#pragma once

#include <string>

#include "daemon/http/http_server.h"

struct MHD_Connection;

// What libmicrohttpd knows of a request. The server's thread.
namespace daemons {

/// The client's numeric address without the port; empty for a unix socket.
[[nodiscard]] std::string client_address(MHD_Connection* connection);
/// Once its headers are in.
[[nodiscard]] HttpRequest read_request(MHD_Connection* connection, const char* method,
                                       const char* path);

}  // namespace daemons
