#include "support/sockets/socket.h"

#include <cerrno>
#include <stdexcept>
#include <system_error>

#include <gtest/gtest.h>

#include "support/sockets/test_client.h"

namespace support {
namespace {

TEST(ListeningSocketTest, KeepsItsPortWhileItRefuses) {
    ListeningSocket socket("127.0.0.1", 0);
    EXPECT_EQ(TestClient::connect_error("127.0.0.1", socket.port()), ECONNREFUSED);
    for (int round = 0; round < 3; ++round) {
        socket.listen();
        EXPECT_EQ(TestClient::connect_error("127.0.0.1", socket.port()), 0);
        socket.refuse();
        EXPECT_EQ(TestClient::connect_error("127.0.0.1", socket.port()), ECONNREFUSED);
        EXPECT_EQ(local_port(socket.fd()), socket.port());
    }
}

TEST(ListeningSocketTest, ThePortOfOneThatListensIsTaken) {
    ListeningSocket socket("127.0.0.1", 0);
    socket.listen();
    EXPECT_THROW(ListeningSocket("127.0.0.1", socket.port()), std::system_error);
    EXPECT_NO_THROW(ListeningSocket("127.0.0.2", socket.port()));
}

TEST(SocketAddressTest, TakesNumericAddressesOnly) {
    EXPECT_EQ(SocketAddress("127.0.0.1", 1).family(), AF_INET);
    EXPECT_EQ(SocketAddress("::1", 1).family(), AF_INET6);
    EXPECT_THROW(SocketAddress("localhost", 1), std::invalid_argument);
    EXPECT_EQ(host_and_port("::1", 80), "[::1]:80");
}

}  // namespace
}  // namespace support
