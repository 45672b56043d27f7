#include "patroni_proxy/migrate/compare/haproxy_stat.h"

#include <gtest/gtest.h>

#include "daemon/system/file.h"

namespace proxy::migrate {
namespace {

TEST(HaproxyStat, IsReadFromWhatHaproxySays) {
    const auto servers = parse_stat(daemons::read_file(TEST_DATA "/haproxy/show_stat-2.6.csv"));
    ASSERT_TRUE(servers) << servers.reason();
    ASSERT_EQ(servers.value().size(), 4U);
    const auto& first = servers.value()[0];
    EXPECT_EQ(first.backend, "primary");
    EXPECT_EQ(first.name, "pg1");
    EXPECT_EQ(first.address, "127.0.0.1:18008");
    EXPECT_EQ(first.status, "UP");
    EXPECT_EQ(first.check, "L7OK");
    EXPECT_TRUE(first.is_up());
    EXPECT_FALSE(servers.value()[1].is_up());
    EXPECT_EQ(servers.value()[1].status, "DOWN");
    EXPECT_TRUE(servers.value()[3].backup);
}

TEST(HaproxyStat, KnowsWhichStatusTakesSessions) {
    for (const auto* status : {"UP", "UP 1/3", "no check"})
        EXPECT_TRUE((HaproxyServer{"b", "s", "", status, "", false}.is_up())) << status;
    for (const auto* status : {"DOWN", "DOWN 1/2", "MAINT", "DRAIN", "NOLB", "DOWN (agent)"})
        EXPECT_FALSE((HaproxyServer{"b", "s", "", status, "", false}.is_up())) << status;
    EXPECT_TRUE((HaproxyServer{"b", "s", "", "UP 1/3", "", false}.is_changing()));
}

TEST(HaproxyStat, MayHaveOtherColumnsAndQuotes) {
    const auto servers = parse_stat(
        "# "
        "type,svname,new,pxname,status,\r\n2,\"a,\"\"b\",x,\"p\",UP,\r\n0,FRONTEND,,p,OPEN,\n2,"
        "short\n");
    ASSERT_TRUE(servers);
    ASSERT_EQ(servers.value().size(), 2U);
    EXPECT_EQ(servers.value()[0].name, "a,\"b");
    EXPECT_EQ(servers.value()[0].address, "");
    EXPECT_EQ(servers.value()[1].status, "");
}

TEST(HaproxyStat, OfSomethingElseIsRefused) {
    EXPECT_FALSE(parse_stat(""));
    EXPECT_FALSE(parse_stat("Unknown command\n"));
    EXPECT_EQ(parse_stat("# pxname,svname\n").reason(),
              "the answer to 'show stat' has no column 'status'");
}

}  // namespace
}  // namespace proxy::migrate
