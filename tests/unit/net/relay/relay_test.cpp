#include "net/relay/relay.h"

#include <cerrno>
#include <cstddef>
#include <fcntl.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "allocated.h"
#include "relay_fixture.h"

namespace net {
namespace {

using support::Closed;
using namespace std::chrono_literals;
using support::TestClient;

/// What holds for both directions. The parameter is the party that acts; peer() is the other.
class RelayBothWaysTest : public RelayTest, public testing::WithParamInterface<Party> {
  protected:
    [[nodiscard]] TestClient& actor() { return *of(GetParam()).test; }
    [[nodiscard]] TestClient& peer() { return *of(peer_party()).test; }
    [[nodiscard]] static Party peer_party() {
        return GetParam() == Party::client ? Party::backend : Party::client;
    }
    [[nodiscard]] static RelayEnd closed() {
        return GetParam() == Party::client ? RelayEnd::client_closed : RelayEnd::backend_closed;
    }
    [[nodiscard]] static RelayEnd peer_closed() {
        return GetParam() == Party::client ? RelayEnd::backend_closed : RelayEnd::client_closed;
    }
    [[nodiscard]] static RelayEnd failed() {
        return GetParam() == Party::client ? RelayEnd::client_failed : RelayEnd::backend_failed;
    }
    [[nodiscard]] static RelayEnd peer_failed() {
        return GetParam() == Party::client ? RelayEnd::backend_failed : RelayEnd::client_failed;
    }
};

INSTANTIATE_TEST_SUITE_P(From, RelayBothWaysTest, testing::Values(Party::client, Party::backend),
                         [](const auto& instance) -> std::string {
                             return instance.param == Party::client ? "Client" : "Backend";
                         });

TEST_F(RelayTest, PassesBytesBothWaysAndCountsThem) {
    start();
    client().send("question");
    EXPECT_EQ(backend().receive(8), "question");
    backend().send("answer");
    EXPECT_EQ(client().receive(6), "answer");
    thread_.call([this] {
        EXPECT_EQ(relay_->bytes_from_client(), 8U);
        EXPECT_EQ(relay_->bytes_from_backend(), 6U);
    });
}

TEST_F(RelayTest, PassesWhatCameBeforeItStarted) {
    client().send("early");
    start();
    EXPECT_EQ(backend().receive(5), "early");
}

TEST_F(RelayTest, PassesMegabytesBothWaysAtOncePastSlowReaders) {
    start();
    struct Side {
        int fd;
        std::string sends;
        std::size_t sent;
        std::string received;
    };
    constexpr std::size_t kSize = 6 * 1024 * 1024;
    Side a{client().fd(), pattern(kSize, 1), 0, {}};
    Side b{backend().fd(), pattern(kSize, 2), 0, {}};
    std::string piece(16 * 1024, '\0');
    // Each turn sends all that goes and takes only a piece, so that every buffer is full.
    const auto turn = [&](Side& side) {
        const ssize_t sent = ::send(side.fd, side.sends.data() + side.sent,
                                    side.sends.size() - side.sent, MSG_NOSIGNAL);
        side.sent += sent > 0 ? static_cast<std::size_t>(sent) : 0;
        const ssize_t count = ::recv(side.fd, piece.data(), piece.size(), 0);
        if (count > 0)
            side.received.append(piece, 0, static_cast<std::size_t>(count));
    };
    const auto wanted = [](const Side& side) {
        return static_cast<short>(POLLIN | (side.sent < side.sends.size() ? POLLOUT : 0));
    };
    while (a.received.size() < kSize || b.received.size() < kSize) {
        pollfd ready[] = {{a.fd, wanted(a), 0}, {b.fd, wanted(b), 0}};
        ASSERT_GT(::poll(ready, 2, static_cast<int>(support::default_timeout.count())), 0)
            << a.received.size() << " and " << b.received.size() << " bytes have come";
        turn(a);
        turn(b);
    }
    EXPECT_TRUE(a.received == b.sends);
    EXPECT_TRUE(b.received == a.sends);
    thread_.call([&] {
        EXPECT_EQ(relay_->bytes_from_client(), kSize);
        EXPECT_EQ(relay_->bytes_from_backend(), kSize);
    });
}

TEST_P(RelayBothWaysTest, PassesAHalfCloseWhileTheOtherDirectionGoesOn) {
    start();
    actor().send("last words");
    actor().half_close();
    EXPECT_EQ(peer().receive_to_eof(), "last words");
    peer().send("still talking");
    EXPECT_EQ(actor().receive(13), "still talking");
    EXPECT_TRUE(thread_.sleeps());
    EXPECT_TRUE(ends_.empty());
    peer().half_close();
    actor().wait_for_eof();
    EXPECT_EQ(ends_.take(), closed());
}

TEST_F(RelayTest, LeavesABackendTimeToCloseBeforeItPassesTheClientsFin) {
    start();
    const auto begin = support::Clock::now();
    client().half_close();
    backend().wait_for_close();
    EXPECT_GE(support::Clock::now() - begin, 20ms);
    backend().half_close();
    EXPECT_EQ(ends_.take(), RelayEnd::client_closed);
}

TEST_P(RelayBothWaysTest, PassesFinOnlyAfterEverythingBeforeIt) {
    start();
    const std::string sent = send_until_paused(GetParam());
    actor().half_close();
    EXPECT_TRUE(peer().receive_to_eof() == sent);
    EXPECT_TRUE(ends_.empty());
    peer().half_close();
    EXPECT_EQ(ends_.take(), closed());
}

TEST_P(RelayBothWaysTest, WritesWhatIsLeftAfterTheOtherPartyHasClosedItsDirection) {
    start();
    const std::string sent = send_until_paused(GetParam());
    peer().half_close();
    actor().wait_for_eof();
    actor().half_close();
    EXPECT_TRUE(peer().receive_to_eof() == sent);
    EXPECT_EQ(ends_.take(), peer_closed());
}

TEST_P(RelayBothWaysTest, HoldsTheOtherDirectionUpForNobodyWhoDoesNotRead) {
    start();
    send_until_paused(GetParam());
    const std::string sent = pattern(1024 * 1024, 2);
    for (std::size_t at = 0; at < sent.size(); at += 64 * 1024) {
        peer().send(sent.substr(at, 64 * 1024));
        EXPECT_TRUE(actor().receive(64 * 1024) == sent.substr(at, 64 * 1024));
    }
}

TEST_P(RelayBothWaysTest, AnswersAResetWithAReset) {
    start();
    actor().reset();
    EXPECT_EQ(peer().wait_for_close(), Closed::reset);
    EXPECT_EQ(ends_.take(), failed());
}

TEST_P(RelayBothWaysTest, DeliversWhatWasSentBeforeAReset) {
    start();
    actor().send("last words");
    actor().reset();
    EXPECT_EQ(peer().receive(10), "last words");
    EXPECT_EQ(peer().wait_for_close(), Closed::reset);
    EXPECT_EQ(ends_.take(), failed());
}

TEST_P(RelayBothWaysTest, PassesAResetOnlyAfterItsBacklogIsWritten) {
    start();
    send_until_paused(GetParam());
    actor().reset();
    EXPECT_TRUE(thread_.sleeps());
    EXPECT_TRUE(ends_.empty());
    // Now the peer reads.
    EXPECT_EQ(peer().wait_for_close(), Closed::reset);
    EXPECT_EQ(ends_.take(), failed());
}

TEST_P(RelayBothWaysTest, AResetAfterAHalfCloseIsPassedOnAndNoOtherEnd) {
    start();
    actor().half_close();
    peer().wait_for_eof();
    peer().reset();
    EXPECT_EQ(actor().wait_for_close(), Closed::reset);
    EXPECT_EQ(ends_.take(), closed());
}

TEST_P(RelayBothWaysTest, EndsWhenThePartyThatItHoldsBytesForBreaks) {
    start();
    send_until_paused(GetParam());
    peer().reset();
    EXPECT_EQ(ends_.take(), peer_failed());
    EXPECT_EQ(actor().wait_for_close(), Closed::reset);
}

TEST_F(RelayTest, EndsWhenAClientBreaksThatItsBackendWaitsFor) {
    start();
    (void)send_until_paused(Party::client);
    (void)send_until_paused(Party::backend);
    client().reset();
    EXPECT_EQ(ends_.take(), RelayEnd::client_failed);
    EXPECT_EQ(backend().wait_for_close(), Closed::reset);
}

TEST_F(RelayTest, DeliversWhatItHasOfABackendThatBreaksWhileNeitherSideReads) {
    start();
    (void)send_until_paused(Party::client);
    const std::string sent = send_until_paused(Party::backend);
    const std::uint64_t had = thread_.call([this] { return relay_->bytes_from_backend(); });
    backend().reset();
    support::eventually([&] { return backend_ends() == 1; }, "the end of the backend to be seen");
    EXPECT_TRUE(ends_.empty()) << "the client has yet to take its bytes";
    EXPECT_GT(thread_.call([this] { return relay_->bytes_from_backend(); }), had)
        << "what the kernel had is not lost";
    const std::size_t received = thread_.call([this] { return relay_->bytes_from_backend(); });
    EXPECT_TRUE(client().receive(received) == sent.substr(0, received));
    EXPECT_EQ(client().wait_for_close(), Closed::reset);
    EXPECT_EQ(ends_.take(), RelayEnd::backend_failed);
}

TEST_P(RelayBothWaysTest, DeliversTheLastWordsOfAPartyThatBreaksWithBytesHeldForIt) {
    start();
    send_until_paused(GetParam());
    // Both come in one batch of events: the write fails before there was a chance to read.
    thread_.call([this] {
        peer().send("too much for me");
        peer().reset();
    });
    EXPECT_EQ(actor().receive(15), "too much for me");
    EXPECT_EQ(actor().wait_for_close(), Closed::reset);
    EXPECT_EQ(ends_.take(), peer_failed());
}

TEST_P(RelayBothWaysTest, SleepsThroughTheResetOfAPartyItDoesNotRead) {
    start();
    send_until_paused(GetParam());
    actor().reset();
    EXPECT_TRUE(thread_.sleeps());
    EXPECT_TRUE(ends_.empty());
    peer().reset();
    ends_.take();  // who of the two broke first is not to be seen
}

TEST_P(RelayBothWaysTest, SleepsThroughTheResetOfAPartyThatHalfClosed) {
    start();
    actor().half_close();
    peer().wait_for_eof();
    actor().reset();
    EXPECT_TRUE(thread_.sleeps());
    EXPECT_TRUE(ends_.empty());
    peer().half_close();
    ends_.take();
}

TEST_F(RelayTest, TellsOfTheEndOnceWhenBothBreakInOneBatch) {
    start();
    thread_.call([this] {
        client().reset();
        backend().reset();
    });
    ends_.take();
    EXPECT_TRUE(thread_.sleeps());
}

TEST_F(RelayTest, ClosesBothConnectionsWhenBothHaveFinished) {
    start();
    client().half_close();
    backend().wait_for_eof();
    backend().half_close();
    client().wait_for_eof();
    EXPECT_EQ(ends_.take(), RelayEnd::client_closed);
    thread_.call([] {});  // it closes them right after it has told its end
    for (const Connection* connection : {&client_, &backend_}) {
        EXPECT_EQ(::fcntl(connection->relay_fd, F_GETFD), -1);
        EXPECT_EQ(errno, EBADF);
    }
    EXPECT_TRUE(thread_.sleeps());
}

TEST_F(RelayTest, ServesAClientAtAUnixSocket) {
    int ends[2] = {-1, -1};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    client_.relay = UniqueFd(ends[0]);
    UniqueFd client(ends[1]);
    start();
    ASSERT_EQ(::send(client.get(), "question", 8, MSG_NOSIGNAL), 8);
    EXPECT_EQ(backend().receive(8), "question");
    backend().send("answer");
    ASSERT_TRUE(support::wait_ready(client.get(), POLLIN,
                                    support::Clock::now() + support::default_timeout));
    char answer[6] = {};
    EXPECT_EQ(::recv(client.get(), answer, sizeof answer, 0), 6);
    EXPECT_EQ(std::string_view(answer, sizeof answer), "answer");
    client.reset();
    backend().wait_for_eof();
    // A hang-up, which the loop would report for ever.
    EXPECT_TRUE(thread_.sleeps());
    backend().half_close();
    EXPECT_EQ(ends_.take(), RelayEnd::client_closed);
}

TEST_F(RelayTest, AbortResetsTheBackendAndEndsTheClientsStream) {
    start();
    thread_.call([this] { relay_->abort(); });
    EXPECT_EQ(backend().wait_for_close(), Closed::reset);
    EXPECT_EQ(client().wait_for_close(), Closed::fin);
    EXPECT_TRUE(thread_.sleeps());
    EXPECT_TRUE(ends_.empty());
}

TEST_F(RelayTest, AbortDoesNotWaitForAClientThatDoesNotRead) {
    start();
    send_until_paused(Party::backend);
    thread_.call([this] { relay_->abort(); });
    EXPECT_EQ(backend().wait_for_close(), Closed::reset);
    EXPECT_EQ(client().wait_for_close(), Closed::fin);
}

TEST_F(RelayTest, AbortAfterTheEndDoesNothing) {
    start();
    client().half_close();
    backend().half_close();
    (void)ends_.take();
    thread_.call([this] { relay_->abort(); });
    backend().wait_for_eof();
}

TEST_F(RelayTest, DestructionIsAnAbort) {
    start();
    thread_.call([this] { relay_.reset(); });
    EXPECT_EQ(backend().wait_for_close(), Closed::reset);
    EXPECT_EQ(client().wait_for_close(), Closed::fin);
    EXPECT_TRUE(thread_.sleeps());
}

TEST_F(RelayTest, EndsWhenTheKernelWillNotWatchASocket) {
    backend_.relay = UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC));  // epoll refuses it
    start();
    EXPECT_EQ(ends_.take(), RelayEnd::out_of_resources);
    EXPECT_EQ(client().wait_for_close(), Closed::reset);
    EXPECT_TRUE(thread_.sleeps());
}

TEST_F(RelayTest, HoldsNoBufferOnceItsBacklogIsWritten) {
    take_all_pipes();
    start();
    // Within a few bytes: the loop's thread frees the tasks that the test's thread makes.
    constexpr std::ptrdiff_t kMuch = 8 * 1024;
    const auto memory = [this] { return thread_.call([] { return allocated_by_this_thread(); }); };
    const std::ptrdiff_t idle = memory();
    std::size_t sent = 0;
    std::size_t received = 0;
    // How much of what it read did not go out at once is chance: until it is much.
    support::eventually(
        [&] {
            sent += send_until_paused(Party::backend).size();
            received += client().receive(64 * 1024).size();
            return memory() > idle + kMuch;
        },
        "the relay to hold a backlog");
    client().receive(sent - received);
    ASSERT_TRUE(thread_.sleeps());
    EXPECT_LT(memory(), idle + kMuch);
    static_assert(sizeof(Relay) < 512);
}

}  // namespace
}  // namespace net
