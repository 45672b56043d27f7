#include "daemon/http/http_server.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <gnutls/gnutls.h>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <utility>

#include <microhttpd.h>

#include "base/mutex.h"
#include "daemon/http/http_connections.h"
#include "daemon/http/http_request_reader.h"
#include "daemon/http/http_responses.h"
#include "daemon/system/descriptors.h"
#include "net/socket/socket_address.h"

namespace daemons {
namespace {

// Ample for a client that reads its answers.
constexpr std::chrono::milliseconds kLastAnswersWait{500};
// The kernel would accept megabytes of an answer that its client does not read, and they would not
// count here.
constexpr int kSendBuffer = 64 * 1024;
// How precisely a client's time is measured.
constexpr std::chrono::milliseconds kTick{250};
constexpr std::size_t kMaxBody = std::size_t{1024} * 1024;
constexpr std::size_t kMemoryPerConnection = 16 * 1024;

/// A request until it is answered. libmicrohttpd suspends the connection meanwhile.
class Exchange {
  public:
    explicit Exchange(MHD_Connection* connection) : connection_(connection) {}

    /// Any thread; the first response counts.
    void answer(HttpResponse response) {
        const base::MutexLock lock(mutex_);
        if (!connection_)
            return;
        response_ = std::move(response);
        MHD_resume_connection(std::exchange(connection_, nullptr));
    }
    [[nodiscard]] bool is_answered() {
        const base::MutexLock lock(mutex_);
        return connection_ == nullptr;
    }
    /// Empty until it is answered, and once it was taken.
    [[nodiscard]] std::optional<HttpResponse> take_response() {
        const base::MutexLock lock(mutex_);
        return std::exchange(response_, std::nullopt);
    }

  private:
    base::Mutex mutex_;
    MHD_Connection* connection_ GUARDED_BY(mutex_);  // until it is answered
    std::optional<HttpResponse> response_ GUARDED_BY(mutex_);
};

/// Made when a request's headers are in, gone when it has been served.
struct Request {
    std::shared_ptr<Exchange> exchange;  // once the handler was asked
    std::size_t body = 0;                // bytes of it so far
};

/// Closes connections on which a request or its answer takes too long, or that exceed the limit.
/// libmicrohttpd looks only at the time since the last byte, so a byte every nine seconds would
/// hold a connection forever; and at its limit it accepts nobody.
class SlowConnections {
  public:
    explicit SlowConnections(const HttpLimits& limits)
        : patience_(limits.patience),
          awaited_(limits.connections / 2, limits.untaken_bytes),
          thread_([this](const std::stop_token& stop) { run(stop); }) {}
    SlowConnections(const SlowConnections&) = delete;
    SlowConnections& operator=(const SlowConnections&) = delete;

    /// From now on the peer has its time to send its request, or to take an answer of `bytes`.
    void await(MHD_Connection* connection, std::size_t bytes = 0) {
        const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        if (!info)
            return;
        // Copied before the next question: from libmicrohttpd 1.0 on both answers are in one place.
        const int fd = info->connect_fd;
        const std::string address = client_address(connection);
        const base::MutexLock lock(mutex_);
        const auto deadline = AwaitedConnections::Clock::now() + patience_;
        for (const int pushed_out : awaited_.await(connection, fd, address, deadline, bytes))
            cut(pushed_out);
    }
    /// The peer has done its part, or the connection is about to be closed: call it before that.
    void forget(MHD_Connection* connection) {
        const base::MutexLock lock(mutex_);
        awaited_.forget(connection);
    }

  private:
    void run(const std::stop_token& stop) {
        base::MutexLock lock(mutex_);
        const auto is_over = [&] { return stop.stop_requested(); };
        while (!tick_.wait_for(lock, stop, kTick, is_over))
            for (const int fd : awaited_.take_late(AwaitedConnections::Clock::now()))
                cut(fd);
    }
    /// libmicrohttpd notices and closes the connection.
    static void cut(int fd) { ::shutdown(fd, SHUT_RDWR); }

