#pragma once

#include <chrono>
#include <memory>
#include <optional>
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

/// Of HTTP basic authentication (RFC 7617). Patroni's REST API asks for none.
struct HttpLogin {
    std::string user;
    std::string password;
};

/// Asks Patroni's REST API, one request at a time, each on a new connection that is closed
/// afterwards: Patroni 4 has five threads, so that five open connections block its whole API.
///
/// Blocks; for one thread, except abort(). Whatever the server does (never answers, drips, sends
/// without end), a request ends within its total time and keeps at most 1 MiB of the answer. Errors
/// are values with a plain reason: nothing is thrown.
/// TLS: version 1.2 or later; the certificate must be valid for the endpoint's host, a name or an
/// address. The process must ignore SIGPIPE: OpenSSL writes to connections that may be closed.
class RestClient {
  public:
    struct Timeouts {
        /// Looking up the address, at most half of it, and connecting to one or more addresses.
        std::chrono::milliseconds connect{2'000};
        /// Everything: lookup, connect, TLS handshake, request and the complete answer.
        std::chrono::milliseconds total{5'000};
    };
    /// What may be shared with other clients.
    struct Access {
        TlsCredentialsPtr tls = {};  ///< null: the system's CAs and no client certificate
        std::shared_ptr<Resolver> resolver = {};  ///< null: one of its own
        ResolvePrefer prefer = ResolvePrefer::any;
        std::optional<HttpLogin> login = {};  ///< sent with every request, also without TLS
    };

    explicit RestClient(Timeouts timeouts);
    RestClient(Timeouts timeouts, Access access);
    RestClient(const RestClient&) = delete;
    RestClient& operator=(const RestClient&) = delete;
    ~RestClient();

    /// An answer with any status, or why there is none. If a name has several addresses, they are
    /// tried in turn until one accepts the connection.
    [[nodiscard]] Result<HttpReply> get(const Endpoint& endpoint, const std::string& path) {
        return request(endpoint, {"GET", path, {}});
    }
    /// The same with JSON as the body. For other servers; Patroni gets no POST.
    [[nodiscard]] Result<HttpReply> post(const Endpoint& endpoint, const std::string& path,
                                         const std::string& json) {
        return request(endpoint, {"POST", path, json});
    }

    /// Any thread: ends the request in flight at once, and every later one.
    void abort() noexcept;

  private:
    class Guard;
    struct Request {
        std::string method;
        std::string path;
        std::string json;  ///< the body; empty: none
    };

    [[nodiscard]] Result<HttpReply> request(const Endpoint& endpoint, const Request& request);
    [[nodiscard]] HttpReply ask(const Endpoint& endpoint, const Request& request, Guard& guard);

    const Timeouts timeouts_;
    Access access_;
    std::stop_source aborted_;
    std::unique_ptr<RequestDeadline> request_deadline_;
};

}  // namespace patroni
