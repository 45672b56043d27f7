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
    /// The query's parameters, percent-decoded; of equal names the first one counts. A parameter
    /// without a value has an empty one.
    std::map<std::string, std::string> query = {};
};

struct HttpResponse {
    int status = 200;
    std::string body;
    std::map<std::string, std::string> headers;
};

/// A small HTTP/1.1 server for health checks and operators (libmicrohttpd; one thread, epoll).
/// A client has ten seconds to send a whole request and ten to take the answer, however many bytes
/// keep coming; slow clients cost a descriptor each and delay nobody. Up to half of the connections
/// may wait for their client; one more replaces the oldest of the address that has the most. Up to
/// a quarter may wait for the handler's answer; one more gets 503. Request bodies are read and
/// discarded, up to a megabyte.
class HttpServer {
  public:
    /// The default limit of connections: a sixteenth of the descriptors that this process may open,
    /// from 64 to 2,000.
    [[nodiscard]] static unsigned affordable() noexcept;

    /// Answers one request; any thread, once. Destroying the server answers 503 to every request
    /// that is still open; a later answer is dropped.
    using Reply = std::function<void(HttpResponse)>;
    /// Called on the server's thread. Must not block: it may keep `reply` and return.
    using Handler = std::function<void(const HttpRequest&, Reply reply)>;

    /// Serves on a socket that outlives it. Throws std::runtime_error if it cannot.
    /// `max_connections` is at least 64: libmicrohttpd accepts up to ten before it closes one.
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
