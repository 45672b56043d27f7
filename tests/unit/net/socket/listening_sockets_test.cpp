#include "net/socket/listening_sockets.h"

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <fcntl.h>
#include <map>
#include <memory>
#include <netinet/tcp.h>
#include <string>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/socket/unique_fd.h"
#include "support/process/temp_dir.h"
#include "support/sockets/test_client.h"

namespace net {
namespace {

using support::TestClient;
using testing::HasSubstr;
using SocketRequest = SocketRequest;
using Wishes = std::vector<SocketRequest>;

const std::string kAnyPort = "127.0.0.1:0";

SocketRequest request(const std::string& owner, const std::string& address) {
    return {owner, ListenAddress::parse(address).value(), {}};
}

/// Puts all of them in force.
ListeningSockets::Prepared use(ListeningSockets& sockets, const Wishes& requests) {
    auto prepared = sockets.prepare(requests);
    EXPECT_THAT(sockets.use(requests, prepared), testing::IsEmpty());
    return prepared;
}

/// What connect() says to a unix socket: 0 or its errno.
int connect_error(const std::string& path) {
    const net::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(static_cast<char*>(address.sun_path), sizeof address.sun_path - 1);
    return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0
               ? 0
               : errno;
}

int connect_error(const ListeningSockets::Socket& socket) {
    return TestClient::connect_error("127.0.0.1", socket->address().port());
}

TEST(ListeningSocketsTest, GivesASocketForEachWishInTheirOrder) {
    const support::TempDir directory;
    const std::string path = directory.path() / ".s.PGSQL.6432";
    ListeningSockets sockets;
    const auto prepared = use(sockets, {request("HTTP API", kAnyPort),
                                        request("c/p", "unix:" + path), request("c/q", "[::1]:0")});
    ASSERT_EQ(prepared.size(), 3U);
    EXPECT_EQ(connect_error(prepared[0]), 0);
    EXPECT_EQ(prepared[1]->address().path(), path);
    EXPECT_EQ(connect_error(path), 0);
    EXPECT_EQ(prepared[2]->address().socket_address().family(), AF_INET6);
}

TEST(ListeningSocketsTest, WhatIsThereIsKeptAndWhatIsNewIsBound) {
    ListeningSockets sockets;
    const auto first = use(sockets, {request("c/p", kAnyPort)});
    const auto second = use(sockets, {request("c/q", kAnyPort), request("c/p", kAnyPort)});
    EXPECT_EQ(second[1], first[0]);
    EXPECT_NE(second[0], first[0]);
}

TEST(ListeningSocketsTest, AUnixSocketWhoseFileIsGoneIsBoundAnew) {
    const support::TempDir directory;
    const std::string path = directory.path() / "s";
    ListeningSockets sockets;
    const Wishes wishes{request("control", "unix:" + path)};
    const auto first = use(sockets, wishes);
    ::unlink(path.c_str());
    const auto second = use(sockets, wishes);
    EXPECT_NE(second[0], first[0]);
    EXPECT_EQ(connect_error(path), 0);
    EXPECT_EQ(use(sockets, wishes)[0], second[0]);
}

TEST(ListeningSocketsTest, AUnixSocketWhoseFileIsAnotherOneNowIsBoundAnewUnlessSomebodyUsesIt) {
    const support::TempDir directory;
    const std::string path = directory.path() / "s";
    ListeningSockets sockets;
    ListeningSockets others;
    const Wishes wishes{request("control", "unix:" + path)};
    const auto first = use(sockets, wishes);
    ::unlink(path.c_str());
    const auto other = use(others, wishes);
    EXPECT_THROW((void)sockets.prepare(wishes), std::system_error);
    EXPECT_EQ(connect_error(path), 0) << "it is the other's";
}

TEST(ListeningSocketsTest, AnAddressStaysWhoeverItsOwnerIs) {
    ListeningSockets sockets;
    const auto free_one = use(sockets, {request("c/p", kAnyPort)}).front()->address().to_string();
    use(sockets, {});
    const auto first = use(sockets, {request("c/p", free_one)});
    const auto second = use(sockets, {request("d/q", free_one)});
    EXPECT_EQ(second[0], first[0]);
}

TEST(ListeningSocketsTest, AnyFreePortIsItsOwnersAlone) {
    ListeningSockets sockets;
    const Wishes requests{request("c/p", kAnyPort), request("c/q", kAnyPort)};
    const auto first = use(sockets, requests);
    EXPECT_NE(first[0]->address().port(), first[1]->address().port());
    // The next time each has its own again.
    EXPECT_EQ(use(sockets, requests), first);
    EXPECT_EQ(use(sockets, {requests[1], requests[0]}),
              (ListeningSockets::Prepared{first[1], first[0]}));
}

TEST(ListeningSocketsTest, PreparingChangesNothing) {
    ListeningSockets sockets;
    const auto first = use(sockets, {request("c/p", kAnyPort)});
    std::uint16_t port = 0;
    {
        const auto prepared = sockets.prepare({request("c/new", kAnyPort)});
        port = prepared[0]->address().port();
        EXPECT_EQ(TestClient::connect_error("127.0.0.1", port), 0) << "it is bound already";
    }
    EXPECT_EQ(TestClient::connect_error("127.0.0.1", port), ECONNREFUSED) << "nobody used it";
    EXPECT_EQ(connect_error(first[0]), 0);
    EXPECT_EQ(sockets.prepare({request("c/p", kAnyPort)}), first);
}

TEST(ListeningSocketsTest, AnAddressThatIsTakenIsNamedAndEverythingStaysAsItWas) {
    const auto taken = net::bind_listening_socket(*net::ListenAddress::parse("127.0.0.1:0"));
    const support::TempDir directory;
    const std::string path = directory.path() / "socket";
    ListeningSockets sockets;
    const auto first = use(sockets, {request("c/p", kAnyPort)});
    const Wishes requests{request("c/new", "unix:" + path),
                          request("c/taken", taken.address().to_string())};
    try {
        (void)sockets.prepare(requests);
        FAIL() << "two on one address";
    } catch (const std::system_error& error) {
        EXPECT_EQ(error.code().value(), EADDRINUSE);
        EXPECT_THAT(error.what(), HasSubstr("c/taken: " + taken.address().to_string() +
                                            " cannot be listened on: Address already in use"));
    }
    EXPECT_EQ(connect_error(path), ENOENT) << "what was bound before it is gone again";
    EXPECT_EQ(sockets.prepare({request("c/p", kAnyPort)}), first);
    EXPECT_EQ(connect_error(first[0]), 0);
}

TEST(ListeningSocketsTest, WhatIsNoLongerWishedClosesOnceNobodyAcceptsOnIt) {
    ListeningSockets sockets;
    auto held = use(sockets, {request("c/p", kAnyPort)});
    const auto port = held[0]->address().port();
    use(sockets, {});
    EXPECT_EQ(TestClient::connect_error("127.0.0.1", port), 0);
    held.clear();
    EXPECT_EQ(TestClient::connect_error("127.0.0.1", port), ECONNREFUSED);
}

/// Has what it was given, as systemd would.
class FakeKeeper final : public SocketKeeper {
  public:
    std::vector<InheritedSocket> inherited() override {
        std::vector<InheritedSocket> sockets;
        for (const auto& [name, fd] : kept)
            sockets.push_back({name, UniqueFd(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0))});
        return sockets;
    }
    bool keep(const std::string& name, int socket) override {
        if (keeps)
            kept[name] = UniqueFd(::fcntl(socket, F_DUPFD_CLOEXEC, 0));
        return keeps;
    }
    void forget(const std::string& name) override { kept.erase(name); }
    void on_unused(const std::string& name, const ListenAddress& address) override {
        unused.push_back(address.to_string());
        kept.erase(name);
    }

