#include "net/socket/socket_address.h"

#include <arpa/inet.h>
#include <string>
#include <sys/un.h>

#include <gtest/gtest.h>

#include "support/sockets/socket.h"

namespace net {
namespace {

TEST(SocketAddress, ParsesWhatItPrints) {
    for (const std::string text : {"127.0.0.1:5432", "0.0.0.0:0", "255.255.255.255:65535",
                                   "[::1]:5432", "[::]:1", "[2001:db8::a]:6432"}) {
        const auto address = SocketAddress::parse(text);
        ASSERT_TRUE(address) << text;
        EXPECT_EQ(address->to_string(), text);
    }
}

TEST(SocketAddress, ParsesNothingElse) {
    for (const std::string text : {"",
                                   ":",
                                   "127.0.0.1",
                                   "127.0.0.1:",
                                   ":5432",
                                   "127.0.0.1:65536",
                                   "127.0.0.1:-1",
                                   "127.0.0.1:+1",
                                   "127.0.0.1: 1",
                                   "127.0.0.1:1 ",
                                   "127.0.0.1:0x10",
                                   "127.0.0:1",
                                   "127.0.0.256:1",
                                   "localhost:5432",
                                   "::1:5432",
                                   "[::1]",
                                   "[::1]:",
                                   "[::1",
                                   "[]:1",
                                   "[127.0.0.1]:1",
                                   "[:::1]:1",
                                   "[[::1]]:1"})
        EXPECT_FALSE(SocketAddress::parse(text)) << text;
}

TEST(SocketAddress, DoesNotEndAtANulByte) {
    using namespace std::string_view_literals;
    EXPECT_FALSE(SocketAddress::parse("127.0.0.1\0.example:5432"sv));
    EXPECT_FALSE(SocketAddress::from_ip("::1\0x"sv, 1));
}

TEST(SocketAddress, TakesAnIpWithItsPortGivenApart) {
    EXPECT_EQ(SocketAddress::from_ip("10.1.2.3", 5432), SocketAddress::parse("10.1.2.3:5432"));
    EXPECT_EQ(SocketAddress::from_ip("::1", 5432), SocketAddress::parse("[::1]:5432"));
    EXPECT_EQ(SocketAddress::from_ip("[::1]", 5432), SocketAddress::parse("[::1]:5432"));
    EXPECT_FALSE(SocketAddress::from_ip("[10.1.2.3]", 5432));
    EXPECT_FALSE(SocketAddress::from_ip("db1", 5432));
}

TEST(SocketAddress, GivesItsPartsInTheKernelsForm) {
    const auto v4 = SocketAddress::from_ip("10.1.2.3", 5432).value();
    EXPECT_EQ(v4.family(), AF_INET);
    EXPECT_EQ(v4.size(), sizeof(sockaddr_in));
    EXPECT_EQ(v4.port(), 5432);
    EXPECT_EQ(v4.ip(), "10.1.2.3");
    const auto* const in = reinterpret_cast<const sockaddr_in*>(v4.data());
    EXPECT_EQ(in->sin_port, htons(5432));
    EXPECT_EQ(in->sin_addr.s_addr, inet_addr("10.1.2.3"));

    const auto v6 = SocketAddress::from_ip("2001:db8::1", 6432).value();
    EXPECT_EQ(v6.family(), AF_INET6);
    EXPECT_EQ(v6.size(), sizeof(sockaddr_in6));
    EXPECT_EQ(v6.port(), 6432);
    EXPECT_EQ(v6.ip(), "2001:db8::1");
}

TEST(SocketAddress, ComesBackFromTheKernelsForm) {
    for (const std::string text : {"10.1.2.3:5432", "[2001:db8::1]:6432"}) {
        const auto address = SocketAddress::parse(text).value();
        EXPECT_EQ(SocketAddress::from_sockaddr(address.data(), address.size()), address);
    }
}

TEST(SocketAddress, KeepsAnIpv4AddressInIpv6AsIpv4) {
    sockaddr_in6 raw{};
    raw.sin6_family = AF_INET6;
    raw.sin6_port = htons(5432);
    ASSERT_EQ(::inet_pton(AF_INET6, "::ffff:10.1.2.3", &raw.sin6_addr), 1);
    const auto peer =
        SocketAddress::from_sockaddr(reinterpret_cast<const sockaddr*>(&raw), sizeof raw);
    EXPECT_EQ(peer.family(), AF_INET);
    EXPECT_EQ(peer.to_string(), "10.1.2.3:5432");
    EXPECT_EQ(peer, SocketAddress::parse("10.1.2.3:5432"));
    EXPECT_EQ(SocketAddress::parse("[::ffff:10.1.2.3]:5432"), peer);
    // Neither the wildcard nor the old "compatible" form is IPv4.
    EXPECT_EQ(SocketAddress::parse("[::]:5432")->family(), AF_INET6);
    EXPECT_EQ(SocketAddress::parse("[::10.1.2.3]:5432")->family(), AF_INET6);
}

TEST(SocketAddress, IsUnsetForWhatItDoesNotKnow) {
    const SocketAddress unset;
    EXPECT_EQ(unset.to_string(), "-");
    EXPECT_EQ(unset.ip(), "-");
    EXPECT_EQ(unset.family(), AF_UNSPEC);

    sockaddr_un path{};
    path.sun_family = AF_UNIX;
    EXPECT_EQ(SocketAddress::from_sockaddr(reinterpret_cast<const sockaddr*>(&path), sizeof path),
              unset);
    const auto cut = SocketAddress::parse("10.1.2.3:5432").value();
    EXPECT_EQ(SocketAddress::from_sockaddr(cut.data(), cut.size() - 1), unset);
    EXPECT_EQ(SocketAddress::local_of(-1), unset);
}

TEST(SocketAddress, IsEqualByFamilyIpAndPort) {
    const auto address = [](const char* text) { return SocketAddress::parse(text).value(); };
    EXPECT_EQ(address("10.0.0.1:1"), address("10.0.0.1:1"));
    EXPECT_NE(address("10.0.0.1:1"), address("10.0.0.1:2"));
    EXPECT_NE(address("10.0.0.1:1"), address("10.0.0.2:1"));
    EXPECT_EQ(address("[::1]:1"), address("[0:0::1]:1"));
    EXPECT_NE(address("[::1]:1"), address("[::2]:1"));
    EXPECT_NE(address("[::]:1"), address("0.0.0.0:1"));
}

TEST(SocketAddress, TellsLinkLocalAddressesOfTwoInterfacesApart) {
    sockaddr_in6 raw{};
    raw.sin6_family = AF_INET6;
    ::inet_pton(AF_INET6, "fe80::1", &raw.sin6_addr);
    const auto on_interface = [&](std::uint32_t number) {
        raw.sin6_scope_id = number;
        return SocketAddress::from_sockaddr(reinterpret_cast<const sockaddr*>(&raw), sizeof raw);
    };
    EXPECT_EQ(on_interface(1), on_interface(1));
    EXPECT_NE(on_interface(1), on_interface(2));
}

TEST(SocketAddress, KnowsWhereASocketIsBound) {
    const support::ListeningSocket socket("127.0.0.1", 0);
    EXPECT_EQ(SocketAddress::local_of(socket.fd()),
              SocketAddress::from_ip("127.0.0.1", socket.port()));
}

}  // namespace
}  // namespace net
