#pragma once

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <optional>
#include <ostream>
#include <poll.h>
#include <string>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "net/relay/relay.h"
#include "support/sockets/socket.h"
#include "support/sockets/test_client.h"
#include "unit/net/loop/loop_thread.h"

namespace net {

inline std::ostream& operator<<(std::ostream& out, RelayEnd end) {
    switch (end) {
        case RelayEnd::client_closed:
            return out << "client_closed";
        case RelayEnd::backend_closed:
            return out << "backend_closed";
        case RelayEnd::client_failed:
            return out << "client_failed";
        case RelayEnd::backend_failed:
            return out << "backend_failed";
        case RelayEnd::out_of_resources:
            return out << "out_of_resources";
    }
    return out << "RelayEnd " << static_cast<int>(end);
}

enum class Party { client, backend };

inline void PrintTo(Party party, std::ostream* out) {
    *out << (party == Party::client ? "client" : "backend");
}

/// Bytes in which every shift, loss or repetition shows.
inline std::string pattern(std::size_t size, unsigned seed) {
    std::string bytes(size, '\0');
    unsigned state = seed;
    for (char& byte : bytes) {
        state = state * 1664525 + 1013904223;
        byte = static_cast<char>(state >> 24);
    }
    return bytes;
}

/// A relay on a loop of its own, with its client and its backend played by the test.
class RelayTest : public testing::Test, public RelayOwner {
  protected:
    /// One connection: the test's end, and the relay's.
    struct Connection {
        std::optional<support::TestClient> test;
        UniqueFd relay;
        int relay_fd = -1;  ///< to look at while the relay owns it
    };

    /// Both connections, with buffers that do not grow and so are soon full.
    RelayTest() {
        ::signal(SIGPIPE, SIG_IGN);  // as the daemons do: splice(2) has no MSG_NOSIGNAL
        for (Connection* connection : {&client_, &backend_}) {
            support::ListeningSocket listener("127.0.0.1", 0, kKernelBuffer);
            // Segments as on a real network: loopback's of 64 KiB would leave so much of the window
            // unused that the kernel sends a late rest of it when its persist timer fires.
            ::setsockopt(listener.fd(), IPPROTO_TCP, TCP_MAXSEG, &kSegment, sizeof kSegment);
            listener.listen();
            connection->test.emplace("127.0.0.1", listener.port(),
                                     support::ClientOptions{.receive_buffer = kKernelBuffer});
            EXPECT_TRUE(support::wait_ready(listener.fd(), POLLIN,
                                            support::Clock::now() + support::default_timeout));
            connection->relay =
                UniqueFd(::accept4(listener.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
            connection->relay_fd = connection->relay.get();
            for (const int fd : {connection->relay_fd, connection->test->fd()})
                ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &kKernelBuffer, sizeof kKernelBuffer);
        }
    }

    void start() {
        thread_.call([this] {
            relay_.emplace(thread_.loop(), buffer_, *this, std::move(client_.relay),
                           std::move(backend_.relay));
            relay_->start();
        });
    }

    void TearDown() override {
        thread_.call([this] { relay_.reset(); });
        EXPECT_TRUE(ends_.empty()) << "told of an end that was not expected: " << ends_.take();
    }

    [[nodiscard]] Connection& of(Party party) {
        return party == Party::client ? client_ : backend_;
    }
    [[nodiscard]] support::TestClient& client() { return *client_.test; }
    [[nodiscard]] support::TestClient& backend() { return *backend_.test; }

    /// The question reaches the backend, and the answer the client.
    void exchange(const std::string& question, const std::string& answer) {
        client().send(question);
        EXPECT_EQ(backend().receive(question.size()), question);
        backend().send(answer);
        EXPECT_EQ(client().receive(answer.size()), answer);
    }
    [[nodiscard]] int backend_ends() {
        return thread_.call([this] { return backend_ends_; });
    }

    /// Whether bytes of `from` wait that the relay does not read, as `to` has taken all it can
    /// without reading: then nothing will change until `to` does.
    [[nodiscard]] bool stuck(const Connection& from, const Connection& to) {
        return thread_.call([&] {
            tcp_info info{};
            socklen_t size = sizeof info;
            ::getsockopt(to.relay_fd, IPPROTO_TCP, TCP_INFO, &info, &size);
            int unread = 0;
            ::ioctl(from.relay_fd, FIONREAD, &unread);
            return info.tcpi_unacked == 0 && unread > 0 && !thread_.has_events();
        });
    }

    /// Sends until the relay stops reading, since the other party takes nothing. Gives what it
    /// sent.
    std::string send_until_paused(Party party) {
        const Connection& from = of(party);
        const Connection& to = party == Party::client ? backend_ : client_;
        const std::string bytes = pattern(8 * 1024 * 1024, 1);
        std::size_t sent = 0;
        support::eventually(
            [&] {
                const ssize_t count = ::send(from.test->fd(), bytes.data() + sent,
                                             bytes.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
                sent += count > 0 ? static_cast<std::size_t>(count) : 0;
                return count < 0 && stuck(from, to);
            },
            "the relay to pause reading");
        return bytes.substr(0, sent);
    }

    /// So that the relay has to copy.
    void take_all_pipes() {
        thread_.call([this] {
            while (auto pipe = buffer_.pipes().borrow())
                taken_pipes_.push_back(std::move(pipe));
        });
    }

    static constexpr int kKernelBuffer = 128 * 1024;
    static constexpr int kSegment = 1400;

    LoopThread thread_;
    RelayBuffer buffer_;
    std::vector<PipePool::Borrowed> taken_pipes_;
    Connection client_;
    Connection backend_;
    std::optional<Relay> relay_;
    Told<RelayEnd> ends_;
    int backend_ends_ = 0;  ///< the loop thread's

  private:
    void on_backend_end() noexcept override { ++backend_ends_; }
    void on_relay_end(RelayEnd end) noexcept override { ends_.add(end); }
};

}  // namespace net
