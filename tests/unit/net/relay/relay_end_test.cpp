// Who ended a relay, and what becomes of the client once its backend has.

#include <linux/sockios.h>
#include <optional>
#include <span>
#include <string>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <thread>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/relay/relay.h"
#include "relay_fixture.h"

namespace net {
namespace {

using namespace std::chrono_literals;
using support::Closed;

constexpr auto kNone = SideEnd::none;
constexpr auto kClosed = SideEnd::closed;
constexpr auto kBroke = SideEnd::broke;

TEST(WhoEndedTest, Table) {
    const struct {
        const char* what;
        Ends ends;
        std::optional<RelayEnd> who;
    } cases[]{
        {"nobody yet", {}, std::nullopt},
        {"a client that closes: the backend may do so too", {.client = kClosed}, std::nullopt},
        {"the backend does not", {.client = kClosed, .waited = true}, RelayEnd::client_closed},
        {"the client breaks: it may have said goodbye", {.client = kBroke}, std::nullopt},
        {"it had not", {.client = kBroke, .waited = true}, RelayEnd::client_failed},
        {"the backend closes at a goodbye, or at once", {.backend = kClosed}, std::nullopt},
        {"the client stays", {.backend = kClosed, .waited = true}, RelayEnd::backend_closed},
        {"the backend breaks", {.backend = kBroke}, std::nullopt},
        {"and the client stays", {.backend = kBroke, .waited = true}, RelayEnd::backend_failed},
        {"it says why", {.backend = kClosed, .answered = true}, RelayEnd::backend_closed},
        {"it says why, and resets",
         {.backend = kBroke, .answered = true},
         RelayEnd::backend_failed},
        {"it says why, and resets what the client says at that",
         {.client = kClosed, .backend = kBroke, .answered = true},
         RelayEnd::backend_closed},
        {"the client closes at that",
         {.client = kClosed, .backend = kClosed, .answered = true},
         RelayEnd::backend_closed},
        {"or resets",
         {.client = kBroke, .backend = kClosed, .answered = true},
         RelayEnd::backend_closed},
        {"goodbye", {.client = kClosed, .backend = kClosed}, RelayEnd::client_closed},
        {"goodbye, with unread bytes at the server",
         {.client = kClosed, .backend = kBroke},
         RelayEnd::client_closed},
        {"goodbye, with unread bytes at the client",
         {.client = kBroke, .backend = kClosed},
         RelayEnd::client_closed},
        {"goodbye, with unread bytes at both",
         {.client = kBroke, .backend = kBroke},
         RelayEnd::client_closed},
    };
    for (const auto& [what, ends, who] : cases)
        EXPECT_EQ(who_ended(ends), who) << what;
}

/// A record of TLS with so many bytes behind its header.
std::string record(char type, std::size_t size) {
    return std::string{type, 3, 3, 0, static_cast<char>(size)} + std::string(size, 'c');
}
constexpr char kAlert = 21;
constexpr char kData = 23;

TEST(CloseNotifyTest, EndsARead) {
    const struct {
        const char* what;
        std::string bytes;
        bool expected;
    } cases[]{
        {"nothing", "", false},
        {"TLS 1.3", record(kData, 19), true},
        {"TLS 1.2 with AES-GCM", record(kAlert, 26), true},
        {"TLS 1.2 with ChaCha20", record(kAlert, 18), true},
        {"behind an answer", record(kData, 120) + record(kData, 19), true},
        {"before an answer", record(kData, 19) + record(kData, 120), false},
        {"a Terminate", record(kData, 22), false},
        {"clear text of the same length", std::string(24, 'c'), false},
        {"a part of one", record(kData, 19).substr(0, 23), false},
    };
    for (const auto& [what, bytes, expected] : cases)
        EXPECT_EQ(ends_with_close_notify(std::as_bytes(std::span(bytes))), expected) << what;
}

/// With what a TLS client and its server say: to the relay it is noise of a certain length.
class RelayEndTest : public RelayTest {
  protected:
    void client_says_goodbye() {
        client().send(kTerminate);
        EXPECT_EQ(backend().receive(kTerminate.size()), kTerminate);
    }

    /// It says why, over TLS.
    void backend_takes_leave() {
        const std::string last_words = kShuttingDown + record(kData, 19);
        backend().send(last_words);
        EXPECT_EQ(client().receive(last_words.size()), last_words);
    }
    /// The client closes at that. The backend's process takes longer to exit than any other
    /// backend's is waited for.
    void expect_end_of_backend_that_exits_slowly() {
        client().close();
        std::optional<Timer> exit;
        thread_.call([&] {
            exit.emplace(thread_.loop().timers(), [this] { backend().close(); });
            exit->arm(250ms);
        });
        EXPECT_EQ(ends_.take(), RelayEnd::backend_closed);
        EXPECT_EQ(backend_ends(), 1);
        thread_.call([&] { exit.reset(); });
    }
    void pass_to_another_relay() {
        thread_.call([this] {
            RelayState state = relay_->state();
            Relay::Sockets sockets = relay_->release();
            relay_.emplace(thread_.loop(), buffer_, *this, std::move(sockets.client),
                           std::move(sockets.backend));
            relay_->resume(std::move(state));
        });
    }

