#pragma once

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>

#include "patroni/rest/endpoint.h"
#include "patroni/rest/resolver.h"
#include "patroni/result.h"
#include "patroni/tls/tls_settings.h"

namespace patroni {

class RequestDeadline;

struct HttpReply {
    int status = 0;
    std::string phrase;  ///< "Service Unavailable"
    std::string body;
};

/// Asks Patroni's REST API, one request at a time, each on a connection of its own that is closed
/// afterwards: Patroni 4 has five threads, and five connections held open block its whole API.
///
/// Blocking; used by one thread, except abort(). Whatever the server does (accepts and never
/// answers, drips, sends without end) a request ends within its total time and holds at most
/// 1 MiB of the answer. Errors are values: nothing is thrown.
/// TLS: version 1.2 or later; the certificate must be for the host of the endpoint, be it a name
/// or an address. Ignore SIGPIPE: OpenSSL writes to connections that may be gone.
class RestClient {
  public:
    struct Timeouts {
        /// Finding the address, at most half of it, and TCP's connect to one address or several.
        std::chrono::milliseconds connect{2'000};
        /// All of it: connect, TLS handshake, request and the whole answer.
        std::chrono::milliseconds total{5'000};
    };
    /// What may be shared with other clients.
    struct Access {
        TlsCredentialsPtr tls = {};  ///< null: the system's CAs, and no certificate of our own
        std::shared_ptr<Resolver> resolver = {};  ///< null: one of its own
        ResolvePrefer prefer = ResolvePrefer::any;
    };

    explicit RestClient(Timeouts timeouts);
    RestClient(Timeouts timeouts, Access access);
    RestClient(const RestClient&) = delete;
    RestClient& operator=(const RestClient&) = delete;
    ~RestClient();

    /// An answer of any status, or why there was none. Of several addresses of a name the next
    /// one is tried where one cannot be connected to.
    [[nodiscard]] Result<HttpReply> get(const Endpoint& endpoint, const std::string& path);

    /// Any thread: ends the request under way, and every later one at once.
    void abort() noexcept;

  private:
    class Guard;

    [[nodiscard]] HttpReply ask(const Endpoint& endpoint, const std::string& path, Guard& guard);

    const Timeouts timeouts_;
    Access access_;
    std::stop_source aborted_;
    std::unique_ptr<RequestDeadline> request_deadline_;
};

}  // namespace patroni
