#include "patroni_proxy/takeover/listener_transfer.h"

#include <cstring>
#include <future>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/socket/listening_socket.h"
#include "support/process/temp_dir.h"

namespace proxy::takeover {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::SizeIs;

constexpr auto kTimeout = 10s;

const std::string kNoOptions(sizeof(int), '\0');

TEST(ListenerInfosTest, EachHasANamespaceAnInterfaceAndOptions) {
    const std::string bytes = std::string("\x02") + "ns" + std::string("\x04") + "eth0" +
                              kNoOptions + std::string(2, '\0') + kNoOptions;
    const auto infos = parse_listener_infos(bytes, 2);
    ASSERT_TRUE(infos);
    EXPECT_EQ((*infos)[0].network_namespace, "ns");
    EXPECT_EQ((*infos)[0].interface, "eth0");
    EXPECT_EQ((*infos)[1].network_namespace, "");
    EXPECT_EQ((*infos)[1].interface, "");
}

TEST(ListenerInfosTest, ANumberThatDoesNotFitIsRefused) {
    const std::string two = listener_infos(2);
    EXPECT_TRUE(parse_listener_infos(two, 2));
    EXPECT_FALSE(parse_listener_infos(two, 1));
    EXPECT_FALSE(parse_listener_infos(two, 3));
    for (std::size_t size = 0; size < two.size(); ++size)
        EXPECT_FALSE(parse_listener_infos(two.substr(0, size), 2)) << size;
    EXPECT_FALSE(parse_listener_infos("\xff", 1));
}

/// A runtime socket: hands over `sockets`, or answers with `bytes` and closes.
class FakeHaproxy {
  public:
    FakeHaproxy() : listening_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path().copy(address.sun_path, sizeof address.sun_path - 1);
        EXPECT_EQ(
            ::bind(listening_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
            0);
        EXPECT_EQ(::listen(listening_.get(), 1), 0);
    }
    [[nodiscard]] std::string path() const { return directory_.path() / "admin.sock"; }

    std::future<bool> hand_over(std::vector<int> sockets) {
        return std::async(std::launch::async, [this, sockets = std::move(sockets)] {
            const net::UniqueFd client = accept();
            return send_listeners(client.get(), sockets, kTimeout);
        });
    }
    std::future<void> answer(std::string bytes) {
        return std::async(std::launch::async, [this, bytes = std::move(bytes)] {
            const net::UniqueFd client = accept();
            EXPECT_EQ(::send(client.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
                      static_cast<ssize_t>(bytes.size()));
        });
    }

  private:
    [[nodiscard]] net::UniqueFd accept() const {
        net::UniqueFd client(::accept(listening_.get(), nullptr, nullptr));
        std::string command(10, '\0');
        EXPECT_EQ(::recv(client.get(), command.data(), command.size(), MSG_WAITALL), 10);
        EXPECT_EQ(command, "_getsocks\n");
        return client;
    }

    support::TempDir directory_;
    net::UniqueFd listening_;
};

std::string start_of(int count) {
    std::string bytes(sizeof count, '\0');
    std::memcpy(bytes.data(), &count, sizeof count);
    return bytes;
}

std::string error_of(const std::string& path) {
    try {
        (void)receive_listeners(path, kTimeout);
        return "none";
    } catch (const std::runtime_error& error) {
        return error.what();
    }
}

TEST(ListenerTransferTest, SocketsArriveInTheirOrder) {
    const auto a = net::bind_listening_socket(*net::ListenAddress::parse("127.0.0.1:0"));
    const auto b = net::bind_listening_socket(*net::ListenAddress::parse("[::1]:0"));
    FakeHaproxy haproxy;
    auto sent = haproxy.hand_over({a.get(), b.get()});
    const auto sockets = receive_listeners(haproxy.path(), kTimeout);
    EXPECT_TRUE(sent.get());
    ASSERT_THAT(sockets, SizeIs(2));
    EXPECT_EQ(net::SocketAddress::local_of(sockets[0].get()), a.address().socket_address());
    EXPECT_EQ(net::SocketAddress::local_of(sockets[1].get()), b.address().socket_address());
}

TEST(ListenerTransferTest, MoreThanOneMessageTakes) {
    const auto socket = net::bind_listening_socket(*net::ListenAddress::parse("127.0.0.1:0"));
    FakeHaproxy haproxy;
    auto sent = haproxy.hand_over(std::vector<int>(600, socket.get()));
    EXPECT_THAT(receive_listeners(haproxy.path(), kTimeout), SizeIs(600));
    EXPECT_TRUE(sent.get());
}

TEST(ListenerTransferTest, NoneIsNoError) {
    FakeHaproxy haproxy;
    auto sent = haproxy.hand_over({});
    EXPECT_THAT(receive_listeners(haproxy.path(), kTimeout), SizeIs(0));
    EXPECT_TRUE(sent.get());
}

TEST(ListenerTransferTest, WhatIsWrongIsSaid) {
    const support::TempDir directory;
    const std::string nobody = directory.path() / "nobody";
    EXPECT_EQ(error_of(nobody), nobody + ": No such file or directory");
    EXPECT_THAT(error_of(std::string(200, 'x')), HasSubstr("is not the path of a unix socket"));
    for (const auto& answer : {std::string{}, std::string{"\n"}, start_of(-1), start_of(1 << 20)}) {
        FakeHaproxy haproxy;
        auto sent = haproxy.answer(answer);
        EXPECT_THAT(error_of(haproxy.path()), HasSubstr("needs `level admin` and `expose-fd"));
        sent.get();
    }
    FakeHaproxy haproxy;
    auto sent = haproxy.answer(start_of(1));
    EXPECT_THAT(error_of(haproxy.path()), HasSubstr("ended before it had handed over"));
    sent.get();
}

TEST(ListenerTransferTest, BytesWithoutEndAreCutShort) {
    FakeHaproxy haproxy;
    auto sent = haproxy.answer(start_of(1) + std::string(4'000, 'x'));
    EXPECT_THAT(error_of(haproxy.path()), HasSubstr("cannot be read"));
    sent.get();
}

}  // namespace
}  // namespace proxy::takeover
