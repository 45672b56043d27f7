#include "net/loop/listener.h"

#include <cerrno>
#include <fcntl.h>
#include <list>
#include <optional>
#include <poll.h>
#include <string>
#include <sys/resource.h>
#include <sys/un.h>
#include <system_error>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "loop_thread.h"
#include "support/process/temp_dir.h"
#include "support/sockets/socket.h"
#include "support/sockets/test_client.h"
#include "unit/net/socket/socket_options.h"

namespace net {
namespace {

using support::TestClient;
using testing::HasSubstr;

SocketAddress loopback(std::uint16_t port = 0) {
    return SocketAddress::from_ip("127.0.0.1", port).value();
}

/// No descriptor can be opened while this lives; those that are open stay so. UBSan opens a pipe
/// when it first meets a class, so what is to be done without descriptors is done once before.
class NoMoreDescriptors {
  public:
    NoMoreDescriptors() {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        const rlimit none{.rlim_cur = 3, .rlim_max = before_.rlim_max};
        ::setrlimit(RLIMIT_NOFILE, &none);
    }
    NoMoreDescriptors(const NoMoreDescriptors&) = delete;
    NoMoreDescriptors& operator=(const NoMoreDescriptors&) = delete;
    ~NoMoreDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

  private:
    rlimit before_{};
};

class ListenerTest : public testing::Test, public AcceptHandler {
  protected:
    struct Accepted {
        UniqueFd connection;
        SocketAddress peer;
    };

    void listen(ListeningSocket socket) {
        socket_ = std::move(socket);
        thread_.call([&] { listener_.emplace(thread_.loop(), socket_, *this); });
    }
    void accept_one() {
        const TestClient client("127.0.0.1", port());
        accepted_.take();
        EXPECT_TRUE(thread_.sleeps());
    }
    [[nodiscard]] std::uint16_t port() const { return listener_->address().port(); }

    void TearDown() override {
        thread_.call([this] { listener_.reset(); });
    }

    LoopThread thread_;
    ListeningSocket socket_;
    std::optional<Listener> listener_;
    Told<Accepted> accepted_;
    Told<int> paused_;
    bool takes_one_ = false;  // the loop's thread only

