#include "patroni_agent/reply/agent_request.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace agent {
namespace {

using namespace std::string_literals;
using patroni::RequestedRole;
using testing::HasSubstr;

TEST(AgentRequestTest, NamesClusterMemberAndRole) {
    struct {
        std::string line;
        std::string cluster;
        std::string member;
        RequestedRole role;
    } const cases[] = {
        {"my_cluster/pg-node-1/leader", "my_cluster", "pg-node-1", RequestedRole::leader},
        {"c/m/LEADER", "c", "m", RequestedRole::leader},
        {"c/m/Standby_Leader", "c", "m", RequestedRole::standby_leader},
        {"  c/m/replica \t", "c", "m", RequestedRole::replica},
        {"c/m/any\r", "c", "m", RequestedRole::any},
        // Only a cluster's name may have a slash, as only that is the user's own.
        {"a/b/c/m/sync", "a/b/c", "m", RequestedRole::sync},
        {"/c/m/async", "/c", "m", RequestedRole::async},
        {"a cluster/a member/quorum", "a cluster", "a member", RequestedRole::quorum},
        {"c\0d/m\0n/leader"s, "c\0d"s, "m\0n"s, RequestedRole::leader},
    };
    for (const auto& each : cases) {
        const auto request = parse_request(each.line);
        ASSERT_TRUE(request) << each.line << ": " << request.reason();
        EXPECT_EQ(request.value().cluster, each.cluster);
        EXPECT_EQ(request.value().member, each.member);
        EXPECT_EQ(request.value().role, each.role);
    }
}

TEST(AgentRequestTest, AnythingElseIsNone) {
    const std::string form = "CLUSTER/MEMBER/ROLE";
    struct {
        std::string line;
        std::string reason;
    } const cases[] = {
        {"", form},
        {" \t\r", form},
        {"/", form},
        {"//", form},
        {"///", form},
        {"leader", form},
        {"m/leader", form},
        {"/m/leader", form},
        {"c//leader", form},
        {"//leader", form},
        {"c/m/", "unknown role"},
        {"c/m/master", "unknown role; allowed: leader, sync"},
        {"c/m/leader x", "unknown role"},
        {"c/m/ leader", "unknown role"},
        {"c/m/leader\0"s, "unknown role"},
        {"GET / HTTP/1.1", "unknown role"},
        {"\x16\x03\x01\x02\x00\x01\xff", form},
        {std::string(256, '/'), form},
        {std::string(256, 'x'), form},
        {std::string(100'000, 'x') + "/y/z", "unknown role"},
    };
    for (const auto& each : cases) {
        const auto request = parse_request(each.line);
        ASSERT_FALSE(request) << each.line;
        EXPECT_THAT(request.reason(), HasSubstr(each.reason)) << each.line;
    }
}

TEST(AgentRequestTest, EveryRoleHasAWord) {
    for (const auto role : patroni::kAllRequestedRoles) {
        const auto request = parse_request("c/m/" + std::string(patroni::name_of(role)));
        ASSERT_TRUE(request) << request.reason();
        EXPECT_EQ(request.value().role, role);
    }
}

}  // namespace
}  // namespace agent
