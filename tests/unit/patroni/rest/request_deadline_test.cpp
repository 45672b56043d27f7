#include "patroni/rest/request_deadline.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <poll.h>
#include <sys/socket.h>

#include <gtest/gtest.h>

#include "support/fakes/fake_backend.h"
#include "support/sockets/fd.h"
#include "support/sockets/socket.h"
#include "support/wait.h"

namespace patroni {
namespace {

using namespace std::chrono_literals;

/// Two connected sockets; the first is the one that is guarded.
struct Connection {
    Connection() {
        std::array<int, 2> fds{};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()), 0);
        guarded = support::Fd(fds[0]);
        peer = support::Fd(fds[1]);
    }

    /// Waits until the connection ends; false if it has not within `timeout`.
    [[nodiscard]] bool ends_within(std::chrono::milliseconds timeout) const {
        return support::wait_ready(peer.get(), POLLIN, support::Clock::now() + timeout);
    }

    support::Fd guarded;
    support::Fd peer;
};

TEST(RequestDeadlineTest, CutsAtTheDeadlineAndNotBefore) {
    RequestDeadline request_deadline;
    const Connection connection;
    const auto deadline = support::Clock::now() + 50ms;
    request_deadline.guard(connection.guarded.get(), deadline);
    EXPECT_TRUE(connection.ends_within(10s));
    EXPECT_GE(support::Clock::now(), deadline);
    EXPECT_EQ(request_deadline.release(), RequestDeadline::Cut::deadline);
}

TEST(RequestDeadlineTest, LeavesAloneWhatIsReleasedInTime) {
    RequestDeadline request_deadline;
    const Connection connection;
    request_deadline.guard(connection.guarded.get(), support::Clock::now() + 30ms);
    EXPECT_EQ(request_deadline.release(), RequestDeadline::Cut::none);
    EXPECT_FALSE(connection.ends_within(60ms));
}

TEST(RequestDeadlineTest, AnEarlierDeadlineThanTheLastOneCounts) {
    RequestDeadline request_deadline;
    const Connection first;
    request_deadline.guard(first.guarded.get(), support::Clock::now() + 1h);
    EXPECT_EQ(request_deadline.release(), RequestDeadline::Cut::none);
    const Connection second;
    request_deadline.guard(second.guarded.get(), support::Clock::now() + 20ms);
    EXPECT_TRUE(second.ends_within(10s));
    EXPECT_EQ(request_deadline.release(), RequestDeadline::Cut::deadline);
    EXPECT_FALSE(first.ends_within(0ms));
}

TEST(RequestDeadlineTest, AbortCutsAtOnceAndSaysSo) {
    RequestDeadline request_deadline;
    const Connection connection;
    request_deadline.guard(connection.guarded.get(), support::Clock::now() + 1h);
    request_deadline.abort();
    EXPECT_TRUE(connection.ends_within(10s));
    EXPECT_EQ(request_deadline.release(), RequestDeadline::Cut::abort);
}

TEST(RequestDeadlineTest, AbortCutsWhatIsGuardedLater) {
    RequestDeadline request_deadline;
    request_deadline.abort();
    for (int i = 0; i < 3; ++i) {
        const Connection connection;
        request_deadline.guard(connection.guarded.get(), support::Clock::now() + 1h);
        EXPECT_TRUE(connection.ends_within(10s));
        EXPECT_EQ(request_deadline.release(), RequestDeadline::Cut::abort);
    }
}

TEST(RequestDeadlineTest, CutsASocketThatBeginsToConnectOnlyThen) {
    // abort() may fall between the making of a socket and its connect, which would then last for
    // as long as the system tries: here nobody answers it.
    const support::FakeBackend silent({.accept = support::BackendOptions::Accept::never});
    const support::Fd socket = support::make_tcp_socket(AF_INET);
    RequestDeadline request_deadline;
    request_deadline.abort();
    request_deadline.guard(socket.get(), support::Clock::now() + 1h);
    // The first cut only leaves its mark.
    support::eventually(
        [&] {
            pollfd entry{socket.get(), POLLRDHUP, 0};
            return ::poll(&entry, 1, 0) == 1 && (entry.revents & POLLRDHUP) != 0;
        },
        "a cut before the connect");
    const support::SocketAddress address(silent.ip(), silent.port());
    ASSERT_EQ(::connect(socket.get(), address.get(), address.length()), -1);
    ASSERT_EQ(errno, EINPROGRESS);
    support::eventually(
        [&] {
            char byte = 0;
            return ::send(socket.get(), &byte, 1, MSG_NOSIGNAL) == -1 && errno != EAGAIN;
        },
        "the connect to be given up");
    EXPECT_EQ(request_deadline.release(), RequestDeadline::Cut::abort);
}

}  // namespace
}  // namespace patroni
