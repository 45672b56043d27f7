#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

#include "net/socket/listening_socket.h"
#include "net/socket/network.h"

namespace daemons {

/// Who sent a request.
struct HttpPeer {
    /// The process at the other end of a unix socket, as the kernel knows it.
    struct Process {
        uid_t uid;
        pid_t pid;
    };
    std::string address = {};             ///< numeric, without the port; empty for a unix socket
    std::optional<Process> process = {};  ///< of a unix socket only
};

struct HttpRequest {
    std::string method;
    std::string path;  ///< without the query
    /// The query's parameters, percent-decoded; of equal names the first one counts. A parameter
    /// without a value has an empty one.
    std::map<std::string, std::string> query = {};
    HttpPeer peer = {};
    // Headers.
    std::string authorization = {};
    std::string accept = {};
    std::string host = {};
    bool is_forwarded = false;  ///< a proxy has sent it: X-Forwarded-For, Forwarded or Via
};

/// Text that responses share, without copying it. Any thread.
class SharedText {
  public:
    SharedText() : SharedText(std::string()) {}
    // NOLINTBEGIN(google-explicit-constructor): it is written and read as text
    SharedText(std::string text) : text_(std::make_shared<const std::string>(std::move(text))) {}
    SharedText(const char* text) : SharedText(std::string(text)) {}
    operator const std::string&() const noexcept { return *text_; }
    // NOLINTEND(google-explicit-constructor)

    [[nodiscard]] const std::string& str() const noexcept { return *text_; }

  private:
    std::shared_ptr<const std::string> text_;
};

struct HttpResponse {
    int status = 200;
    SharedText body;
    std::map<std::string, std::string> headers;
};

struct HttpLimits {
    /// At least 64: libmicrohttpd accepts up to ten before it closes one. By default a sixteenth of
    /// the descriptors that this process may open, from 64 to 2,000.
    unsigned connections = affordable_connections();
    /// For a client to send a whole request, and again to take the answer.
    std::chrono::seconds patience{10};
    /// Of all answers that their clients have not taken yet. A larger answer still goes out, alone.
    std::size_t untaken_bytes = std::size_t{64} * 1024 * 1024;

    [[nodiscard]] static unsigned affordable_connections() noexcept;
};

/// For HTTPS: texts in PEM.
struct HttpTls {
    std::string certificate;  ///< a chain may follow it
    std::string key;
    std::string client_ca = {};  ///< set: clients need a certificate that it signed

    friend bool operator==(const HttpTls&, const HttpTls&) = default;
};

struct HttpOptions {
    std::vector<net::Network> allow = {};  ///< where clients may come from; empty: anywhere
    std::optional<HttpTls> tls = {};

    friend bool operator==(const HttpOptions&, const HttpOptions&) = default;
};

/// A small HTTP/1.1 server for health checks and operators (libmicrohttpd; one thread, epoll).
/// A client has ten seconds to send a whole request and ten to take the answer, however many bytes
/// keep coming; slow clients cost a descriptor each and delay nobody. Up to half of the connections
/// may wait for their client, and up to 64 MiB of answers; what exceeds that replaces the oldest of
/// the address that has the most. Up to a quarter may wait for the handler's answer; one more gets
/// 503. Request bodies are read and discarded, up to a megabyte.
class HttpServer {
  public:
    /// Answers one request; any thread, once. Destroying the server answers 503 to every request
    /// that is still open; a later answer is dropped.
    using Reply = std::function<void(HttpResponse)>;
    /// Called on the server's thread. Must not block: it may keep `reply` and return.
    using Handler = std::function<void(const HttpRequest&, Reply reply)>;

    /// Serves on a socket that outlives it. Throws std::runtime_error if it cannot.
    HttpServer(const net::ListeningSocket& socket, Handler handler, const HttpLimits& limits = {},
               HttpOptions options = {});
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;
    ~HttpServer();

    /// Accepts nobody any more, so that another server may, and needs the socket no more;
    /// connections that are open are served.
    void stop_accepting();

  private:
    class Daemon;
    std::unique_ptr<Daemon> daemon_;
};

}  // namespace daemons