    const std::chrono::seconds patience_;
    base::Mutex mutex_;
    std::condition_variable_any tick_;  // nobody notifies: it ends with time or the stop
    AwaitedConnections awaited_ GUARDED_BY(mutex_);
    std::jthread thread_;  // last: it uses the others until it is joined
};

MHD_Result send(MHD_Connection* connection, HttpResponse answer) {
    // A status of many clusters is large, so it is not copied.
    auto body = std::make_unique<SharedText>(std::move(answer.body));
    MHD_Response* response = MHD_create_response_from_buffer_with_free_callback_cls(
        body->str().size(), const_cast<char*>(body->str().data()),
        [](void* kept) { delete static_cast<SharedText*>(kept); }, body.get());
    if (!response)
        return MHD_NO;
    (void)body.release();  // it is the response's now
    for (const auto& [name, value] : answer.headers)
        MHD_add_response_header(response, name.c_str(), value.c_str());
    const MHD_Result result =
        MHD_queue_response(connection, static_cast<unsigned>(answer.status), response);
    MHD_destroy_response(response);
    return result;
}

}  // namespace

class HttpServer::Daemon {
  public:
    Daemon(const net::ListeningSocket& socket, Handler handler, const HttpLimits& limits,
           HttpOptions options)
        : handler_(std::move(handler)),
          options_(std::move(options)),
          max_unanswered_(limits.connections / 4),
          slow_(limits) {
        // Without a socket, libmicrohttpd would open one itself, on any port.
        if (!socket)
            throw std::runtime_error("the HTTP API has no socket to listen on");
        const std::vector<MHD_OptionItem> tls = tls_options();
        const unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME |
                               (options_.tls ? unsigned{MHD_USE_TLS} : 0U);
        daemon_ = MHD_start_daemon(
            flags, 0, &Daemon::on_accept, this, &Daemon::on_request, this, MHD_OPTION_LISTEN_SOCKET,
            socket.get(), MHD_OPTION_NOTIFY_COMPLETED, &Daemon::on_completed, this,
            MHD_OPTION_CONNECTION_TIMEOUT, static_cast<unsigned>(limits.patience.count()),
            MHD_OPTION_CONNECTION_LIMIT, limits.connections, MHD_OPTION_UNESCAPE_CALLBACK,
            &Daemon::unescape, nullptr, MHD_OPTION_NOTIFY_CONNECTION, &Daemon::on_connection, this,
            MHD_OPTION_CONNECTION_MEMORY_LIMIT, kMemoryPerConnection, MHD_OPTION_ARRAY, tls.data(),
            MHD_OPTION_END);
        if (!daemon_)
            throw std::runtime_error(options_.tls ? "the HTTP API cannot be started with this "
                                                    "certificate and key"
                                                  : "the HTTP API cannot be started");
    }
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;
    ~Daemon() {
        stop_accepting();
        // The daemon cannot be stopped while a connection is suspended.
        {
            base::MutexLock lock(mutex_);
            stopping_ = true;
            for (const auto& exchange : exchanges_)
                exchange->answer(shutting_down());
            // Stopping closes every connection at once, even with bytes left to send.
            all_served_.wait_for(lock, kLastAnswersWait,
                                 [this]() REQUIRES(mutex_) { return exchanges_.empty(); });
        }
        MHD_stop_daemon(daemon_);
    }

    /// Also keeps libmicrohttpd from closing the listening socket, which it does not own.
    void stop_accepting() {
        if (std::exchange(accepts_, false))
            MHD_quiesce_daemon(daemon_);
    }

  private:
    /// A zero byte would end the text early, and /live%00x be taken for /live.
    static std::size_t unescape(void* /*self*/, MHD_Connection* /*connection*/, char* text) {
        return std::strstr(text, "%00") ? std::strlen(text) : MHD_http_unescape(text);
    }

    static MHD_Result on_request(void* self, MHD_Connection* connection, const char* url,
                                 const char* method, const char* /*version*/,
                                 const char* /*upload*/, std::size_t* upload_size, void** state) {
        auto* request = static_cast<Request*>(*state);
        if (!request) {
            *state = new Request;  // freed in on_completed
            return MHD_YES;
        }
        if (*upload_size != 0) {
            request->body += std::exchange(*upload_size, 0);
            return request->body <= kMaxBody ? MHD_YES : MHD_NO;
        }
        auto& slow = static_cast<Daemon*>(self)->slow_;
        if (request->exchange) {
            auto response = request->exchange->take_response();
            if (!response)
                return MHD_YES;
            slow.await(connection, response->body.str().size());
            return send(connection, std::move(*response));
        }
        auto* daemon = static_cast<Daemon*>(self);
        if (daemon->needs_certificate() && !has_certificate(connection))
            return send(connection, text_response(403, "a client certificate is needed\n"));
        slow.forget(connection);
        request->exchange = std::make_shared<Exchange>(connection);
        return daemon->ask(connection, read_request(connection, method, url), request->exchange);
    }

    /// The options stay with the daemon for as long as it runs.
    [[nodiscard]] std::vector<MHD_OptionItem> tls_options() const {
        std::vector<MHD_OptionItem> items;
        const auto add = [&](MHD_OPTION option, const std::string& text) {
            if (!text.empty())
                items.push_back({option, 0, const_cast<char*>(text.c_str())});
        };
        if (options_.tls) {
            add(MHD_OPTION_HTTPS_MEM_CERT, options_.tls->certificate);
            add(MHD_OPTION_HTTPS_MEM_KEY, options_.tls->key);
            add(MHD_OPTION_HTTPS_MEM_TRUST, options_.tls->client_ca);
        }
        items.push_back({MHD_OPTION_END, 0, nullptr});
        return items;
    }

