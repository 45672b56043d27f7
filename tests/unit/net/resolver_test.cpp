#include "net/resolver.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace net {
namespace {

TEST(Resolver, TakesNumericAddressesAsTheyAre) {
    EXPECT_EQ(resolve("10.1.2.3", 5432), SocketAddress::parse("10.1.2.3:5432"));
    EXPECT_EQ(resolve("2001:db8::1", 5432), SocketAddress::parse("[2001:db8::1]:5432"));
    EXPECT_EQ(resolve("[2001:db8::1]", 5432), SocketAddress::parse("[2001:db8::1]:5432"));
}

TEST(Resolver, FindsLocalhostByItsIpv4Address) {
    // glibc knows it without a server, and with it ::1 where /etc/hosts has both.
    EXPECT_EQ(resolve("localhost", 5432), SocketAddress::parse("127.0.0.1:5432"));
}

TEST(Resolver, FindsNothingForANameThatIsNone) {
    // Refused by the system's resolver itself: "name.invalid" would ask a name server, and wait for
    // its answer.
    EXPECT_EQ(resolve(std::string(64, 'x'), 5432), std::nullopt);
    EXPECT_EQ(resolve("", 5432), std::nullopt);
}

}  // namespace
}  // namespace net
