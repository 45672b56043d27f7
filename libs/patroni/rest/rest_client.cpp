#include "patroni/rest/rest_client.h"

#include <algorithm>
#include <array>
#include <istream>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdexcept>
#include <sys/socket.h>
#include <system_error>
#include <utility>

#include <Poco/Exception.h>
#include <Poco/Net/HTTPBasicCredentials.h>
#include <Poco/Net/HTTPClientSession.h>
#include <Poco/Net/HTTPRequest.h>
#include <Poco/Net/HTTPResponse.h>
#include <Poco/Net/IPAddress.h>
#include <Poco/Net/NetException.h>
#include <Poco/Net/SocketAddress.h>
#include <Poco/Net/StreamSocket.h>
#include <Poco/Timespan.h>

#include "patroni/rest/failure_reason.h"
#include "patroni/rest/request_deadline.h"
#include "patroni/tls/tls_connection.h"
#include "patroni/tls/tls_credentials.h"

namespace patroni {
namespace {

using namespace std::chrono_literals;
using Poco::Net::StreamSocket;
using Clock = RequestDeadline::Clock;

// A cluster of a hundred members answers with 40 KB.
constexpr std::size_t kMaxBody = 1024 * 1024;

constexpr const char* kCutShort = "the answer was cut short";
constexpr const char* kGivenUp = "shutting down";

template <typename Duration>
Poco::Timespan to_poco(Duration time) {
    return {std::chrono::duration_cast<std::chrono::microseconds>(time).count()};
}

/// The answer comes in several pieces, and over TLS each waits until we have acknowledged the one
/// before: 40 ms if that acknowledgement is delayed. The option holds only for a while from now on:
/// set before the request it has no effect.
void acknowledge_at_once(const StreamSocket& connection) {
    const int on = 1;
    ::setsockopt(connection.impl()->sockfd(), IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
}

/// Waits for an answer in plain HTTP. A server that expects TLS sends a TLS alert, or nothing.
void expect_plain_answer(StreamSocket& connection) {
    static constexpr char kAlert = 0x15;
    char first = 0;
    try {
        if (connection.receiveBytes(&first, 1, MSG_PEEK) == 1 && first == kAlert)
            throw std::runtime_error("the server speaks TLS on this port: use https://");
    } catch (const Poco::Net::ConnectionResetException&) {
        throw std::runtime_error(
            "the server reset the connection before any answer: is this port "
            "https://?");
    }
}

/// A server that closed the connection may have said why, which a failed send does not show.
void read_last_alert(StreamSocket& connection) {
    try {
        char ignored = 0;
        connection.receiveBytes(&ignored, 1);
    } catch (const Poco::Exception&) {
        // TlsConnection has noted it.
    }
}

std::string read_body(std::istream& in) {
    std::string body;
    std::array<char, 16 * 1024> chunk;
    while (in.read(chunk.data(), chunk.size()) || in.gcount() > 0) {
        body.append(chunk.data(), static_cast<std::size_t>(in.gcount()));
        if (body.size() > kMaxBody)
            throw std::runtime_error("the answer is larger than 1 MiB");
    }
    return body;
}

HttpReply read_reply(Poco::Net::HTTPClientSession& session) {
    Poco::Net::HTTPResponse response;
    HttpReply reply;
    reply.body = read_body(session.receiveResponse(response));
    reply.status = response.getStatus();
    reply.phrase = response.getReason();
    // An answer that breaks off in the middle ends its stream like a whole one.
    if (const auto* error = session.networkException())
        error->rethrow();
    if (response.hasContentLength() &&
        reply.body.size() < static_cast<std::size_t>(response.getContentLength64()))
        throw std::runtime_error(kCutShort);
    return reply;
}

/// One request on `channel`: `connection` itself, or TLS on top of it.
HttpReply exchange(const StreamSocket& connection, StreamSocket channel,
                   Poco::Net::HTTPRequest& request, const std::string& body, bool tls) {
    Poco::Net::HTTPClientSession session(channel);
    session.setKeepAlive(false);
    (session.sendRequest(request) << body).flush();
    acknowledge_at_once(connection);
    if (session.networkException() != nullptr)
        read_last_alert(channel);
    else if (!tls)
        expect_plain_answer(channel);
    return read_reply(session);
}

HttpReply exchange_over_tls(TlsConnection& tls, const StreamSocket& connection,
                            Poco::Net::HTTPRequest& request, const std::string& body) {
    try {
        return exchange(connection, tls.secure(connection), request, body, true);
    } catch (const std::exception& error) {
        if (!tls.refusal().empty())
            throw std::runtime_error(tls.refusal());
        // TLS has an end of its own, so that nobody on the way can cut an answer short unnoticed.
        const auto* from_poco = dynamic_cast<const Poco::Exception*>(&error);
        if (from_poco && from_poco->displayText().find("unexpected eof") != std::string::npos)
            throw std::runtime_error(kCutShort);
        throw;
    }
}

}  // namespace

/// Guards one request, whichever connections it tries.
class RestClient::Guard {
  public:
    Guard(RequestDeadline& request_deadline, Clock::time_point deadline)
        : request_deadline_(request_deadline), deadline_(deadline) {}
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;
    ~Guard() { release(); }

