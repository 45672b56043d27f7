#include "haproxy/model/address.h"

#include <chrono>

#include <gtest/gtest.h>

#include "haproxy/model/time.h"

namespace haproxy {
namespace {

using Kind = Address::Kind;

std::string words(const Address& address) {
    if (address.kind == Kind::other)
        return "other";
    if (address.kind == Kind::path)
        return "path " + address.host;
    std::string text = address.host.empty() ? (address.ipv6 ? "all6" : "all") : address.host;
    text += address.port ? " " + std::to_string(*address.port) : "";
    if (address.last_port != address.port)
        text += " to " + std::to_string(*address.last_port);
    if (address.port_offset != 0)
        text += " plus " + std::to_string(address.port_offset);
    return text;
}

TEST(Address, OfABindLineIsRead) {
    for (const auto& [text, expected] : std::vector<std::pair<std::string, std::string>>{
             {"*:5000", "all 5000"},
             {":5000", "all 5000"},
             {"0.0.0.0:5000", "all 5000"},
             {"10.0.0.1:5000-5002", "10.0.0.1 5000 to 5002"},
             {":::5000", "all6 5000"},
             {"[::]:5000", "all6 5000"},
             {"ipv4@:5000", "all 5000"},
             {"ipv6@:5000", "all6 5000"},
             {"[fd00::1]:5000", "fd00::1 5000"},
             {"pg.example.com:5000", "pg.example.com 5000"},
             {"/run/pg.sock", "path /run/pg.sock"},
             {"unix@/run/pg.sock", "path /run/pg.sock"},
             {"abns@name", "other"},
             {"fd@3", "other"},
             {"*:http", "other"},
             {"*:70000", "other"},
             {"*:5002-5000", "other"}}) {
        const auto all = parse_bind_addresses(text);
        ASSERT_EQ(all.size(), 1U) << text;
        EXPECT_EQ(words(all[0]), expected) << text;
    }
    const auto all = parse_bind_addresses("10.0.0.1:5000,,10.0.0.2:5001");
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(words(all[1]), "10.0.0.2 5001");
}

TEST(Address, OfAServerMayHaveNoPort) {
    EXPECT_EQ(words(parse_server_address("10.0.0.1:5432")), "10.0.0.1 5432");
    EXPECT_EQ(words(parse_server_address("pg1")), "pg1");
    EXPECT_EQ(words(parse_server_address("pg1:")), "pg1");
    EXPECT_EQ(words(parse_server_address("pg1:+100")), "pg1 plus 100");
    EXPECT_EQ(words(parse_server_address("::1:5432")), "::1 5432");
    EXPECT_EQ(words(parse_server_address("[::1]:5432")), "::1 5432");
}

TEST(Time, HasHaproxysUnits) {
    using namespace std::chrono_literals;
    EXPECT_EQ(parse_time("50000"), 50s);
    EXPECT_EQ(parse_time("30m"), 30min);
    EXPECT_EQ(parse_time("1500us"), 2ms);
    EXPECT_EQ(parse_time("1d"), 24h);
    EXPECT_EQ(parse_time("0"), 0ms);
    for (const auto* text : {"", "s", "3x", "-1", "1.5s", "25d", "99999999999999999999"})
        EXPECT_FALSE(parse_time(text)) << text;
}

}  // namespace
}  // namespace haproxy
