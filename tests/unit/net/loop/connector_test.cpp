#include "net/loop/connector.h"

#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <functional>
#include <optional>
#include <sys/eventfd.h>
#include <utility>

#include <gtest/gtest.h>

#include "loop_thread.h"
#include "support/fakes/fake_backend.h"
#include "unit/net/socket/socket_options.h"

namespace net {
namespace {

using namespace std::chrono_literals;
using support::BackendOptions;
using support::FakeBackend;

/// Longer than any test takes.
constexpr std::chrono::milliseconds kLong = support::default_timeout;

SocketAddress address_of(const FakeBackend& backend) {
    return SocketAddress::from_ip(backend.ip(), backend.port()).value();
}

class ConnectorTest : public testing::Test, public ConnectHandler {
  protected:
    struct Outcome {
        UniqueFd connection;
        int error = 0;
    };

    void start(const SocketAddress& address, std::chrono::milliseconds timeout) {
        thread_.call([&] { connector_->start(address, timeout); });
    }

    void SetUp() override {
        thread_.call([this] { connector_.emplace(thread_.loop(), *this); });
    }
    void TearDown() override {
        thread_.call([this] { connector_.reset(); });
        EXPECT_TRUE(outcomes_.empty()) << "it told of an outcome once too often";
    }

    LoopThread thread_;
    std::optional<Connector> connector_;
    Told<Outcome> outcomes_;
    /// What the handler does besides telling, on the loop's thread; once.
    std::function<void()> then_ = [] {};