  private:
    void on_accept(UniqueFd connection, const SocketAddress& peer) noexcept override {
        accepted_.add({std::move(connection), peer});
        if (takes_one_)
            listener_->stop();
    }
    void on_accept_paused(int error) noexcept override { paused_.add(error); }
};

TEST_F(ListenerTest, AcceptsAConnectionWithTheAddressOfItsPeer) {
    listen(bind_listening_socket(ListenAddress(loopback())));
    TestClient client("127.0.0.1", port());
    const Accepted accepted = accepted_.take();
    EXPECT_EQ(accepted.peer, loopback(client.local_port()));
    client.send("x");
    ASSERT_TRUE(support::wait_ready(accepted.connection.get(), POLLIN,
                                    support::Clock::now() + support::default_timeout));
    char byte = 0;
    EXPECT_EQ(::read(accepted.connection.get(), &byte, 1), 1);
    EXPECT_EQ(byte, 'x');
}

TEST_F(ListenerTest, GivesConnectionsThatAreReadyForTheLoop) {
    listen(bind_listening_socket(ListenAddress(loopback())));
    const TestClient client("127.0.0.1", port());
    const Accepted accepted = accepted_.take();
    const int fd = accepted.connection.get();
    EXPECT_EQ(option_of(fd, IPPROTO_TCP, TCP_NODELAY), 1);
    EXPECT_NE(::fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    EXPECT_NE(::fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(ListenerTest, AcceptsABurstLargerThanItTakesAtOnce) {
    auto socket = bind_listening_socket(ListenAddress(loopback()));
    const std::uint16_t port = socket.address().port();
    std::list<TestClient> clients;
    for (int i = 0; i < 150; ++i)
        clients.emplace_back("127.0.0.1", port);
    listen(std::move(socket));
    for (int i = 0; i < 150; ++i)
        accepted_.take();
    EXPECT_TRUE(thread_.sleeps());
    EXPECT_TRUE(accepted_.empty());
}

TEST_F(ListenerTest, ShowsPeersOfBothFamiliesAsTheyAreKnown) {
    listen(bind_listening_socket(ListenAddress::parse("[::]:0").value()));
    const TestClient v6("::1", port());
    EXPECT_EQ(accepted_.take().peer.ip(), "::1");
    const TestClient v4("127.0.0.1", port());
    EXPECT_EQ(accepted_.take().peer, loopback(v4.local_port()));
}

TEST_F(ListenerTest, AcceptsAtAUnixSocketAPeerWithoutAnAddress) {
    const support::TempDir dir;
    const std::string path = dir.path() / "s";
    listen(bind_listening_socket(ListenAddress::parse(path).value()));
    EXPECT_EQ(listener_->address().path(), path);
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    path.copy(to.sun_path, sizeof to.sun_path - 1);
    const UniqueFd client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::connect(client.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
    const Accepted accepted = accepted_.take();
    EXPECT_EQ(accepted.peer, SocketAddress());
    EXPECT_NE(::fcntl(accepted.connection.get(), F_GETFL) & O_NONBLOCK, 0);
    ASSERT_EQ(::send(accepted.connection.get(), "x", 1, MSG_NOSIGNAL), 1);
    char byte = 0;
    EXPECT_EQ(::read(client.get(), &byte, 1), 1);
    EXPECT_EQ(byte, 'x');
}

TEST_F(ListenerTest, LeavesItsSocketToTheNext) {
    listen(bind_listening_socket(ListenAddress(loopback())));
    thread_.call([this] { listener_.reset(); });
    // Nobody accepts, but the client is not refused.
    const TestClient client("127.0.0.1", socket_.address().port());
    EXPECT_TRUE(thread_.sleeps());
    EXPECT_TRUE(accepted_.empty());
    thread_.call([this] { listener_.emplace(thread_.loop(), socket_, *this); });
    EXPECT_EQ(accepted_.take().peer, loopback(client.local_port()));
}

TEST_F(ListenerTest, StopsAmidItsOwnEvent) {
    auto socket = bind_listening_socket(ListenAddress(loopback()));
    const std::uint16_t port = socket.address().port();
    const TestClient first("127.0.0.1", port);
    const TestClient second("127.0.0.1", port);
    thread_.call([this] { takes_one_ = true; });
    listen(std::move(socket));
    EXPECT_EQ(accepted_.take().peer, loopback(first.local_port()));
    EXPECT_TRUE(thread_.sleeps());
    EXPECT_TRUE(accepted_.empty()) << "the other one is left to the next listener";
}

TEST_F(ListenerTest, ThrowsWhenTheLoopDoesNotTakeTheSocket) {
    EventLoop loop;
    const ListeningSocket none;
    try {
        const Listener listener(loop, none, *this);
        FAIL() << "it took no socket at all";
    } catch (const std::system_error& error) {
        EXPECT_EQ(error.code().value(), EBADF);
        EXPECT_THAT(error.what(), HasSubstr("cannot accept"));
    }
}

TEST_F(ListenerTest, PausesWithoutDescriptorsAndRecovers) {
    listen(bind_listening_socket(ListenAddress(loopback())));
    accept_one();
    const support::SocketAddress address("127.0.0.1", port());
    const support::Fd client = support::make_tcp_socket(address.family());
    {
        const NoMoreDescriptors limit;
        (void)::connect(client.get(), address.get(), address.length());
        EXPECT_EQ(paused_.take(), EMFILE);
        // The connection waits and keeps the listening socket readable: that must not wake it.
        EXPECT_TRUE(thread_.sleeps());
        // Still none after the pause: it pauses again.
        EXPECT_EQ(paused_.take(), EMFILE);
        EXPECT_TRUE(accepted_.empty());
    }
    EXPECT_EQ(accepted_.take().peer, loopback(support::local_port(client.get())));
    accept_one();
}

TEST_F(ListenerTest, PausesWhileAnotherProcessHasStoppedTheSocketListening) {
    listen(bind_listening_socket(ListenAddress(loopback())));
    accept_one();
    socket_.refuse();  // the socket is one for all who have it
    EXPECT_EQ(paused_.take(), EINVAL);
    EXPECT_TRUE(thread_.sleeps());
    ASSERT_EQ(socket_.listen(), 0);
    accept_one();
}

TEST_F(ListenerTest, MayBeDestroyedWhileItPauses) {
    listen(bind_listening_socket(ListenAddress(loopback())));
    accept_one();
    const support::SocketAddress address("127.0.0.1", port());
    const support::Fd client = support::make_tcp_socket(address.family());
    {
        const NoMoreDescriptors limit;
        (void)::connect(client.get(), address.get(), address.length());
        EXPECT_EQ(paused_.take(), EMFILE);
    }
    thread_.call([this] {
        listener_.reset();
        EXPECT_EQ(thread_.loop().timers().milliseconds_to_next(), -1);
    });
}

}  // namespace
}  // namespace net