    /// Connects to the first address that accepts. Throws the reasons of all of them if none does.
    /// They share the time that is left.
    StreamSocket connect(const Resolver::Addresses& addresses, const Endpoint& endpoint,
                         Clock::time_point until) {
        std::string reasons;
        for (std::size_t i = 0; i < addresses.size() && release() == RequestDeadline::Cut::none;
             ++i) {
            const auto share = std::max<Clock::duration>(
                (until - Clock::now()) / static_cast<int>(addresses.size() - i), 1ms);
            reasons.append(reasons.empty() ? "" : "; ")
                .append(addresses[i] == endpoint.host ? "" : addresses[i] + ": ");
            try {
                StreamSocket connection =
                    connect({Poco::Net::IPAddress(addresses[i]), endpoint.port}, share);
                connected_ = true;
                return connection;
            } catch (const Poco::TimeoutException&) {
                reasons += "no answer within " +
                           text_of(std::chrono::ceil<std::chrono::milliseconds>(share));
            } catch (const Poco::Exception& error) {
                reasons += reason_of(error);
            }
        }
        throw std::runtime_error(reasons);
    }

    [[nodiscard]] bool connected() const noexcept { return connected_; }

    RequestDeadline::Cut release() {
        if (cut_ == RequestDeadline::Cut::none)
            cut_ = request_deadline_.release();
        return cut_;
    }

  private:
    StreamSocket connect(const Poco::Net::SocketAddress& address, Clock::duration timeout) {
        StreamSocket connection(address.family());
        request_deadline_.guard(connection.impl()->sockfd(), deadline_);
        connection.connect(address, to_poco(timeout));
        connection.setNoDelay(true);
        // Never the first to act: RequestDeadline is, and says why.
        const auto left = deadline_ - Clock::now() + 1s;
        connection.setSendTimeout(to_poco(left));
        connection.setReceiveTimeout(to_poco(left));
        return connection;
    }

    RequestDeadline& request_deadline_;
    const Clock::time_point deadline_;
    RequestDeadline::Cut cut_ = RequestDeadline::Cut::none;
    bool connected_ = false;
};

RestClient::RestClient(Timeouts timeouts) : RestClient(timeouts, Access{}) {}

RestClient::RestClient(Timeouts timeouts, Access access)
    : timeouts_(timeouts),
      access_(std::move(access)),
      request_deadline_(std::make_unique<RequestDeadline>()) {
    if (!access_.resolver)
        access_.resolver = std::make_shared<Resolver>();
}

RestClient::~RestClient() = default;

void RestClient::abort() noexcept {
    aborted_.request_stop();
    request_deadline_->abort();
}

Result<HttpReply> RestClient::request(const Endpoint& endpoint, const Request& request) {
    Guard guard(*request_deadline_, Clock::now() + timeouts_.total);
    Result<HttpReply> reply = Failure{};
    try {
        reply = ask(endpoint, request, guard);
    } catch (const Poco::Exception& error) {
        reply = Failure{reason_of(error), guard.connected()};
    } catch (const std::system_error& error) {
        reply = Failure{reason_of_errno(error.code().value()), guard.connected()};
    } catch (const std::exception& error) {
        reply = Failure{error.what(), guard.connected()};
    }
    // To its reader a cut looks like a regular end, or like any error.
    const auto cut = guard.release();
    if (cut == RequestDeadline::Cut::abort || (!reply && aborted_.stop_requested()))
        return Failure{kGivenUp};
    if (cut == RequestDeadline::Cut::deadline)
        return Failure{"no complete answer within " + text_of(timeouts_.total), guard.connected()};
    return reply;
}

HttpReply RestClient::ask(const Endpoint& endpoint, const Request& request, Guard& guard) {
    const auto begin = Clock::now();
    // Half, so that there is time to connect to the address a hanging lookup has found before.
    const auto addresses = access_.resolver->addresses_of(
        endpoint.host, access_.prefer, std::min(timeouts_.connect, timeouts_.total) / 2,
        aborted_.get_token());
    if (!addresses)
        throw std::runtime_error(addresses.reason());
    const StreamSocket connection =
        guard.connect(addresses.value(), endpoint, begin + timeouts_.connect);
    Poco::Net::HTTPRequest head(request.method, request.path, Poco::Net::HTTPMessage::HTTP_1_1);
    head.setHost(endpoint.server_name(), endpoint.port);
    if (access_.login)
        Poco::Net::HTTPBasicCredentials(access_.login->user, access_.login->password)
            .authenticate(head);
    if (!request.json.empty()) {
        head.setContentType("application/json");
        head.setContentLength64(static_cast<Poco::Int64>(request.json.size()));
    }
    if (!endpoint.tls)
        return exchange(connection, connection, head, request.json, false);
    if (!access_.tls)
        access_.tls = read_tls_credentials({}, {});  // no file is named
    TlsConnection tls(*access_.tls, endpoint.server_name());
    return exchange_over_tls(tls, connection, head, request.json);
}

}  // namespace patroni
