#include "patroni_proxy/port/admission_check.h"

#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace proxy {
namespace {

constexpr std::optional<SessionEnd> kAdmitted = std::nullopt;

std::vector<net::Network> networks(const std::vector<std::string>& texts) {
    std::vector<net::Network> networks;
    for (const auto& text : texts)
        networks.push_back(net::Network::parse(text).value());
    return networks;
}

TEST(AdmissionCheckTest, AllowListDecidesByAddress) {
    const std::vector<std::string> no_list;
    const std::vector<std::string> intranet{"10.0.0.0/8", "192.168.1.7", "fd00::/8"};
    const struct {
        std::vector<std::string> allow;
        std::string client;  // empty: over a unix socket
        std::optional<SessionEnd> refusal;
    } cases[]{
        {no_list, "203.0.113.1:40000", kAdmitted},
        {no_list, "[2001:db8::1]:40000", kAdmitted},
        {no_list, "", kAdmitted},
        {intranet, "10.255.255.255:1", kAdmitted},
        {intranet, "192.168.1.7:65535", kAdmitted},
        {intranet, "[fdff::1]:40000", kAdmitted},
        {intranet, "[::ffff:10.0.0.1]:40000", kAdmitted},
        {intranet, "11.0.0.0:40000", SessionEnd::not_allowed},
        {intranet, "192.168.1.8:40000", SessionEnd::not_allowed},
        {intranet, "[2001:db8::1]:40000", SessionEnd::not_allowed},
        // A unix socket's mode says who may open it.
        {intranet, "", kAdmitted},
        // IPv4 networks contain no IPv6 addresses, and the other way round.
        {{"::/0"}, "10.0.0.1:40000", SessionEnd::not_allowed},
        {{"0.0.0.0/0"}, "[::1]:40000", SessionEnd::not_allowed},
    };
    for (const auto& [allow, client, refusal] : cases) {
        const auto address =
            client.empty() ? net::SocketAddress() : net::SocketAddress::parse(client).value();
        EXPECT_EQ(refusal_of({address, false, 0, 0, 0}, {.allow = networks(allow)}), refusal)
            << client;
    }
}

TEST(AdmissionCheckTest, LimitsOfPortAndProxy) {
    const struct {
        std::uint64_t max_of_port;
        bool may_wait;
        std::uint64_t without_place;
        std::uint64_t open;
        std::uint64_t max_open;
        std::optional<SessionEnd> refusal;
    } cases[]{
        {0, false, 1'000'000, 1'000'000, 0, kAdmitted},  // 0 is no limit
        {1, false, 0, 99, 100, kAdmitted},
        {0, false, 0, 100, 100, SessionEnd::proxy_full},
        {0, false, 0, 101, 100, SessionEnd::proxy_full},  // a limit that was lowered
        // Some are told that the port is full, more are not heard.
        {1, false, kMaxTold - 1, 0, 0, kAdmitted},
        {1, false, kMaxTold, 0, 0, SessionEnd::port_full},
        {1, true, kMaxTold + 19, 0, 0, kAdmitted},
        {1, true, kMaxTold + 20, 0, 0, SessionEnd::port_full},
        {1, true, kMaxTold + 20, 100, 100, SessionEnd::port_full},  // the narrower limit is named
    };
    const auto client = net::SocketAddress::parse("10.0.0.1:40000").value();
    for (const auto& [max_of_port, may_wait, without_place, open, max_open, refusal] : cases)
        EXPECT_EQ(refusal_of({client, may_wait, without_place, open, max_open},
                             {.max_connections = max_of_port, .max_queued = 20}),
                  refusal)
            << max_of_port << ", " << may_wait << ", " << without_place << ", " << open << " of "
            << max_open;
}

TEST(AdmissionCheckTest, TheAllowListComesBeforeTheLimits) {
    const auto client = net::SocketAddress::parse("10.0.0.1:40000").value();
    EXPECT_EQ(refusal_of({client, false, 1'000, 5, 5},
                         {.allow = networks({"::1"}), .max_connections = 5}),
              SessionEnd::not_allowed);
}

TEST(AdmissionCheckTest, ADisabledPortRefusesWhomItWouldLetIn) {
    const auto client = net::SocketAddress::parse("10.0.0.1:40000").value();
    EXPECT_EQ(refusal_of({client, false, 0, 0, 0}, {.disabled = "disabled"}),
              SessionEnd::port_disabled);
    EXPECT_EQ(
        refusal_of({client, false, 0, 0, 0}, {.allow = networks({"::1"}), .disabled = "disabled"}),
        SessionEnd::not_allowed)
        << "strangers are not told";
}

}  // namespace
}  // namespace proxy
