#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "support/sockets/http_peer.h"
#include "support/sockets/socket.h"
#include "support/wait.h"
#include "support/wake_event.h"
#include "tls_server.h"

namespace support {

enum class Fault {
    none,
    stall,                 ///< no byte of an answer until release(), stop() or destruction
    close_without_answer,  ///< FIN after the request was read
    reset,                 ///< RST after the request was read
    truncate,              ///< the head, `truncate_after` bytes of the body, then FIN
    drip_headers,          ///< the head one byte each `drip_interval`
    drip_body,             ///< the body one byte each `drip_interval`
    endless_headers,       ///< header lines up to `endless_cap` bytes, then FIN
    endless_body,          ///< the head, `endless_cap` bytes of blanks, then FIN
};

struct Answer {
    int status = 200;
    std::string body = {};
    std::string content_type = "application/json";
    Milliseconds delay{0};
    Fault fault = Fault::none;
    std::size_t truncate_after = 0;
    Milliseconds drip_interval{10};
    std::size_t endless_cap = std::size_t{200} * 1024 * 1024;
    /// Patroni sends none. With `truncate` it states the length of the whole body.
    bool with_content_length = false;
};

/// An HTTP server that answers as Patroni's REST API does: HTTP/1.0; headers Server, Date and
/// Content-Type only; a body ended by EOF; HEAD and OPTIONS get a bare status line. A path without
/// an answer gets 404; what is not HTTP at all gets Python's answer to it. `path` below is either
/// as sent or without its query. Owns its port from construction to destruction, and its threads
/// (one accepting, one for each connection); stop() and the destructor end them all. Every method
/// may be called from any thread, start() and stop() from one at a time. Waits throw TimedOut.
class FakePatroni {
  public:
    /// Any numeric loopback address; port 0 takes a free one. Starts at once.
    explicit FakePatroni(const std::string& ip = "127.0.0.1", std::uint16_t port = 0);
    /// The same over TLS.
    explicit FakePatroni(const TlsOptions& tls, const std::string& ip = "127.0.0.1",
                         std::uint16_t port = 0);
    ~FakePatroni();
    FakePatroni(const FakePatroni&) = delete;
    FakePatroni& operator=(const FakePatroni&) = delete;

    [[nodiscard]] std::string url() const { return (tls_ ? "https://" : "http://") + address(); }
    [[nodiscard]] std::string address() const { return host_and_port(ip_, port()); }
    [[nodiscard]] const std::string& ip() const noexcept { return ip_; }
    [[nodiscard]] std::uint16_t port() const noexcept { return listener_.port(); }

    /// What the next request to `path` gets; one that is held or delayed takes it when let go.
    void answer(const std::string& path, Answer answer);
    void answer_cluster(const std::string& body);
    /// What it says of itself: a standby that runs, of a Patroni too old to tell whose.
    void answer_as_replica();

    /// Requests to `path` arrive, are counted, and wait until release(path).
    void hold(const std::string& path);
    /// Lets go those that are held, and those that stall: they then get their answer.
    void release(const std::string& path);

    /// Drops every connection and refuses new ones; the port stays ours. start() undoes it.
    void stop();
    void start();

    [[nodiscard]] std::size_t requests(const std::string& path) const;
    [[nodiscard]] std::vector<HttpRequest> request_log() const;
    /// Until at least `n` requests have arrived / have been answered whole, counted from the start.
    void wait_for_requests(const std::string& path, std::size_t n,
                           Milliseconds timeout = default_timeout) const;
    void wait_for_answers(const std::string& path, std::size_t n,
                          Milliseconds timeout = default_timeout) const;

    /// The most requests that ever waited for their answer at one time.
    [[nodiscard]] std::size_t max_concurrent() const;
    /// Connections that the client has not closed yet, answered or not.
    [[nodiscard]] std::size_t open_connections() const;
    void wait_for_open_connections(std::size_t n, Milliseconds timeout = default_timeout) const;

  private:
    struct Connection {
        std::thread thread;
        bool finished = false;
    };
    class InFlight;

    void accept_loop();
    void reap_finished();
    void serve(HttpPeer& peer);
    void respond(HttpPeer& peer, const HttpRequest& request, std::size_t releases_before,
                 InFlight& in_flight);
    bool deliver(HttpPeer& peer, const Answer& answer, InFlight& in_flight);
    bool wait_while_held(const HttpPeer& peer, const std::string& path);
    bool wait_while_stalled(const HttpPeer& peer, const std::string& path,
                            std::size_t releases_before);
    template <typename Condition>
    bool wait_while(const HttpPeer& peer, const Condition& condition);
    std::size_t arrive(const HttpRequest& request);
    [[nodiscard]] Answer answer_to(const HttpRequest& request) const;
    [[nodiscard]] std::size_t requests_locked(const std::string& path) const;
    [[nodiscard]] std::size_t answers_locked(const std::string& path) const;
    [[nodiscard]] std::size_t releases_locked(const std::string& path) const;

    const std::string ip_;
    const std::unique_ptr<const TlsServer> tls_;  // null: plain HTTP
    ListeningSocket listener_;
    WakeEvent stop_event_;
    std::thread acceptor_;

    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    // All below is guarded by mutex_.
    std::list<Connection> connections_;
    std::map<std::string, Answer> answers_;
    std::set<std::string> held_;
    std::map<std::string, std::size_t> releases_;
    std::vector<HttpRequest> requests_;
    std::vector<std::string> answered_;
    std::size_t in_flight_ = 0;
    std::size_t max_concurrent_ = 0;
    std::size_t open_ = 0;
    bool stopping_ = true;
};

}  // namespace support
