#include "net/socket/listening_socket.h"

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <list>
#include <optional>
#include <poll.h>
#include <string>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <system_error>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "address_of.h"
#include "socket_options.h"
#include "support/process/temp_dir.h"
#include "support/sockets/socket.h"
#include "support/sockets/test_client.h"

namespace net {
namespace {

using namespace std::chrono_literals;
using support::TestClient;
using testing::AllOf;
using testing::HasSubstr;

/// What bind_listening_socket() throws; an empty code if nothing.
std::system_error refusal(const ListenAddress& where, const ListenOptions& options = {}) {
    try {
        const auto socket = bind_listening_socket(where, options);
    } catch (const std::system_error& error) {
        return error;
    }
    return std::system_error(std::error_code());
}

UniqueFd accept_from(const ListeningSocket& server) {
    EXPECT_TRUE(support::wait_ready(server.get(), POLLIN,
                                    support::Clock::now() + support::default_timeout));
    return UniqueFd(::accept4(server.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
}

// TCP

TEST(ListeningSocket, RefusesAndListensAgainAtTheSameAddress) {
    for (const std::string ip : {"127.0.0.1", "::1"}) {
        const auto where = SocketAddress::from_ip(ip, 0).value();
        const auto socket = bind_listening_socket(ListenAddress(where));
        const auto port = socket.address().port();
        TestClient waiting(ip, port);
        EXPECT_TRUE(socket.is_listening());
        for (int i = 0; i < 2; ++i) {
            socket.refuse();
            EXPECT_FALSE(socket.is_listening());
            EXPECT_EQ(TestClient::connect_error(ip, port), ECONNREFUSED);
        }
        EXPECT_EQ(waiting.wait_for_close(), support::Closed::reset) << "it was in the backlog";
        for (int i = 0; i < 2; ++i) {
            EXPECT_EQ(socket.listen(), 0);
            EXPECT_TRUE(socket.is_listening());
            const TestClient client(ip, port);
            EXPECT_TRUE(accept_from(socket));
        }
    }
}

TEST(ListeningSocket, OfAPathIsNeverRefused) {
    const support::TempDir directory;
    const std::string path = directory.path() / "s";
    const auto socket = bind_listening_socket(address(path));
    socket.refuse();
    EXPECT_TRUE(socket.is_listening());
    const TestClient client = TestClient::on_unix(path);
    EXPECT_TRUE(accept_from(socket));
}

TEST(ListeningSocket, MayListenOnAnAddressThatIsNotHereYet) {
    for (const std::string where : {"192.0.2.1:0", "[2001:db8::1]:0"}) {
        EXPECT_EQ(refusal(address(where)).code().value(), EADDRNOTAVAIL) << where;
        EXPECT_EQ(refusal(address(where), {.freebind = true}).code().value(), 0) << where;
    }
}

TEST(ListeningSocket, TurnsPort0IntoANumber) {
    const auto socket = bind_listening_socket(address("127.0.0.1:0"));
    EXPECT_NE(socket.address().port(), 0);
    EXPECT_EQ(socket.address(), ListenAddress(SocketAddress::local_of(socket.get())));
    const TestClient client("127.0.0.1", socket.address().port());
}

TEST(ListeningSocket, NamesTheAddressThatIsTaken) {
    const auto first = bind_listening_socket(address("127.0.0.1:0"));
    const auto error = refusal(first.address());
    EXPECT_EQ(error.code().value(), EADDRINUSE);
    EXPECT_THAT(error.what(), HasSubstr("cannot listen on " + first.address().to_string()));
}

TEST(ListeningSocket, TakesAPortAgainThatConnectionsStillHoldInTimeWait) {
    auto first = bind_listening_socket(address("127.0.0.1:0"));
    {
        TestClient client("127.0.0.1", first.address().port());
        // Closed by the server first: its side of the connection goes to TIME_WAIT.
        accept_from(first).reset();
        client.wait_for_eof();
    }
    first.close();
    EXPECT_NO_THROW((void)bind_listening_socket(first.address()));
}

TEST(ListeningSocket, GivesItsConnectionsTheTcpOptions) {
    const auto socket = bind_listening_socket(address("127.0.0.1:0"), {.tcp = {20s, 10s, 2s}});
    const auto idle_of_next = [&] {
        const TestClient client("127.0.0.1", socket.address().port());
        const UniqueFd accepted = accept_from(socket);
        EXPECT_EQ(option_of(accepted.get(), IPPROTO_TCP, TCP_NODELAY), 1);
        EXPECT_EQ(option_of(accepted.get(), SOL_SOCKET, SO_KEEPALIVE), 1);
        EXPECT_EQ(option_of(accepted.get(), IPPROTO_TCP, TCP_USER_TIMEOUT), 20'000);
        EXPECT_EQ(option_of(accepted.get(), IPPROTO_TCP, TCP_KEEPINTVL), 2);
        return option_of(accepted.get(), IPPROTO_TCP, TCP_KEEPIDLE);
    };
    EXPECT_EQ(idle_of_next(), 10);
    ASSERT_EQ(socket.apply({20s, 11s, 2s}), 0);
    EXPECT_EQ(idle_of_next(), 11);
}

TEST(ListeningSocket, TellsOfTcpOptionsThatTheKernelDoesNotTake) {
    EXPECT_EQ(refusal(address("127.0.0.1:0"), {.tcp = {0ms, 32'768s, 5s}}).code().value(), EINVAL);
    const auto socket = bind_listening_socket(address("127.0.0.1:0"));
    EXPECT_EQ(socket.apply({0ms, 32'768s, 5s}), EINVAL);
}

TEST(ListeningSocket, OnTheIpv6WildcardTakesBothFamilies) {
    const auto socket = bind_listening_socket(address("[::]:0"));
    EXPECT_EQ(option_of(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY), 0);
    const TestClient v4("127.0.0.1", socket.address().port());
    const TestClient v6("::1", socket.address().port());
}

/// From here on this process has a kernel without IPv6.
void forbid_ipv6() {
    constexpr auto kFamily = static_cast<std::uint32_t>(offsetof(seccomp_data, args));
    sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_socket, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kFamily),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog filter{std::size(steps), steps};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
        throw std::system_error(errno, std::generic_category(), "seccomp");
}

TEST(ListeningSocketDeathTest, TheIpv6WildcardIsTheIpv4OneWhereThereIsNoIpv6) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(
        {
            forbid_ipv6();
            const auto socket = bind_listening_socket(address("[::]:0"));
            const TestClient v4("127.0.0.1", socket.address().port());
            const bool refused = refusal(address("[::1]:0")).code().value() == EAFNOSUPPORT;
            std::exit(refused && socket.address().socket_address().ip() == "0.0.0.0" ? 0 : 1);
        },
        testing::ExitedWithCode(0), "");
}

TEST(ListeningSocket, CannotBeBoundBesideWhatOverlaps) {
    const std::string hosts[] = {"127.0.0.1", "127.0.0.2", "0.0.0.0", "[::1]", "[::]"};
    // Whether `b` can be had on the port that `a` got: not if another process has that.
    const auto both = [](const std::string& a, const std::string& b) {
        const auto first = bind_listening_socket(address(a + ":0"));
        const auto second = address(b + ":" + std::to_string(first.address().port()));
        const int error = refusal(second).code().value();
        EXPECT_TRUE(error == 0 || error == EADDRINUSE) << error;
        return error == 0;
    };
    for (const auto& a : hosts)
        for (const auto& b : hosts) {
            const bool overlap = address(a + ":1").overlaps(address(b + ":1"));
            bool bound = false;
            for (int i = 0; i < 10 && !bound; ++i)
                bound = both(a, b);
            EXPECT_EQ(bound, !overlap) << a << " and " << b;
        }
}

TEST(ListeningSocket, ClosesItsSocketOnlyOnce) {
    auto first = bind_listening_socket(address("127.0.0.1:0"));
    const auto port = first.address().port();
    ListeningSocket second(std::move(first));
    EXPECT_EQ(TestClient::connect_error("127.0.0.1", port), 0);
    second = bind_listening_socket(address("127.0.0.1:0"));
    EXPECT_EQ(TestClient::connect_error("127.0.0.1", port), ECONNREFUSED);
    EXPECT_TRUE(second);
    second.close();
    EXPECT_FALSE(second);
    EXPECT_FALSE(ListeningSocket());
}

// Unix sockets

class UnixListeningSocketTest : public testing::Test {
  protected:
    /// 0, or what a client gets; EAGAIN if the backlog is full.
    [[nodiscard]] int connect_error() const { return try_connect().second; }
    [[nodiscard]] std::pair<UniqueFd, int> try_connect() const {
        sockaddr_un to{};
        to.sun_family = AF_UNIX;
        path_.copy(to.sun_path, sizeof to.sun_path - 1);
        UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        const int result = ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to);
        const int error = result == 0 ? 0 : errno;
        return {std::move(fd), error};
    }
    [[nodiscard]] mode_t mode() const {
        struct stat status {};
        EXPECT_EQ(::lstat(path_.c_str(), &status), 0);
        return status.st_mode;
    }
    [[nodiscard]] std::ptrdiff_t files() const {
        const std::filesystem::directory_iterator all(dir_.path());
        return std::distance(begin(all), end(all));
    }
    /// A socket file that nobody listens on, as a crash leaves it.
    void leave_stale_socket() const { (void)bind_by_hand(SOCK_STREAM); }
    /// A bound socket that does not listen. Closing it leaves its file.
    [[nodiscard]] UniqueFd bind_by_hand(int type) const {
        sockaddr_un to{};
        to.sun_family = AF_UNIX;
        path_.copy(to.sun_path, sizeof to.sun_path - 1);
        UniqueFd fd(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
        EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
        return fd;
    }

    support::TempDir dir_;
    const std::string path_ = dir_.path() / ".s.PGSQL.6432";
    const ListenAddress address_ = address(path_);
};

TEST_F(UnixListeningSocketTest, AcceptsAtItsPathAndRemovesItInTheEnd) {
    {
        const auto socket = bind_listening_socket(address_);
        EXPECT_EQ(socket.address(), address_);
        EXPECT_EQ(files(), 1) << "a temporary name is left";
        const auto [client, error] = try_connect();
        EXPECT_EQ(error, 0);
        const UniqueFd accepted = accept_from(socket);
        EXPECT_TRUE(accepted);
        EXPECT_EQ(socket.apply({}), 0);
    }
    EXPECT_EQ(files(), 0);
}

TEST_F(UnixListeningSocketTest, HasTheModeItIsGivenWhateverTheUmask) {
    const mode_t before = ::umask(0177);
    auto socket = bind_listening_socket(address_);
    EXPECT_EQ(mode(), S_IFSOCK | mode_t{0777});
    socket.close();
    socket = bind_listening_socket(address_, {.unix_mode = 0660});
    EXPECT_EQ(mode(), S_IFSOCK | mode_t{0660});
    ::umask(before);
}

TEST_F(UnixListeningSocketTest, TakesTheLongestPath) {
    std::string longest = dir_.path() / "";
    longest += std::string(ListenAddress::kMaxPath - longest.size(), 'x');
    const auto socket = bind_listening_socket(address(longest));
    EXPECT_TRUE(std::filesystem::is_socket(longest));
    EXPECT_EQ(files(), 1);
}

TEST_F(UnixListeningSocketTest, IsNotAdoptedWithALongerOne) {
    std::string longer = dir_.path() / "";
    longer += std::string(sizeof(sockaddr_un::sun_path) - longer.size(), 'x');
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    longer.copy(to.sun_path, sizeof to.sun_path);  // AddressSanitizer sees a read beyond it
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
    EXPECT_TRUE(std::filesystem::is_socket(longer));
    EXPECT_FALSE(adopt_listening_socket(std::move(fd)));
}

TEST_F(UnixListeningSocketTest, ReplacesASocketThatNobodyListensOn) {
    leave_stale_socket();
    ASSERT_EQ(connect_error(), ECONNREFUSED);
    const auto socket = bind_listening_socket(address_);
    EXPECT_EQ(connect_error(), 0);
    EXPECT_EQ(files(), 1);
}

TEST_F(UnixListeningSocketTest, RefusesAPathWhereSomebodyListens) {
    const auto socket = bind_listening_socket(address_);
    const auto error = refusal(address_);
    EXPECT_EQ(error.code().value(), EADDRINUSE);
    EXPECT_THAT(error.what(), HasSubstr("cannot listen on unix:" + path_));
    EXPECT_EQ(connect_error(), 0);
    EXPECT_EQ(files(), 1);
}

TEST_F(UnixListeningSocketTest, RefusesAPathWhereSomebodyListensButHasNoTimeToAccept) {
    const auto socket = bind_listening_socket(address_);
    ASSERT_EQ(::listen(socket.get(), 0), 0);
    std::list<UniqueFd> waiting;
    const auto one_waits = [&] {
        auto [client, error] = try_connect();
        waiting.push_back(std::move(client));
        return error == 0;
    };
    while (one_waits()) {
    }
    ASSERT_EQ(connect_error(), EAGAIN);
    EXPECT_EQ(refusal(address_).code().value(), EADDRINUSE);
}

TEST_F(UnixListeningSocketTest, TouchesNoFileThatIsNoSocket) {
    const std::string other = dir_.write("other", "precious");
    const auto expect_refusal = [&](const std::string& what) {
        const auto error = refusal(address_);
        EXPECT_EQ(error.code().value(), EEXIST) << what;
        EXPECT_THAT(error.what(), AllOf(HasSubstr(path_), HasSubstr("no socket"))) << what;
    };
    dir_.write(".s.PGSQL.6432", "precious");
    expect_refusal("a file");
    std::string text;
    std::ifstream(path_) >> text;
    EXPECT_EQ(text, "precious");
    std::filesystem::remove(path_);

    std::filesystem::create_symlink(other, path_);
    expect_refusal("a link");
    EXPECT_TRUE(std::filesystem::is_symlink(path_));
    std::filesystem::remove(path_);

    std::filesystem::create_directory(path_);
    expect_refusal("a directory");
    EXPECT_TRUE(std::filesystem::is_directory(path_));
}

TEST_F(UnixListeningSocketTest, TouchesNoSocketOfAnotherKind) {
    const UniqueFd datagrams = bind_by_hand(SOCK_DGRAM);
    EXPECT_EQ(refusal(address_).code().value(), EPROTOTYPE);
    EXPECT_EQ(connect_error(), EPROTOTYPE);
}

TEST_F(UnixListeningSocketTest, NamesThePathOfADirectoryThatIsNotThere) {
    const auto error = refusal(address(dir_.path() / "missing" / "s"));
    EXPECT_EQ(error.code().value(), ENOENT);
    EXPECT_THAT(error.what(), HasSubstr("missing/s"));
}

TEST_F(UnixListeningSocketTest, RemovesNothingThatCameToItsPathLater) {
    auto first = bind_listening_socket(address_);
    std::filesystem::remove(path_);
    const auto second = bind_listening_socket(address_);
    first.close();
    EXPECT_EQ(connect_error(), 0);
}

TEST_F(UnixListeningSocketTest, RemovesItsPathOnceWhenItWasMoved) {
    std::optional<ListeningSocket> first(bind_listening_socket(address_));
    ListeningSocket second(std::move(*first));
    first.reset();
    EXPECT_EQ(connect_error(), 0);
    second = ListeningSocket();
    EXPECT_EQ(files(), 0);
}

}  // namespace
}  // namespace net
