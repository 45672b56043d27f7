#include "net/socket/network.h"

#include <arpa/inet.h>
#include <string>

#include <gtest/gtest.h>

namespace net {
namespace {

bool holds(const std::string& network, const std::string& ip) {
    return Network::parse(network).value().contains(SocketAddress::from_ip(ip, 40000).value());
}

/// Why `text` is no network; empty if it is one.
std::string refusal(std::string_view text) {
    std::string reason;
    const bool parsed = Network::parse(text, &reason).has_value();
    EXPECT_EQ(parsed, reason.empty()) << text;
    EXPECT_EQ(parsed, Network::parse(text).has_value()) << text;
    return reason;
}

TEST(Network, ParsesWhatItPrints) {
    for (const std::string text :
         {"0.0.0.0/0", "10.0.0.0/8", "172.16.0.0/12", "192.168.1.7", "192.168.1.128/25", "::/0",
          "fd00::/8", "2001:db8:8000::/33", "::1"}) {
        const auto network = Network::parse(text);
        ASSERT_TRUE(network) << text;
        EXPECT_EQ(network->to_string(), text);
    }
    EXPECT_EQ(Network::parse("192.168.1.7/32"), Network::parse("192.168.1.7"));
    EXPECT_EQ(Network::parse("::1/128"), Network::parse("0:0::1"));
    EXPECT_NE(Network::parse("10.0.0.0/8"), Network::parse("10.0.0.0/9"));
}

TEST(Network, HoldsWhatBeginsWithItsPrefix) {
    EXPECT_TRUE(holds("10.0.0.0/8", "10.255.1.2"));
    EXPECT_FALSE(holds("10.0.0.0/8", "11.0.0.0"));
    EXPECT_TRUE(holds("172.16.0.0/12", "172.31.255.255"));
    EXPECT_FALSE(holds("172.16.0.0/12", "172.32.0.0"));
    EXPECT_TRUE(holds("192.168.1.128/25", "192.168.1.128"));
    EXPECT_FALSE(holds("192.168.1.128/25", "192.168.1.127"));
    EXPECT_TRUE(holds("fd00::/8", "fdff::1"));
    EXPECT_FALSE(holds("fd00::/8", "fe00::1"));
    EXPECT_TRUE(holds("2001:db8:8000::/33", "2001:db8:ffff::1"));
    EXPECT_FALSE(holds("2001:db8:8000::/33", "2001:db8:7fff::1"));
}

TEST(Network, OfOneAddressHoldsThatAlone) {
    EXPECT_TRUE(holds("192.168.1.7", "192.168.1.7"));
    EXPECT_FALSE(holds("192.168.1.7", "192.168.1.6"));
    EXPECT_TRUE(holds("::1", "::1"));
    EXPECT_FALSE(holds("::1", "::"));
}

TEST(Network, OfAllAddressesHoldsAllOfItsFamily) {
    EXPECT_TRUE(holds("0.0.0.0/0", "255.255.255.255"));
    EXPECT_FALSE(holds("0.0.0.0/0", "::1"));
    EXPECT_TRUE(holds("::/0", "ffff::"));
    EXPECT_FALSE(holds("::/0", "10.1.2.3"));
}

TEST(Network, CountsAnIpv4PeerOfASocketForBothAsIpv4) {
    sockaddr_in6 raw{};
    raw.sin6_family = AF_INET6;
    ASSERT_EQ(::inet_pton(AF_INET6, "::ffff:10.1.2.3", &raw.sin6_addr), 1);
    const auto peer =
        SocketAddress::from_sockaddr(reinterpret_cast<const sockaddr*>(&raw), sizeof raw);
    EXPECT_TRUE(Network::parse("10.0.0.0/8")->contains(peer));
    EXPECT_FALSE(Network::parse("11.0.0.0/8")->contains(peer));
    EXPECT_FALSE(Network::parse("::/0")->contains(peer));
}

TEST(Network, HoldsAnAddressOfWhateverInterface) {
    sockaddr_in6 raw{};
    raw.sin6_family = AF_INET6;
    raw.sin6_scope_id = 3;
    ASSERT_EQ(::inet_pton(AF_INET6, "fe80::1", &raw.sin6_addr), 1);
    const auto peer =
        SocketAddress::from_sockaddr(reinterpret_cast<const sockaddr*>(&raw), sizeof raw);
    EXPECT_TRUE(Network::parse("fe80::1")->contains(peer));
}

TEST(Network, HoldsNoUnsetAddress) {
    EXPECT_FALSE(Network::parse("0.0.0.0/0")->contains(SocketAddress()));
    EXPECT_FALSE(Network::parse("::/0")->contains(SocketAddress()));
}

TEST(Network, SaysWhyATextIsRefused) {
    using namespace std::string_view_literals;
    const std::string no_ip =
        "is not an IP address or network; write 10.0.0.0/8, 192.168.1.7 or fd00::/8";
    for (const std::string_view text :
         {""sv, "/"sv, "/8"sv, "db1"sv, "10/8"sv, "10.0.0.0:5432"sv, "[::1]"sv, "[fd00::]/8"sv,
          " 10.0.0.0/8"sv, "10.0.0.0 /8"sv, "10.0.0.0\0"sv, "10.0.0.256"sv, "fe80::1%lo"sv})
        EXPECT_EQ(refusal(text), no_ip) << text;
    for (const std::string_view text :
         {"10.0.0.0/"sv, "10.0.0.0/33"sv, "10.0.0.0/-1"sv, "10.0.0.0/+8"sv, "10.0.0.0/8 "sv,
          "10.0.0.0/255.0.0.0"sv, "10.0.0.0/8/8"sv, "10.0.0.0/4294967304"sv})
        EXPECT_EQ(refusal(text), "needs a prefix of 0 to 32 bits") << text;
    EXPECT_EQ(refusal("fd00::/129"), "needs a prefix of 0 to 128 bits");
    EXPECT_EQ(refusal("10.1.2.3/8"), "has bits beyond its prefix; the network is 10.0.0.0/8");
    EXPECT_EQ(refusal("192.168.1.129/25"),
              "has bits beyond its prefix; the network is 192.168.1.128/25");
    EXPECT_EQ(refusal("0.0.0.1/0"), "has bits beyond its prefix; the network is 0.0.0.0/0");
    EXPECT_EQ(refusal("fd00::1/8"), "has bits beyond its prefix; the network is fd00::/8");
    EXPECT_EQ(refusal("::ffff:10.0.0.0/104"), "is IPv4 written as IPv6; write 10.0.0.0");
}

}  // namespace
}  // namespace net