    bool keeps = true;
    std::map<std::string, UniqueFd> kept;
    std::vector<std::string> unused;
};

TEST(ListeningSocketsTest, AKeptSocketServesTheNextProcess) {
    FakeKeeper keeper;
    std::string address;
    {
        ListeningSockets before(&keeper);
        address = use(before, {request("c/p", kAnyPort)})[0]->address().to_string();
        before.leave();
    }
    const auto parsed = ListenAddress::parse(address);
    EXPECT_EQ(TestClient::connect_error("127.0.0.1", parsed->port()), 0);
    ListeningSockets after(&keeper);
    const auto sockets = use(after, {request("c/q", address)});
    EXPECT_EQ(connect_error(sockets[0]), 0);
    EXPECT_EQ(keeper.kept.size(), 1U);
    use(after, {});
    EXPECT_TRUE(keeper.kept.empty());
}

TEST(ListeningSocketsTest, AKeptSocketThatIsInTheWayClosesBeforeAnythingIsBound) {
    FakeKeeper keeper;
    std::uint16_t port = 0;
    {
        ListeningSockets before(&keeper);
        port = use(before, {request("c/p", "0.0.0.0:0")})[0]->address().port();
        before.leave();
    }
    ListeningSockets after(&keeper);
    const std::string number = std::to_string(port);
    EXPECT_EQ(connect_error(use(after, {request("c/p", "127.0.0.1:" + number)})[0]), 0);
    EXPECT_THAT(keeper.unused, testing::ElementsAre("0.0.0.0:" + number));
}

TEST(ListeningSocketsTest, AnInheritedSocketServesTheOwnerThatItIsNamedAfter) {
    FakeKeeper keeper;
    const auto made = bind_listening_socket(*ListenAddress::parse(kAnyPort));
    EXPECT_TRUE(keeper.keep("c/p", made.get()));
    ListeningSockets sockets(&keeper);
    EXPECT_EQ(use(sockets, {request("c/q", kAnyPort), request("c/p", "127.0.0.1:1")})[1]->address(),
              made.address());
    EXPECT_THAT(keeper.kept, testing::SizeIs(2)) << "it is not ours to keep";
}

ino_t inode_of(int fd) {
    struct stat file {};
    EXPECT_EQ(::fstat(fd, &file), 0);
    return file.st_ino;
}

TEST(ListeningSocketsTest, TheUnixSocketThatIsKeptStaysAtItsPath) {
    const support::TempDir directory;
    const std::string path = directory.path() / "socket";
    FakeKeeper keeper;
    {
        ListeningSockets before(&keeper);
        (void)use(before, {request("c/p", "unix:" + path)});
        before.leave();
    }
    EXPECT_EQ(connect_error(path), 0);
    ASSERT_THAT(keeper.kept, testing::SizeIs(1));
    const ino_t kept = inode_of(keeper.kept.begin()->second.get());
    ListeningSockets after(&keeper);
    EXPECT_EQ(inode_of(use(after, {request("c/p", "unix:" + path)})[0]->get()), kept)
        << "clients wait on the one that was kept";
    EXPECT_THAT(keeper.kept, testing::SizeIs(1));
    use(after, {});
    EXPECT_EQ(connect_error(path), ENOENT);
}

TEST(ListeningSocketsTest, WhatNobodyKeepsLeavesNoPathBehind) {
    const support::TempDir directory;
    const std::string path = directory.path() / "socket";
    FakeKeeper keeper;
    keeper.keeps = false;
    ListeningSockets sockets(&keeper);
    (void)use(sockets, {request("c/p", "unix:" + path)});
    sockets.leave();
    EXPECT_EQ(connect_error(path), ENOENT);
}

TEST(ListeningSocketsTest, AKeptUnixSocketWithoutItsPathIsMadeAnew) {
    const support::TempDir directory;
    const std::string path = directory.path() / "socket";
    FakeKeeper keeper;
    {
        ListeningSockets before(&keeper);
        (void)use(before, {request("c/p", "unix:" + path)});
        before.leave();
    }
    ASSERT_EQ(::unlink(path.c_str()), 0);
    ListeningSockets after(&keeper);
    (void)use(after, {request("c/p", "unix:" + path)});
    EXPECT_EQ(connect_error(path), 0);
}

/// As another process gets them.
std::vector<InheritedSocket> copies_of(const Wishes& requests,
                                       const ListeningSockets::Prepared& sockets) {
    std::vector<InheritedSocket> copies;
    for (std::size_t i = 0; i < sockets.size(); ++i)
        copies.push_back({requests[i].owner,
                          UniqueFd(::fcntl(sockets[i]->get(), F_DUPFD_CLOEXEC, 0)),
                          requests[i].address.to_string()});
    return copies;
}

TEST(ListeningSocketsTest, ASuccessorServesOnTheSameSockets) {
    const support::TempDir directory;
    const std::string path = directory.path() / "socket";
    const Wishes requests{request("c/p", kAnyPort), request("c/u", "unix:" + path)};
    ListeningSockets before;
    const auto sockets = use(before, requests);
    {
        ListeningSockets dies_early;
        dies_early.inherit(copies_of(requests, sockets));
        EXPECT_EQ(use(dies_early, requests)[0]->address(), sockets[0]->address());
    }
    EXPECT_EQ(connect_error(path), 0);
    EXPECT_EQ(connect_error(sockets[0]), 0);

    FakeKeeper keeper;
    auto after = std::make_unique<ListeningSockets>(&keeper);
    after->inherit(copies_of(requests, sockets));
    const auto same = use(*after, requests);
    EXPECT_TRUE(keeper.kept.empty()) << "nobody listens to this process yet";
    keeper.kept["gone"] = UniqueFd();
    before.hand_over();
    after->succeed();
    after->keep_as_successor();
    EXPECT_EQ(keeper.kept.size(), 3U);
    EXPECT_EQ(connect_error(path), 0);
    EXPECT_EQ(connect_error(same[0]), 0);
}

TEST(ListeningSocketsTest, ASuccessorServesOnTheSocketThatIsNamedAfterAnOwner) {
    FakeKeeper keeper;
    const auto made = bind_listening_socket(*ListenAddress::parse(kAnyPort));
    EXPECT_TRUE(keeper.keep("c/p", made.get()));
    ListeningSockets before(&keeper);
    const Wishes requests{request("c/p", "127.0.0.1:1")};
    const auto sockets = use(before, requests);
    ASSERT_EQ(sockets[0]->address(), made.address());
    EXPECT_EQ(before.address_wished(sockets[0]), "127.0.0.1:1");

    FakeKeeper next;
    ListeningSockets after(&next);
    after.inherit(copies_of(requests, sockets));
    const auto same = use(after, requests);
    EXPECT_EQ(same[0]->address(), made.address());
    EXPECT_TRUE(after.is_shared(same[0]));
    EXPECT_TRUE(next.kept.empty()) << "it is not ours to keep";
}

TEST(ListeningSocketsTest, ASuccessorListensWhereItsOwnFileSays) {
    FakeKeeper keeper;
    ListeningSockets before(&keeper);
    const Wishes requests{request("c/p", kAnyPort)};
    const auto sockets = use(before, requests);
    const auto former = keeper.kept.begin()->first;
    FakeKeeper next;
    ListeningSockets after(&next);
    after.inherit(copies_of(requests, sockets));
    next.kept[former] = UniqueFd();
    const auto other =
        use(after, {request("c/p", "127.0.0.2:" + std::to_string(sockets[0]->address().port()))});
    EXPECT_EQ(other[0]->address().to_string().substr(0, 9), "127.0.0.2");
    before.hand_over();
    after.keep_as_successor();
    EXPECT_FALSE(next.kept.contains(former));  // it is not to be listened on any more
}

TEST(ListeningSocketsTest, AUnixSocketHasTheModeThatWasWished) {
    const support::TempDir directory;
    const std::string path = directory.path() / "socket";
    ListeningSockets sockets;
    SocketRequest with_mode = request("c/p", "unix:" + path);
    with_mode.options.unix_mode = 0700;
    (void)use(sockets, {with_mode});
    struct stat status {};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0700U);
}