  private:
    void on_connected(UniqueFd connection) noexcept override {
        outcomes_.add({std::move(connection), 0});
        std::exchange(then_, [] {})();
    }
    void on_connect_failed(int error) noexcept override {
        outcomes_.add({UniqueFd(), error});
        std::exchange(then_, [] {})();
    }
};

TEST_F(ConnectorTest, GivesAConnectionThatIsReadyForTheLoop) {
    FakeBackend backend;
    start(address_of(backend), kLong);
    const Outcome outcome = outcomes_.take();
    ASSERT_EQ(outcome.error, 0);
    const int fd = outcome.connection.get();
    backend.wait_for_sessions(1);
    EXPECT_EQ(::send(fd, "hello", 5, 0), 5);
    backend.wait_for_received(5);

    EXPECT_EQ(option_of(fd, IPPROTO_TCP, TCP_NODELAY), 1);
    EXPECT_NE(::fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    EXPECT_NE(::fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(ConnectorTest, SetsTheTcpOptionsItIsGiven) {
    const FakeBackend backend;
    thread_.call([&] { connector_->start(address_of(backend), kLong, {20s, 10s, 2s}); });
    const Outcome outcome = outcomes_.take();
    ASSERT_EQ(outcome.error, 0);
    const int fd = outcome.connection.get();
    EXPECT_EQ(option_of(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 20'000);
    EXPECT_EQ(option_of(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
    EXPECT_EQ(option_of(fd, IPPROTO_TCP, TCP_KEEPIDLE), 10);
    EXPECT_EQ(option_of(fd, IPPROTO_TCP, TCP_KEEPINTVL), 2);
}

TEST_F(ConnectorTest, TellsOfTcpOptionsThatTheKernelDoesNotTake) {
    const FakeBackend backend;
    thread_.call([&] { connector_->start(address_of(backend), kLong, {0ms, 32'768s, 5s}); });
    EXPECT_EQ(outcomes_.take().error, EINVAL);
}

TEST_F(ConnectorTest, LeavesNothingInTheLoopOnceItsConnectionIsClosed) {
    const FakeBackend backend;
    start(address_of(backend), kLong);
    outcomes_.take();
    EXPECT_TRUE(thread_.sleeps());
    thread_.call([this] { EXPECT_EQ(thread_.loop().timers().milliseconds_to_next(), -1); });
}

TEST_F(ConnectorTest, LeavesNothingInTheLoopThoughAnotherProcessHasItsSocket) {
    const FakeBackend backend({.greeting = false});
    UniqueFd copy;  // as in a child before it runs its command
    thread_.call([&] {
        const int next = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
        ::close(next);
        connector_->start(address_of(backend), kLong);
        copy = UniqueFd(::fcntl(next, F_DUPFD_CLOEXEC, 0));
        connector_->cancel();
    });
    backend.wait_for_accepted(1);
    int type = 0;
    socklen_t size = sizeof type;
    EXPECT_EQ(::getsockopt(copy.get(), SOL_SOCKET, SO_TYPE, &type, &size), 0);
    EXPECT_TRUE(thread_.sleeps());
}

TEST_F(ConnectorTest, ItsConnectionCanBeTakenOver) {
    struct Closed final : EventHandler {
        void on_event(std::uint32_t events) noexcept override { seen.add(events); }
        Told<std::uint32_t> seen;
    } closed;
    FakeBackend backend;
    Outcome outcome;
    start(address_of(backend), kLong);
    outcome = outcomes_.take();
    thread_.call([&] {
        EXPECT_EQ(thread_.loop().take_over(outcome.connection.get(), EPOLLRDHUP, closed), 0);
    });
    // The connector watched it for room, and there is plenty.
    EXPECT_TRUE(thread_.sleeps());
    EXPECT_TRUE(closed.seen.empty());
    backend.wait_for_sessions(1);
}

TEST_F(ConnectorTest, TellsOfARefusal) {
    const FakeBackend backend({.accept = BackendOptions::Accept::refuse});
    start(address_of(backend), kLong);
    EXPECT_EQ(outcomes_.take().error, ECONNREFUSED);
    EXPECT_TRUE(thread_.sleeps());
}

TEST_F(ConnectorTest, GivesUpAfterItsTimeWhenNobodyAnswers) {
    const FakeBackend backend({.accept = BackendOptions::Accept::never});
    const auto before = support::Clock::now();
    start(address_of(backend), 20ms);
    EXPECT_EQ(outcomes_.take().error, ETIMEDOUT);
    EXPECT_GE(support::Clock::now() - before, 20ms);
}

TEST_F(ConnectorTest, TellsOfAFailureAtOnceOnlyLater) {
    thread_.call([this] {
        connector_->start(SocketAddress(), kLong);
        EXPECT_TRUE(outcomes_.empty());
    });
    EXPECT_EQ(outcomes_.take().error, EAFNOSUPPORT);
}

TEST_F(ConnectorTest, TellsOfASuccessOnlyLater) {
    const FakeBackend backend;
    thread_.call([&] {
        connector_->start(address_of(backend), kLong);
        EXPECT_TRUE(outcomes_.empty());
    });
    EXPECT_EQ(outcomes_.take().error, 0);
}

TEST_F(ConnectorTest, TellsNothingOnceCancelled) {
    const FakeBackend backend({.greeting = false});
    thread_.call([&] {
        connector_->start(address_of(backend), kLong);
        connector_->cancel();
        EXPECT_EQ(thread_.loop().timers().milliseconds_to_next(), -1);
    });
    // The connection was made, and is closed again.
    backend.wait_for_accepted(1);
    backend.wait_for_sessions(0);
    EXPECT_TRUE(thread_.sleeps());
    thread_.call([this] { connector_->cancel(); });  // nothing under way: nothing happens
}

TEST_F(ConnectorTest, TellsNothingOfAFailureOnceCancelled) {
    thread_.call([&] {
        connector_->start(SocketAddress(), kLong);
        connector_->cancel();
        EXPECT_EQ(thread_.loop().timers().milliseconds_to_next(), -1);
    });
}

TEST_F(ConnectorTest, TellsNothingOnceDestroyed) {
    const FakeBackend backend({.greeting = false});
    thread_.call([&] {
        connector_->start(address_of(backend), kLong);
        connector_.reset();
        EXPECT_EQ(thread_.loop().timers().milliseconds_to_next(), -1);
    });
    backend.wait_for_accepted(1);
    backend.wait_for_sessions(0);
}

TEST_F(ConnectorTest, MayBeStartedAgainWhenItTellsOfARefusal) {
    const FakeBackend refusing({.accept = BackendOptions::Accept::refuse});
    const FakeBackend backend;
    then_ = [&] { connector_->start(address_of(backend), kLong); };
    start(address_of(refusing), kLong);
    EXPECT_EQ(outcomes_.take().error, ECONNREFUSED);
    EXPECT_EQ(outcomes_.take().error, 0);
}

TEST_F(ConnectorTest, MayBeStartedAgainWhenItTellsOfATimeout) {
    const FakeBackend silent({.accept = BackendOptions::Accept::never});
    const FakeBackend backend;
    then_ = [&] { connector_->start(address_of(backend), kLong); };
    start(address_of(silent), 1ms);
    EXPECT_EQ(outcomes_.take().error, ETIMEDOUT);
    EXPECT_EQ(outcomes_.take().error, 0);
}

TEST_F(ConnectorTest, MayBeStartedAgainWhenItTellsOfAConnection) {
    const FakeBackend backend;
    then_ = [&] { connector_->start(address_of(backend), kLong); };
    start(address_of(backend), kLong);
    EXPECT_EQ(outcomes_.take().error, 0);
    EXPECT_EQ(outcomes_.take().error, 0);
    backend.wait_for_accepted(2);
}

TEST_F(ConnectorTest, MayBeCancelledByAnEarlierEventOfTheBatchItIsReadyIn) {
    struct Earlier final : EventHandler {
        void on_event(std::uint32_t) noexcept override { action(); }
        std::function<void()> action;
    };
    const FakeBackend backend;
    const FakeBackend silent({.accept = BackendOptions::Accept::never});
    const UniqueFd event(::eventfd(1, EFD_NONBLOCK));
    for (const bool restart : {false, true}) {
        Earlier earlier;
        earlier.action = [&] {
            thread_.loop().remove(event.get());
            connector_->cancel();
            if (restart)
                connector_->start(address_of(silent), 20ms);
        };
        // Ready in this order: epoll keeps it.
        thread_.call([&] {
            ASSERT_EQ(thread_.loop().add(event.get(), EPOLLIN, earlier), 0);
            connector_->start(address_of(backend), kLong);
        });
        EXPECT_TRUE(thread_.sleeps());
        // Not what the event of the first connect would say of the second: connected.
        if (restart) {
            EXPECT_EQ(outcomes_.take().error, ETIMEDOUT);
        }
        EXPECT_TRUE(outcomes_.empty());
    }
}

TEST(OwnTroubleTest, IsWhatThisHostHasRunOutOf) {
    for (const int error :
         {EMFILE, ENFILE, ENOBUFS, ENOMEM, ENOSPC, EADDRNOTAVAIL, EADDRINUSE, EAGAIN})
        EXPECT_TRUE(is_own_trouble(error)) << error;
    for (const int error : {0, ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, ECONNRESET})
        EXPECT_FALSE(is_own_trouble(error)) << error;
}

}  // namespace
}  // namespace net