    const std::string kTerminate = std::string(27, 't');
    const std::string kCloseNotify = std::string(31, 'c');
    const std::string kShuttingDown = std::string(120, 'e');
};

TEST_F(RelayEndTest, AGoodbyeIsTheClientsWhateverFollows) {
    start();
    exchange("a question", std::string(300, 'a'));
    client_says_goodbye();
    backend().send(kCloseNotify);
    EXPECT_EQ(client().receive(kCloseNotify.size()), kCloseNotify);
    // In one turn of the loop, so that neither is waited for in vain.
    thread_.call([this] {
        backend().reset();  // for it has not read the client's close_notify
        client().reset();
    });
    EXPECT_EQ(ends_.take(), RelayEnd::client_closed);
    EXPECT_EQ(backend_ends(), 0);
}

TEST_F(RelayEndTest, SoItIsWhereTheClientResetsFirst) {
    start();
    exchange("a question", std::string(300, 'a'));
    client_says_goodbye();
    // The server ends at the goodbye, and cannot know of what follows.
    thread_.call([this] {
        client().reset();
        backend().send(kCloseNotify);
        backend().close();
    });
    EXPECT_EQ(ends_.take(), RelayEnd::client_closed);
    EXPECT_EQ(backend_ends(), 0);
}

TEST_F(RelayEndTest, AClientThatClosesAtTheLastWordsOfItsBackendHasNotEndedIt) {
    start();
    exchange("a question", "an answer");
    backend().send(kShuttingDown);
    EXPECT_EQ(client().receive(kShuttingDown.size()), kShuttingDown);
    thread_.call([this] {
        client().close();
        backend().close();
    });
    EXPECT_EQ(ends_.take(), RelayEnd::backend_closed);
    EXPECT_EQ(backend_ends(), 1);
}

TEST_F(RelayEndTest, SoItIsWhereTheClientTakesLeaveOverTls) {
    start();
    exchange("a question", "an answer");
    backend().send(kShuttingDown);
    EXPECT_EQ(client().receive(kShuttingDown.size()), kShuttingDown);
    thread_.call([this] {
        client().send(std::string(24, 'c'));
        client().close();
        backend().close();
    });
    EXPECT_EQ(ends_.take(), RelayEnd::backend_closed);
}

TEST_F(RelayEndTest, SoItIsWhereTheBackendTakesLeaveOverTlsAndExitsSlowly) {
    start();
    exchange("a question", "an answer");
    backend_takes_leave();
    expect_end_of_backend_that_exits_slowly();
}

TEST_F(RelayEndTest, SoItIsWhereAnotherProcessHasTakenTheSessionOverMeanwhile) {
    start();
    exchange("a question", "an answer");
    backend_takes_leave();
    pass_to_another_relay();
    expect_end_of_backend_that_exits_slowly();
}

TEST_F(RelayEndTest, AResetOfTheClientIsPassedOnIfTheBackendDoesNotEndByItself) {
    start();
    exchange("a question", "an answer");
    const auto begin = support::Clock::now();
    client().reset();
    EXPECT_EQ(backend().wait_for_close(), Closed::reset);
    EXPECT_GE(support::Clock::now() - begin, 20ms);
    EXPECT_EQ(ends_.take(), RelayEnd::client_failed);
}

TEST_F(RelayEndTest, ABackendThatEndsWithoutAWordIsWaitedForByItsClient) {
    start();
    client().send("a question");
    EXPECT_EQ(backend().receive(10), "a question");
    const auto begin = support::Clock::now();
    backend().close();
    client().wait_for_close();
    EXPECT_GE(support::Clock::now() - begin, 100ms);
    EXPECT_EQ(backend_ends(), 1);
    client().close();
    EXPECT_EQ(ends_.take(), RelayEnd::backend_closed);
}

TEST_F(RelayEndTest, AClientThatIsGoneIsNotWaitedForWhenItsBackendResets) {
    start();
    exchange("a question", std::string(300, 'a'));
    client().close();
    backend().wait_for_eof();  // so slow is the server
    backend().send(kCloseNotify);
    EXPECT_TRUE(thread_.sleeps());
    backend().reset();
    EXPECT_EQ(ends_.take(), RelayEnd::client_closed);
}

TEST_F(RelayEndTest, AClientThatWritesToABackendThatHasClosedIsNoFailure) {
    start();
    exchange("a question", kShuttingDown);
    backend().close();
    client().wait_for_eof();
    // The first is answered with a reset, the second fails, and a third is dropped.
    for (int i = 0; i < 3; ++i) {
        client().send("another question");
        EXPECT_TRUE(thread_.sleeps());
    }
    client().close();
    EXPECT_EQ(ends_.take(), RelayEnd::backend_closed);
}

TEST_F(RelayEndTest, AClientThatDoesNotLookHasASecondOnceItsKernelHasEverything) {
    start();
    exchange("a question", kShuttingDown);
    const auto begin = support::Clock::now();
    backend().send("bye");
    backend().close();
    EXPECT_EQ(ends_.take(), RelayEnd::backend_closed);
    EXPECT_GE(support::Clock::now() - begin, 1s);
    EXPECT_EQ(client().receive_to_eof(), "bye");
}

/// Its kernel has not taken all yet, though the relay holds nothing for it.
class RelayUndeliveredTest : public RelayEndTest {
  protected:
    std::string send_more_than_the_client_takes() {
        start();
        const std::string bytes = pattern(8 * kKernelBuffer, 1);
        std::size_t sent = 0;
        support::eventually(
            [&] {
                backend().send(bytes.substr(sent, kSegment));
                sent += kSegment;
                return undelivered() > 4 * kSegment;
            },
            "the client's kernel to take no more");
        return bytes.substr(0, sent);
    }