    [[nodiscard]] bool needs_certificate() const {
        return options_.tls && !options_.tls->client_ca.empty();
    }
    /// libmicrohttpd asks clients for a certificate and leaves it to us whether it is a good one.
    static bool has_certificate(MHD_Connection* connection) {
        const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
        unsigned problems = 0;
        return info && info->tls_session &&
               gnutls_certificate_verify_peers2(static_cast<gnutls_session_t>(info->tls_session),
                                                &problems) == GNUTLS_E_SUCCESS &&
               problems == 0;
    }

    static MHD_Result on_accept(void* self, const sockaddr* address, socklen_t size) {
        const auto& allow = static_cast<Daemon*>(self)->options_.allow;
        const bool is_ip = address->sa_family == AF_INET || address->sa_family == AF_INET6;
        if (allow.empty() || !is_ip)
            return MHD_YES;
        const auto client = net::SocketAddress::from_sockaddr(address, size);
        return std::any_of(allow.begin(), allow.end(),
                           [&](const net::Network& network) { return network.contains(client); })
                   ? MHD_YES
                   : MHD_NO;
    }

    MHD_Result ask(MHD_Connection* connection, const HttpRequest& request,
                   const std::shared_ptr<Exchange>& exchange) {
        {
            const base::MutexLock lock(mutex_);
            if (stopping_)
                return send(connection, shutting_down());
            exchanges_.insert(exchange);
            // Suspended first: the reply may come from another thread before this returns.
            MHD_suspend_connection(connection);
        }
        handler_(request,
                 [exchange](HttpResponse response) { exchange->answer(std::move(response)); });
        if (!exchange->is_answered() && unanswered() > max_unanswered_)
            exchange->answer(text_response(503, "too many requests wait for their answers\n"));
        return MHD_YES;
    }

    std::size_t unanswered() {
        const base::MutexLock lock(mutex_);
        if (exchanges_.size() <= max_unanswered_)
            return exchanges_.size();
        return static_cast<std::size_t>(
            std::count_if(exchanges_.begin(), exchanges_.end(),
                          [](const auto& exchange) { return !exchange->is_answered(); }));
    }

    static void on_connection(void* self, MHD_Connection* connection, void** /*state*/,
                              MHD_ConnectionNotificationCode what) {
        auto& slow = static_cast<Daemon*>(self)->slow_;
        if (what != MHD_CONNECTION_NOTIFY_STARTED)
            return slow.forget(connection);
        if (const auto* info =
                MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD))
            ::setsockopt(info->connect_fd, SOL_SOCKET, SO_SNDBUF, &kSendBuffer, sizeof kSendBuffer);
        slow.await(connection);
    }

    static void on_completed(void* self, MHD_Connection* connection, void** state,
                             MHD_RequestTerminationCode why) {
        if (why == MHD_REQUEST_TERMINATED_COMPLETED_OK)
            static_cast<Daemon*>(self)->slow_.await(connection);  // the next one
        auto* request = static_cast<Request*>(*state);
        if (request && request->exchange)
            static_cast<Daemon*>(self)->forget(request->exchange);
        delete request;
        *state = nullptr;
    }

    void forget(const std::shared_ptr<Exchange>& exchange) {
        const base::MutexLock lock(mutex_);
        exchanges_.erase(exchange);
        if (exchanges_.empty())
            all_served_.notify_all();
    }

    static HttpResponse shutting_down() { return text_response(503, "shutting down\n"); }

    // Half for slow clients and a quarter for those that wait for us, so that there is always room
    // for another one.
    const Handler handler_;
    const HttpOptions options_;
    const std::size_t max_unanswered_;
    SlowConnections slow_;
    base::Mutex mutex_;
    std::set<std::shared_ptr<Exchange>> exchanges_ GUARDED_BY(mutex_);  // those under way
    bool stopping_ GUARDED_BY(mutex_) = false;
    std::condition_variable_any all_served_;
    bool accepts_ = true;
    MHD_Daemon* daemon_ = nullptr;
};

unsigned HttpLimits::affordable_connections() noexcept {
    constexpr std::uint64_t kPart = 16;
    return static_cast<unsigned>(std::clamp<std::uint64_t>(descriptor_limit() / kPart, 64, 2'000));
}

HttpServer::HttpServer(const net::ListeningSocket& socket, Handler handler,
                       const HttpLimits& limits, HttpOptions options)
    : daemon_(std::make_unique<Daemon>(socket, std::move(handler), limits, std::move(options))) {}

HttpServer::~HttpServer() = default;

void HttpServer::stop_accepting() {
    daemon_->stop_accepting();
}

}  // namespace daemons
