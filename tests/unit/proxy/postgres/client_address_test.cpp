#include "patroni_proxy/postgres/client_address.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "patroni_proxy/postgres/postgres_messages.h"
#include "postgres_bytes.h"

namespace proxy {
namespace {

using namespace std::string_literals;
using Parameters = std::vector<std::pair<std::string, std::string>>;

const std::string kAddress = "10.0.0.1:50000";

std::string packet_of(const Parameters& parameters, std::uint32_t protocol = kProtocol30) {
    std::string text;
    for (const auto& [name, value] : parameters)
        text.append(name).append(1, '\0').append(value).append(1, '\0');
    text += '\0';
    return four_bytes(8 + text.size()) + four_bytes(protocol) + text;
}

/// What PostgreSQL is told as application_name.
std::string name_after(const std::string& name, const std::string& address = kAddress) {
    const auto packet =
        with_client_address(packet_of({{"user", "app"}, {"application_name", name}}), address);
    for (const auto& [key, value] : read_startup_parameters(packet))
        if (key == "application_name")
            return std::string(value);
    return "none";
}

TEST(ClientAddressTest, FollowsTheName) {
    for (const auto protocol : {kProtocol30, kProtocol32})
        EXPECT_EQ(with_client_address(packet_of({{"user", "app"},
                                                 {"application_name", "psql"},
                                                 {"_pq_.new", "1"},
                                                 {"client_encoding", "UTF8"}},
                                                protocol),
                                      kAddress),
                  packet_of({{"user", "app"},
                             {"application_name", "psql - 10.0.0.1:50000"},
                             {"_pq_.new", "1"},
                             {"client_encoding", "UTF8"}},
                            protocol));
}

TEST(ClientAddressTest, IsTheNameWhereThereIsNone) {
    EXPECT_EQ(with_client_address(packet_of({{"user", "app"}}), kAddress),
              packet_of({{"user", "app"}, {"application_name", kAddress}}));
    EXPECT_EQ(name_after(""), kAddress);
}

TEST(ClientAddressTest, WhatFollowsThePacketStays) {
    EXPECT_EQ(with_client_address(packet_of({{"user", "app"}}) + "more\0"s, kAddress),
              packet_of({{"user", "app"}, {"application_name", kAddress}}) + "more\0"s);
}

TEST(ClientAddressTest, TheNameIsCutSoThatPostgresKeepsTheAddress) {
    const std::string longest(63 - 3 - kAddress.size(), 'n');
    EXPECT_EQ(name_after(longest), longest + " - " + kAddress);
    EXPECT_EQ(name_after(longest + "more"), longest + " - " + kAddress);
    EXPECT_EQ(name_after(std::string(5'000, 'n')).size(), 63U);
    const std::string v6 = "[2001:db8:85a3:1234:5678:8a2e:1370:7334]:65535";
    EXPECT_EQ(name_after("a long name of an application", v6), "a long name of - " + v6);
}

TEST(ClientAddressTest, NoCharacterIsCutInTwo) {
    const std::string room(63 - 3 - kAddress.size(), 'n');
    for (const std::string character : {"\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x90\x98"})
        for (std::size_t before = 0; before <= character.size(); ++before) {
            const std::string kept = room.substr(before);
            const std::string all = kept + (before == character.size() ? character : "");
            EXPECT_EQ(name_after(kept + character + "more"), all + " - " + kAddress)
                << character << " with room for " << before << " bytes";
        }
    EXPECT_EQ(name_after(std::string(100, '\x9f')), kAddress) << "no UTF-8 at all";
}

TEST(ClientAddressTest, AnythingElseStaysAsItIs) {
    const std::string good = packet_of({{"user", "app"}});
    std::string without_end = good;
    without_end.back() = 'x';
    std::string two_ends = packet_of({{"user", "app"}, {"", ""}});
    for (const auto& said :
         {""s, ssl_request(), gss_request(), cancel_request(), "GET / HTTP/1.1\r\n\r\n"s,
          good.substr(0, good.size() - 1), without_end, two_ends,
          packet_of({{"user", "app"}, {"replication", "true"}, {"application_name", "standby1"}}),
          packet_of({{"user", "app"}, {"replication", "database"}}),
          packet_of({{"user", std::string(kMaxRequest - 20, 'u')}}), request_of(kProtocol30, 100)})
        EXPECT_EQ(with_client_address(said, kAddress), said);
    EXPECT_NE(with_client_address(packet_of({{"replication", "false"}}), kAddress),
              packet_of({{"replication", "false"}}));
}

TEST(ClientAddressTest, ThePacketNeverBecomesTooLongForPostgres) {
    // All that is added to a packet without a name, and one byte more than there is room for.
    const std::size_t added = sizeof "application_name" + kAddress.size() + 1;
    const std::size_t overhead = packet_of({{"user", ""}}).size();
    const std::size_t most = kMaxRequest - added - overhead;
    EXPECT_EQ(with_client_address(packet_of({{"user", std::string(most, 'u')}}), kAddress).size(),
              kMaxRequest);
    const std::string too_long = packet_of({{"user", std::string(most + 1, 'u')}});
    EXPECT_EQ(with_client_address(too_long, kAddress), too_long);
}

}  // namespace
}  // namespace proxy
