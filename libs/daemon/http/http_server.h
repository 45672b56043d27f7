#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "net/socket/listening_socket.h"

namespace daemons {

struct HttpRequest {
    std::string method;
    std::string path;  ///< without the query
};

struct HttpResponse {
    int status = 200;
    std::string body;
    std::map<std::string, std::string> headers;
};

/// A small HTTP/1.1 server for health checks and operators (libmicrohttpd; one thread, epoll).
/// Connections that say nothing, half a request, or too much cost it a descriptor each for ten
/// seconds and disturb no other request: a request must be there whole within that time, and its
/// answer taken, however many bytes keep coming. Half of the connections may be such; one more
/// takes the place of the oldest of the address that has the most. Of requests whose answers take
/// time a quarter may wait; one more is told 503. Bodies sent to it are read and forgotten, up to a
/// megabyte.
class HttpServer {
  public:
    /// How many connections it may have by default, however many come: a part of the descriptors
    /// that this process may open, from 64 to 2,000.
    [[nodiscard]] static unsigned affordable() noexcept;

    /// Answers one request; any thread, once. Those that nobody has answered when the server is
    /// destroyed get a 503; an answer that comes later is dropped.
    using Reply = std::function<void(HttpResponse)>;
    /// Called on the server's thread; must not block: it may keep `reply` and return.
    using Handler = std::function<void(const HttpRequest&, Reply reply)>;

    /// Serves from now on at a socket that outlives it. Throws std::runtime_error if it cannot.
    /// `max_connections` is at least 64: libmicrohttpd takes up to ten before it closes one.
    HttpServer(const net::ListeningSocket& socket, Handler handler,
               unsigned max_connections = affordable());
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;
    ~HttpServer();

  private:
    class Daemon;
    std::unique_ptr<Daemon> daemon_;
};

}  // namespace daemons
