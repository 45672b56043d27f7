#include "patroni_proxy/haproxy/runtime/servers_text.h"

#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace proxy::haproxy {
namespace {

using testing::ElementsAre;

StatRow server_at(const std::string& address) {
    StatRow row;
    row.kind = RowKind::server;
    row.proxy = "main:rw";
    row.server = "p1";
    row.proxy_id = 2;
    row.server_id = 1;
    row.values = {{"addr", address}, {"status", "UP"}, {"scur", "3"}};
    return row;
}

std::vector<std::string> words_of(const std::string& line) {
    std::istringstream in(line);
    return {std::istream_iterator<std::string>(in), {}};
}

/// What `show servers state` says of srv_addr, srv_fqdn and srv_port.
std::vector<std::string> told_of(const std::string& address) {
    std::istringstream in(servers_state({server_at(address)}));
    std::string version;
    std::string names;
    std::string server;
    std::string rest;
    std::getline(in, version);
    std::getline(in, names);
    std::getline(in, server);
    EXPECT_FALSE(std::getline(in, rest)) << rest;
    auto columns = words_of(names);
    columns.erase(columns.begin());  // "#"
    const auto values = words_of(server);
    EXPECT_EQ(values.size(), columns.size()) << server;
    std::vector<std::string> told;
    for (std::size_t i = 0; i < values.size() && i < columns.size(); ++i)
        if (columns[i] == "srv_addr" || columns[i] == "srv_fqdn" || columns[i] == "srv_port")
            told.push_back(values[i]);
    return told;
}

TEST(ServersTextTest, AnAddressHasNoBrackets) {
    EXPECT_THAT(told_of("10.0.0.1:5432"), ElementsAre("10.0.0.1", "-", "5432"));
    EXPECT_THAT(told_of("[fd00::11]:5432"), ElementsAre("fd00::11", "-", "5432"));
    EXPECT_THAT(servers_conn({server_at("[fd00::11]:5432")}),
                testing::EndsWith("main:rw/p1 2/1 fd00::11 5432 - 0 3 3 3 0 0 0 0 0\n"));
}

TEST(ServersTextTest, ANameIsTheFullyQualifiedOne) {
    EXPECT_THAT(told_of("db1.example:5432"), ElementsAre("-", "db1.example", "5432"));
    EXPECT_THAT(servers_conn({server_at("db1.example:5432")}),
                testing::HasSubstr("main:rw/p1 2/1 - 5432 - "));
    EXPECT_THAT(told_of("[fe80::1%eth0]:5432"), ElementsAre("-", "fe80::1%eth0", "5432"));
}

TEST(ServersTextTest, NoHostOfPatroniForgesALine) {
    for (const std::string host : {"x 2 0 1 1 0 6 3 4\n2 main:rw 7 forged 10.0.0.9", "x\n\n", "a b",
                                   "", "[]", "a\tb", "\xc3\xa9"}) {
        EXPECT_THAT(told_of(host + ":5432"), ElementsAre("-", "-", "5432")) << host;
        EXPECT_THAT(servers_conn({server_at(host + ":5432")}),
                    testing::EndsWith("main:rw/p1 2/1 - 5432 - 0 3 3 3 0 0 0 0 0\n"));
    }
    EXPECT_THAT(told_of(""), ElementsAre("-", "-", "0")) << "nobody knows where it is";
}

}  // namespace
}  // namespace proxy::haproxy
