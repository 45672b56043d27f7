#include "daemon/http_server.h"

#include <optional>
#include <stdexcept>
#include <utility>

#include <microhttpd.h>

namespace daemons {
namespace {

constexpr unsigned kIdleSeconds = 10;
constexpr unsigned kMaxConnections = 2'000;
constexpr std::size_t kMemoryPerConnection = 16 * 1024;

/// One request on its way: made when its headers are in, gone when it is answered.
/// libmicrohttpd suspends the connection while `response` is awaited; the mutex that hands it from
/// the replying thread to the server's is libmicrohttpd's own (resume happens before the next
/// call).
struct Exchange {
    bool asked = false;
    std::optional<HttpResponse> response;
};

MHD_Result send(MHD_Connection* connection, const HttpResponse& answer) {
    MHD_Response* response = MHD_create_response_from_buffer(
        answer.body.size(), const_cast<char*>(answer.body.data()), MHD_RESPMEM_MUST_COPY);
    if (!response)
        return MHD_NO;
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
    Daemon(const net::ListeningSocket& socket, Handler handler) : handler_(std::move(handler)) {
        // Without a socket it would open one itself, on a port that nobody asked for.
        if (!socket)
            throw std::runtime_error("the HTTP API has no socket to listen on");
        daemon_ = MHD_start_daemon(
            MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, nullptr, nullptr,
            &Daemon::on_request, this, MHD_OPTION_LISTEN_SOCKET, socket.get(),
            MHD_OPTION_NOTIFY_COMPLETED, &Daemon::on_completed, this, MHD_OPTION_CONNECTION_TIMEOUT,
            kIdleSeconds, MHD_OPTION_CONNECTION_LIMIT, kMaxConnections,
            MHD_OPTION_CONNECTION_MEMORY_LIMIT, kMemoryPerConnection, MHD_OPTION_END);
        if (!daemon_)
            throw std::runtime_error("the HTTP API cannot be started");
    }
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;
    ~Daemon() {
        // Without this the listening socket would be closed behind its owner's back.
        MHD_quiesce_daemon(daemon_);
        MHD_stop_daemon(daemon_);
    }

  private:
    static MHD_Result on_request(void* self, MHD_Connection* connection, const char* url,
                                 const char* method, const char* /*version*/,
                                 const char* /*upload*/, std::size_t* upload_size, void** state) {
        auto* exchange = static_cast<Exchange*>(*state);
        if (!exchange) {
            *state = new Exchange;  // freed in on_completed
            return MHD_YES;
        }
        if (*upload_size != 0) {
            *upload_size = 0;
            return MHD_YES;
        }
        if (exchange->response)
            return send(connection, *exchange->response);
        if (!std::exchange(exchange->asked, true)) {
            // Suspended first: the reply may come from another thread before this returns.
            MHD_suspend_connection(connection);
            static_cast<Daemon*>(self)->handler_({method, url}, [=](HttpResponse response) {
                exchange->response = std::move(response);
                MHD_resume_connection(connection);
            });
        }
        return MHD_YES;
    }

    static void on_completed(void* /*self*/, MHD_Connection* /*connection*/, void** state,
                             MHD_RequestTerminationCode /*why*/) {
        delete static_cast<Exchange*>(*state);
        *state = nullptr;
    }

    Handler handler_;
    MHD_Daemon* daemon_ = nullptr;
};

HttpServer::HttpServer(const net::ListeningSocket& socket, Handler handler)
    : daemon_(std::make_unique<Daemon>(socket, std::move(handler))) {}

HttpServer::~HttpServer() = default;

}  // namespace daemons