    [[nodiscard]] int undelivered() {
        return thread_.call([&] {
            // In this order: bytes under way count among the undelivered until they are taken.
            tcp_info info{};
            socklen_t size = sizeof info;
            ::getsockopt(client_.relay_fd, IPPROTO_TCP, TCP_INFO, &info, &size);
            int bytes = 0;
            ::ioctl(client_.relay_fd, SIOCOUTQ, &bytes);
            return info.tcpi_unacked == 0 ? bytes : 0;
        });
    }
    /// Longer than a client has that has taken everything.
    void let_it_wait() {
        std::this_thread::sleep_for(1500ms);
        EXPECT_TRUE(ends_.empty());
        EXPECT_TRUE(thread_.sleeps());
    }
};

TEST_F(RelayUndeliveredTest, ItIsLeftTimeToReadThat) {
    const std::string sent = send_more_than_the_client_takes();
    backend().close();
    let_it_wait();
    EXPECT_EQ(backend_ends(), 1) << "the backend is done all the same";
    EXPECT_TRUE(client().receive_to_eof() == sent);
    EXPECT_EQ(ends_.take(), RelayEnd::backend_closed);
}

TEST_F(RelayUndeliveredTest, NoResetOvertakesIt) {
    const std::string sent = send_more_than_the_client_takes();
    backend().reset();
    let_it_wait();
    EXPECT_EQ(backend_ends(), 1);
    EXPECT_TRUE(client().receive(sent.size()) == sent);
    EXPECT_EQ(client().wait_for_close(), Closed::reset);
    EXPECT_EQ(ends_.take(), RelayEnd::backend_failed);
}

/// Its client comes over a unix socket, reads nothing more, and sends whenever there is room.
class RelayFloodTest : public RelayTest {
  protected:
    RelayFloodTest() {
        int ends[2] = {-1, -1};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
        client_.relay = UniqueFd(ends[0]);
        client_.relay_fd = ends[0];
        flood_ = UniqueFd(ends[1]);
        ::shutdown(flood_.get(), SHUT_RD);
    }

    /// On the loop's thread.
    void flood() {
        const std::string bytes(16 * 1024, 'f');
        ssize_t count = 1;
        while (count > 0 && flooded_ < kFlood) {
            count = ::send(flood_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
            flooded_ += count > 0 ? static_cast<std::size_t>(count) : 0;
        }
    }

    static constexpr std::size_t kFlood = 32 * 1024 * 1024;  ///< far more than all buffers take

    UniqueFd flood_;
    std::size_t flooded_ = 0;  ///< the loop thread's

  private:
    Inspection inspect(RelaySide /*from*/, std::span<const std::byte> /*bytes*/) noexcept override {
        flood();
        return Inspection::further;
    }
};

TEST_F(RelayFloodTest, AClientThatCannotBeToldIsReadNoFurtherThanItHasSent) {
    start();
    thread_.call([this] { flood(); });
    support::eventually([this] { return stuck(client_, backend_); }, "the backend to take no more");
    backend().send("an answer");
    EXPECT_EQ(ends_.take(), RelayEnd::client_failed);
    EXPECT_LT(thread_.call([this] { return flooded_; }), kFlood);
}

}  // namespace
}  // namespace net
