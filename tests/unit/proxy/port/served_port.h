#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <fcntl.h>
#include <functional>
#include <future>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "net/loop/event_loop.h"
#include "net/loop/listener.h"
#include "net/relay/relay.h"
#include "net/socket/listening_socket.h"
#include "net/socket/socket_address.h"
#include "net/socket/unique_fd.h"
#include "patroni_proxy/backend/backend_table.h"
#include "patroni_proxy/port/port.h"
#include "patroni_proxy/port/port_server.h"
#include "patroni_proxy/port/readiness_check.h"
#include "patroni_proxy/port/reservations.h"
#include "support/fakes/fake_backend.h"
#include "support/sockets/test_client.h"
#include "support/wait.h"

namespace proxy {

inline BackendPtr backend_for(const support::FakeBackend& fake) {
    return BackendPtr(
        new Backend{fake.name(), net::SocketAddress::from_ip(fake.ip(), fake.port()).value()});
}

/// It has been asked, and has said so.
inline void let_accept(const BackendPtr& backend) {
    backend->reachability.note_answer(backend->reachability.moment(), BackendState::accepts);
}

/// `tolerated` are draining, `fallback` keep the sessions that fell back to them.
inline BackendTablePtr table_of(std::initializer_list<BackendPtr> eligible,
                                std::initializer_list<BackendPtr> tolerated = {},
                                std::initializer_list<BackendPtr> fallback = {}) {
    BackendTable table;
    table.from_an_answer = true;
    table.eligible = eligible;
    table.tolerated = tolerated;
    table.fallback = fallback;
    return std::make_shared<const BackendTable>(std::move(table));
}

/// A port that ignores reports of trouble.
inline PortPtr make_port(PortId id, const std::string& label = "c/p") {
    return PortPtr(new Port{id, label, [](const std::string& /*member*/, Trouble /*trouble*/) {}});
}

inline PortSettingsPtr settings_of(const PortSettings& settings = {}) {
    return std::make_shared<const PortSettings>(settings);
}

/// Runs `task` on a loop that another thread runs; returns when it is done.
inline void run_on(net::EventLoop& loop, const std::function<void()>& task) {
    // Shared, so that the loop may still be leaving the task when this returns.
    const auto done = std::make_shared<std::promise<void>>();
    loop.post([&task, done] {
        task();
        done->set_value();
    });
    done->get_future().get();
}

inline void wait_for_connections(const BackendPtr& backend, std::uint32_t count) {
    support::eventually([&] { return backend->connections == count; },
                        std::to_string(count) + " connections on " + backend->member);
}

/// A connection's two ends: the client's, and the one that a listener would have accepted.
struct AcceptedClient {
    AcceptedClient()
        : AcceptedClient(net::bind_listening_socket(*net::ListenAddress::parse("127.0.0.1:0"))) {}

    support::TestClient client;
    net::UniqueFd accepted;
    net::SocketAddress address;

