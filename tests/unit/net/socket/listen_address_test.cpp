#include "net/socket/listen_address.h"

#include <string>

#include <gtest/gtest.h>

#include "address_of.h"

namespace net {
namespace {

TEST(ListenAddress, ParsesWhatItPrints) {
    for (const std::string text :
         {"127.0.0.1:6432", "0.0.0.0:0", "[::]:6432", "unix:/run/x/.s.PGSQL.6432", "unix:/s"}) {
        const auto parsed = ListenAddress::parse(text);
        ASSERT_TRUE(parsed) << text;
        EXPECT_EQ(parsed->to_string(), text);
    }
    EXPECT_EQ(ListenAddress().to_string(), "-");
}

TEST(ListenAddress, TakesEveryAddressAsHaproxyWritesIt) {
    EXPECT_EQ(address("*:6432").to_string(), "0.0.0.0:6432");
    EXPECT_EQ(address(":6432").to_string(), "0.0.0.0:6432");
}

TEST(ListenAddress, GivesTheSocketAddressOfAnIp) {
    const auto ip = address("127.0.0.1:6432");
    EXPECT_FALSE(ip.is_unix());
    EXPECT_EQ(ip.socket_address(), SocketAddress::parse("127.0.0.1:6432"));
    EXPECT_EQ(ip.port(), 6432);
    EXPECT_EQ(ip.path(), "");
    EXPECT_EQ(ip, ListenAddress(ip.socket_address()));
}

TEST(ListenAddress, GivesThePathOfAUnixSocket) {
    for (const std::string text : {"unix:/run/x/.s.PGSQL.6432", "/run/x/.s.PGSQL.6432"}) {
        const auto unix_socket = address(text);
        EXPECT_TRUE(unix_socket.is_unix());
        EXPECT_EQ(unix_socket.path(), "/run/x/.s.PGSQL.6432");
        EXPECT_EQ(unix_socket.socket_address(), SocketAddress());
        EXPECT_EQ(unix_socket.port(), 0);
        EXPECT_EQ(unix_socket, address("/run/x/.s.PGSQL.6432"));
    }
    EXPECT_NE(address("/run/x"), address("/run/y"));
}

TEST(ListenAddress, ParsesNothingElse) {
    for (const std::string text : {"",
                                   "unix:",
                                   "unix:run/x",
                                   "unix:./x",
                                   "unix:@abstract",
                                   "run/x",
                                   "./x",
                                   "/",
                                   "/run/x/",
                                   "unix:/",
                                   "UNIX:/run/x",
                                   "unix:127.0.0.1:6432",
                                   "127.0.0.1",
                                   "localhost:6432",
                                   "*",
                                   ":",
                                   "*:",
                                   "::6432",
                                   "*6432",
                                   "**:6432"})
        EXPECT_FALSE(ListenAddress::parse(text)) << text;
    EXPECT_FALSE(ListenAddress::parse(std::string_view("/run/\0x", 7)));
}

TEST(ListenAddress, TakesAPathUpToItsLimit) {
    const std::string longest = "/" + std::string(ListenAddress::kMaxPath - 1, 'x');
    EXPECT_EQ(longest.size(), 98U);
    EXPECT_TRUE(ListenAddress::parse(longest));
    EXPECT_TRUE(ListenAddress::parse("unix:" + longest));
    EXPECT_FALSE(ListenAddress::parse(longest + "x"));
    EXPECT_FALSE(ListenAddress::parse("unix:" + longest + "x"));
}

void expect_overlap(const std::string& a, const std::string& b, bool expected) {
    EXPECT_EQ(address(a).overlaps(address(b)), expected) << a << " and " << b;
    EXPECT_EQ(address(b).overlaps(address(a)), expected) << b << " and " << a;
}

// listening_socket_test.cpp asks the kernel the same.
TEST(ListenAddress, OverlapsWithWhatCannotBeBoundBesideIt) {
    for (const std::string same : {"127.0.0.1:1", "0.0.0.0:1", "[::1]:1", "[::]:1", "/run/x"})
        expect_overlap(same, same, true);
    expect_overlap("0.0.0.0:1", "127.0.0.1:1", true);
    expect_overlap("[::]:1", "[::1]:1", true);
    expect_overlap("[::]:1", "127.0.0.1:1", true);
    expect_overlap("[::]:1", "0.0.0.0:1", true);
    expect_overlap("[::ffff:127.0.0.1]:1", "127.0.0.1:1", true);
    expect_overlap("unix:/run/x", "/run/x", true);
}

TEST(ListenAddress, OverlapsWithNothingElse) {
    expect_overlap("127.0.0.1:1", "127.0.0.1:2", false);
    expect_overlap("[::]:1", "0.0.0.0:2", false);
    expect_overlap("127.0.0.1:1", "127.0.0.2:1", false);
    expect_overlap("[::1]:1", "[::2]:1", false);
    expect_overlap("[::1]:1", "127.0.0.1:1", false);
    expect_overlap("[::1]:1", "0.0.0.0:1", false);
    expect_overlap("127.0.0.1:0", "127.0.0.1:0", false);
    expect_overlap("[::]:0", "0.0.0.0:0", false);
    expect_overlap("/run/x", "/run/y", false);
    expect_overlap("/run/x", "127.0.0.1:1", false);
}

}  // namespace
}  // namespace net