TEST(ListeningSocketsTest, TcpOptionsThatChangeAreForSocketsThatStay) {
    ListeningSockets sockets;
    SocketRequest changed = request("c/p", kAnyPort);
    const auto first = use(sockets, {changed});
    changed.options.tcp.keepalive_idle = std::chrono::seconds{77};
    ASSERT_EQ(use(sockets, {changed}), first);
    int seconds = 0;
    socklen_t size = sizeof seconds;
    ASSERT_EQ(::getsockopt(first[0]->get(), IPPROTO_TCP, TCP_KEEPIDLE, &seconds, &size), 0);
    EXPECT_EQ(seconds, 77);
}

TEST(ListeningSocketsTest, OneWhoseGroupCannotBeSetServesWithoutAccessForItsGroup) {
    if (::geteuid() != 0)
        return;  // only root can give a file away
    constexpr uid_t kNobody = 65534;
    constexpr gid_t kNotOurs = 12345;
    const support::TempDir directory;
    const std::string path = directory.path() / "socket";
    ListeningSockets sockets;
    Wishes wishes{request("control", "unix:" + path)};
    const auto prepared = use(sockets, wishes);
    EXPECT_EQ(::chmod(directory.path().c_str(), 0711), 0);
    EXPECT_EQ(::chown(path.c_str(), kNobody, kNobody), 0);
    wishes[0].options.unix_mode = 0660;
    wishes[0].options.unix_group = kNotOurs;
    ::setfsuid(kNobody);  // of this thread alone
    const auto refusals = sockets.use(wishes, prepared);
    ::setfsuid(::geteuid());
    EXPECT_THAT(refusals, testing::ElementsAre("control: the mode and group of unix:" + path +
                                               " cannot be set: Operation not permitted"));
    struct stat file {};
    EXPECT_EQ(::stat(path.c_str(), &file), 0);
    EXPECT_EQ(file.st_mode & 0777, 0600U);
}

}  // namespace
}  // namespace net
