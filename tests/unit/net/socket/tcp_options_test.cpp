#include "net/socket/tcp_options.h"

#include <cerrno>
#include <poll.h>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "net/socket/unique_fd.h"
#include "socket_options.h"
#include "support/sockets/socket.h"
#include "support/sockets/test_client.h"

namespace net {
namespace {

using namespace std::chrono_literals;

UniqueFd tcp_socket() {
    return UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

/// What a socket has, in the order of TcpOptions; idle 0 without keepalive.
TcpOptions options_of(int fd) {
    const bool keepalive = option_of(fd, SOL_SOCKET, SO_KEEPALIVE) != 0;
    return {std::chrono::milliseconds(option_of(fd, IPPROTO_TCP, TCP_USER_TIMEOUT)),
            std::chrono::seconds(keepalive ? option_of(fd, IPPROTO_TCP, TCP_KEEPIDLE) : 0),
            std::chrono::seconds(option_of(fd, IPPROTO_TCP, TCP_KEEPINTVL))};
}

/// The server's end of a connection that arrives now.
UniqueFd accept_from(support::ListeningSocket& server, support::TestClient& client) {
    EXPECT_TRUE(
        support::wait_ready(server.fd(), POLLIN, support::Clock::now() + support::default_timeout));
    EXPECT_NE(client.local_port(), 0);
    return UniqueFd(::accept4(server.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
}

TEST(TcpOptions, FindAPeerThatIsGoneInHalfAMinuteUnlessAskedOtherwise) {
    const UniqueFd fd = tcp_socket();
    ASSERT_EQ(apply(fd.get(), {}), 0);
    EXPECT_EQ(options_of(fd.get()), (TcpOptions{0ms, 15s, 5s}));
    EXPECT_EQ(option_of(fd.get(), IPPROTO_TCP, TCP_KEEPCNT), 3);
}

TEST(TcpOptions, AreSetAsTheyAreGiven) {
    const UniqueFd fd = tcp_socket();
    const TcpOptions options{12'345ms, 67s, 8s};
    ASSERT_EQ(apply(fd.get(), options), 0);
    EXPECT_EQ(options_of(fd.get()), options);
}

TEST(TcpOptions, OfZeroAreTheKernelsOwnAlsoAfterOthers) {
    const UniqueFd fresh = tcp_socket();
    const UniqueFd fd = tcp_socket();
    ASSERT_EQ(apply(fd.get(), {30s, 15s, 5s}), 0);
    ASSERT_EQ(apply(fd.get(), {0ms, 15s, 0s}), 0);
    const auto kernels = options_of(fresh.get());
    EXPECT_EQ(options_of(fd.get()), (TcpOptions{0ms, 15s, kernels.keepalive_interval}));
    ASSERT_EQ(apply(fd.get(), {0ms, 0s, 0s}), 0);
    EXPECT_EQ(option_of(fd.get(), SOL_SOCKET, SO_KEEPALIVE), 0);
}

TEST(TcpOptions, AreInheritedFromTheListeningSocketByWhatArrivesAfterwards) {
    support::ListeningSocket server("127.0.0.1", 0);
    server.listen();
    for (const TcpOptions& options : {TcpOptions{30s, 15s, 5s}, TcpOptions{20s, 10s, 2s}}) {
        ASSERT_EQ(apply(server.fd(), options), 0);
        support::TestClient client("127.0.0.1", server.port());
        const UniqueFd accepted = accept_from(server, client);
        EXPECT_EQ(options_of(accepted.get()), options);
        EXPECT_EQ(option_of(accepted.get(), IPPROTO_TCP, TCP_KEEPCNT), 3);
    }
}

TEST(TcpOptions, AreAppliedToAConnectionInUse) {
    support::ListeningSocket server("127.0.0.1", 0);
    server.listen();
    support::TestClient client("127.0.0.1", server.port());
    const UniqueFd accepted = accept_from(server, client);
    const TcpOptions options{30s, 15s, 5s};
    ASSERT_EQ(apply(accepted.get(), options), 0);
    EXPECT_EQ(options_of(accepted.get()), options);
}

// Why it is off by default.
TEST(TcpOptions, WithAUserTimeoutEndAPeerThatIsAliveButDoesNotRead) {
    support::ListeningSocket server("127.0.0.1", 0);
    server.listen();
    support::TestClient client("127.0.0.1", server.port(), {.receive_buffer = 4096});
    const UniqueFd accepted = accept_from(server, client);
    ASSERT_EQ(apply(accepted.get(), {300ms, 0s, 0s}), 0);
    const std::string bytes(64 * 1024, 'x');
    while (::send(accepted.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) > 0) {
    }
    ASSERT_EQ(errno, EAGAIN);
    EXPECT_TRUE(support::wait_ready(accepted.get(), POLLERR,
                                    support::Clock::now() + support::default_timeout));
    EXPECT_EQ(option_of(accepted.get(), SOL_SOCKET, SO_ERROR), ETIMEDOUT);
}

TEST(TcpOptions, LeaveAUnixSocketAsItIs) {
    const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(apply(fd.get(), {}), 0);
    EXPECT_EQ(option_of(fd.get(), SOL_SOCKET, SO_KEEPALIVE), 0);
}

TEST(TcpOptions, TellWhatTheKernelDoesNotTake) {
    const UniqueFd fd = tcp_socket();
    EXPECT_EQ(apply(fd.get(), {0ms, 32'768s, 5s}), EINVAL);
    EXPECT_EQ(apply(fd.get(), {0ms, 15s, 32'768s}), EINVAL);
    // Cut to the largest int, not wrapped to one that means something else.
    EXPECT_EQ(apply(fd.get(), {0ms, std::chrono::seconds((1LL << 32) + 15), 5s}), EINVAL);
    EXPECT_EQ(apply(-1, {}), EBADF);
}

}  // namespace
}  // namespace net