  private:
    explicit AcceptedClient(const net::ListeningSocket& listening)
        : client("127.0.0.1", listening.address().port()) {
        const auto is_there = [&] {
            accepted.reset(
                ::accept4(listening.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
            return bool(accepted);
        };
        support::eventually(is_there, "a connection to accept");
        address = net::SocketAddress::from_ip("127.0.0.1", client.local_port()).value();
    }
};

/// One PortServer with a loop on a thread of its own and a listening socket in front.
class ServedPort final : private net::AcceptHandler {
  public:
    explicit ServedPort(BackendTablePtr table, const PortSettings& settings = {})
        : process_(std::make_shared<ProcessSessions>()),
          workers_(std::make_shared<std::vector<ServedPort*>>(1, this)),
          port_(
              new Port{1, "c/p", std::bind_front(&ServedPort::on_trouble, this),
                       [&workers = *workers_](std::size_t worker) { workers.at(worker)->wake(); }}),
          server_({loop_, *buffer_, 0, sessions_, ids_, *process_}, port_, settings_of(settings)) {
        process_->readiness = &readiness_;
        server_.use(std::move(table));
        thread_ = std::thread([this] { loop_.run(); });
    }
    /// The same port on another worker, with its own listening socket. `first` outlives it.
    ServedPort(const ServedPort& first, BackendTablePtr table, const PortSettings& settings)
        : process_(first.process_),
          workers_(first.workers_),
          port_(first.port_),
          server_({loop_, *buffer_, workers_->size(), sessions_, ids_, *process_}, port_,
                  settings_of(settings)) {
        workers_->push_back(this);  // before any client comes
        server_.use(std::move(table));
        thread_ = std::thread([this] { loop_.run(); });
    }
    ServedPort(const ServedPort&) = delete;
    ServedPort& operator=(const ServedPort&) = delete;
    ~ServedPort() {
        loop_.stop();
        thread_.join();
    }

    [[nodiscard]] support::TestClient connect() const {
        return {"127.0.0.1", listener_.address().port()};
    }
    void use(const BackendTablePtr& table) {
        run_on(loop_, [&] { server_.use(table); });
    }
    void use(const PortSettings& settings) {
        run_on(loop_, [&] { server_.use(settings_of(settings)); });
    }
    void end_sessions(SessionEnd end) {
        run_on(loop_, [&] { server_.end_sessions(end); });
    }
    /// How many it ended.
    std::size_t close_by_operator(const std::string& who) {
        return visit([&](Session& session) { return session.close_by_operator(who); });
    }
    std::size_t close_between_queries() {
        return visit([](Session& session) { return session.close_between_queries("somebody"); });
    }
    [[nodiscard]] std::vector<SessionRecord> records() {
        std::vector<SessionRecord> records;
        visit([&](Session& session) {
            records.push_back(session.record());
            return false;
        });
        return records;
    }
    [[nodiscard]] PortTally tally() {
        PortTally tally;
        run_on(loop_, [&] { tally = server_.tally(); });
        return tally;
    }
    /// A session that passes to another port, with sockets of its own.
    struct Passed {
        SessionState state;
        net::UniqueFd client;
        net::UniqueFd backend;
    };
    /// As a process hands its sessions over, and lets go of them.
    [[nodiscard]] std::vector<Passed> hand_over(PortTally* tally = nullptr) {
        std::vector<Passed> passed;
        PortServer::Others others;
        run_on(loop_, [&] {
            passed = show(PortServer::AtOnce::all, others);
            if (tally)
                *tally = server_.tally_for_successor();
            server_.leave_to_successor(PortServer::AtOnce::all);
        });
        return passed;
    }
    /// All but those that only relay, and what these occupy.
    [[nodiscard]] std::vector<Passed> hand_over_undecided(PortServer::Others& others) {
        std::vector<Passed> passed;
        run_on(loop_, [&] {
            passed = show(PortServer::AtOnce::undecided, others);
            server_.leave_to_successor(PortServer::AtOnce::undecided);
        });
        return passed;
    }
    /// Some of those that only relay.
    [[nodiscard]] std::vector<Passed> pass_some(std::size_t most) {
        std::vector<Passed> passed;
        run_on(loop_, [&] {
            server_.pass_some(most, [&](SessionState&& state, net::Relay::Sockets sockets) {
                passed.push_back(
                    {std::move(state), std::move(sockets.client), std::move(sockets.backend)});
            });
        });
        return passed;
    }
    [[nodiscard]] PortTally tally_for_successor() {
        PortTally tally;
        run_on(loop_, [&] { tally = server_.tally_for_successor(); });
        return tally;
    }
    void adopt(std::vector<Passed> passed, Reservations* reservations = nullptr) {
        for (Passed& session : passed) {
            Reservation reserved;
            if (reservations)
                reserved = reservations->take(port_, "c", session.state);
            run_on(loop_, [&] {
                ++sessions_;
                server_.adopt(std::move(session.state), std::move(session.client),
                              std::move(session.backend), std::move(reserved));
            });
        }
    }
    void wait_for_sessions(std::size_t count) const {
        support::eventually([&] { return sessions_ == count; },
                            std::to_string(count) + " sessions");
    }
    void wait_for_queued(std::uint64_t count) const {
        support::eventually([&] { return port_->queued == count; },
                            std::to_string(count) + " queued");
    }
    [[nodiscard]] ProcessSessions& process() { return *process_; }
    [[nodiscard]] const Port& port() const { return *port_; }
    [[nodiscard]] const PortPtr& shared_port() const { return port_; }
    [[nodiscard]] std::uint64_t refused(SessionEnd end) {
        return tally().refused[static_cast<std::size_t>(end)];
    }
    /// What trouble was reported, in that order: "b1 refused", "b1 ended"; of no member "-
    /// refused".
    [[nodiscard]] std::vector<std::string> troubles() const {
        const std::lock_guard lock(mutex_);
        return troubles_;
    }

  private:
    static net::UniqueFd copy_of(int fd) {
        return net::UniqueFd(fd < 0 ? -1 : ::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    }
    std::vector<Passed> show(PortServer::AtOnce which, PortServer::Others& others) const {
        std::vector<Passed> passed;
        server_.show_to_successor(
            which,
            [&](SessionState&& state, Session::Descriptors sockets) {
                passed.push_back(
                    {std::move(state), copy_of(sockets.client), copy_of(sockets.backend)});
            },
            others);
        return passed;
    }
    void wake() {
        loop_.post([this] { server_.try_held_sessions(); });
    }
    /// For how many `does` is true.
    std::size_t visit(const std::function<bool(Session&)>& does) {
        std::size_t count = 0;
        run_on(loop_, [&] {
            const auto never = net::TimerQueue::Clock::time_point::max();
            EXPECT_EQ(
                server_.visit(SIZE_MAX, never, [&](Session& each) { count += does(each) ? 1 : 0; }),
                0U);
        });
        return count;
    }
    void on_accept(net::UniqueFd connection, const net::SocketAddress& peer) noexcept override {
        ++sessions_;
        server_.serve(std::move(connection), peer);
    }
    void on_accept_paused(int /*error*/) noexcept override {}
    void on_trouble(const std::string& member, Trouble trouble) {
        const std::lock_guard lock(mutex_);
        troubles_.push_back((member.empty() ? "-" : member) +
                            (trouble == Trouble::refused ? " refused" : " ended"));
    }

    mutable std::mutex mutex_;
    std::vector<std::string> troubles_;  // guarded by mutex_
    net::EventLoop loop_;
    std::unique_ptr<net::RelayBuffer> buffer_ = std::make_unique<net::RelayBuffer>();
    std::atomic<std::size_t> sessions_{0};
    SessionIds ids_{5};
    const std::shared_ptr<ProcessSessions> process_;
    const std::shared_ptr<std::vector<ServedPort*>> workers_;  ///< of the port, by their numbers
    const PortPtr port_;
    PortServer server_;
    ReadinessCheck readiness_{loop_, [this] { server_.try_held_sessions(); }};
    net::ListeningSocket socket_ =
        net::bind_listening_socket(*net::ListenAddress::parse("127.0.0.1:0"));
    net::Listener listener_{loop_, socket_, *this};
    std::thread thread_;
};

}  // namespace proxy
