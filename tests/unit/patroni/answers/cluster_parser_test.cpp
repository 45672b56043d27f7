// GET /cluster as a whole.

#include "patroni/answers/cluster_parser.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "captured.h"
#include "parsed_cluster.h"
#include "support/fakes/cluster_json.h"

namespace patroni::parser_tests {
namespace {

TEST(ClusterParserTest, ReadsWhatPatroniReallyAnswers) {
    const std::vector<std::pair<std::string, std::vector<Member>>> cases{
        {"3.0.2/single-node", {member_of(1, "leader", "running", 1, kUnknown)}},
        {"3.0.2/async-normal",
         {member_of(1, "leader", "running", 1, kUnknown), member_of(2, "replica", "running", 1, 0),
          member_of(3, "replica", "running", 1, 0)}},
        {"4.1.4/async-normal",
         {member_of(1, "leader", "running", 1, kUnknown),
          member_of(2, "replica", "streaming", 1, 0), member_of(3, "replica", "streaming", 1, 0)}},
        {"3.0.2/sync-mode",
         {member_of(1, "leader", "running", 1, kUnknown), member_of(2, "replica", "running", 1, 0),
          member_of(3, "sync_standby", "running", 1, 0)}},
        {"4.1.4/quorum-mode",
         {member_of(1, "leader", "running", 1, kUnknown),
          member_of(2, "quorum_standby", "streaming", 1, 0),
          member_of(3, "quorum_standby", "streaming", 1, 0)}},
        {"3.0.2/replica-stopped",
         {member_of(1, "leader", "running", 1, kUnknown), member_of(2, "replica", "running", 1, 0),
          member_of(3, "replica", "stopped", kUnknown, kUnknown)}},
        {"4.1.4/replica-stopped",
         {member_of(1, "leader", "running", 1, kUnknown),
          member_of(2, "replica", "streaming", 1, 0),
          member_of(3, "replica", "stopped", kUnknown, kUnknown)}},
        {"4.1.4/replica-crashed",
         {member_of(1, "replica", "crashed", kUnknown, kUnknown),
          member_of(2, "leader", "running", 5, kUnknown),
          member_of(3, "replica", "streaming", 5, 0)}},
        {"3.0.2/replica-diverged-stuck-on-old-timeline",
         {member_of(1, "replica", "running", 4, 0), member_of(2, "replica", "running", 5, 0),
          member_of(3, "leader", "running", 5, kUnknown)}},
        {"3.0.2/receive-paused-lagging",
         {member_of(1, "leader", "running", 1, kUnknown), member_of(2, "replica", "running", 1, 0),
          member_of(3, "replica", "running", 1, 31'428'256)}},
        // Before 4.1 /cluster says nothing of replay: 31 MB of replay lag show as none.
        {"3.0.2/replay-paused-lagging",
         {member_of(1, "leader", "running", 1, kUnknown), member_of(2, "replica", "running", 1, 0),
          member_of(3, "replica", "running", 1, 0)}},
        {"4.0.7/replay-paused-lagging",
         {member_of(1, "leader", "running", 1, kUnknown),
          member_of(2, "replica", "streaming", 1, 0), member_of(3, "replica", "streaming", 1, 0)}},
        {"4.1.5/replay-paused-lagging",
         {member_of(1, "leader", "running", 1, kUnknown),
          member_of(2, "replica", "streaming", 1, 0),
          member_of(3, "replica", "streaming", 1, 33'655'224)}},
        {"4.1.4/replay-paused-lagging",
         {member_of(1, "leader", "running", 1, kUnknown),
          member_of(2, "replica", "streaming", 1, 0),
          member_of(3, "replica", "streaming", 1, 31'558'032)}},
        {"4.1.4/tags-noloadbalance",
         {member_of(1, "leader", "running", 1, kUnknown),
          member_of(2, "replica", "streaming", 1, 0, {{"nofailover", "true"}, {"zone", "a"}}),
          member_of(3, "replica", "streaming", 1, 0, {{"noloadbalance", "true"}})}},
        {"3.0.2/paused-leader-key-expired-no-leader",
         {member_of(1, "replica", "running", 9, 0), member_of(3, "replica", "running", 9, 0)}},
        // The leader shuts down, in a switchover; then the next leader is not promoted yet.
        {"4.1.5/switchover-2",
         {member_of(1, "leader", "running", kUnknown, kUnknown),
          member_of(2, "replica", "streaming", 1, 0), member_of(3, "replica", "streaming", 1, 0)}},
        {"4.1.5/switchover-6",
         {member_of(1, "replica", "stopped", kUnknown, kUnknown),
          member_of(2, "leader", "running", 1, kUnknown),
          member_of(3, "replica", "running", 1, 0)}},
        {"4.0.7/standby-cluster",
         {member_of(1, "standby_leader", "running", 1, kUnknown),
          member_of(2, "replica", "streaming", 1, 0), member_of(3, "replica", "streaming", 1, 0)}},
        {"4.1.4/pending-restart",
         {member_of(1, "leader", "running", 7, kUnknown),
          member_of(2, "replica", "streaming", 7, 0), member_of(3, "replica", "streaming", 7, 0)}},
    };
    for (auto [name, members] : cases) {
        // Only 4.1 tells replay lag, of members whose lag is known.
        for (auto& member : members)
            member.tells_replay_lag = name.starts_with("4.1") && member.lag;
        EXPECT_EQ(parsed(captured("cluster", name)).members, members) << name;
    }
}

TEST(ClusterParserTest, ReadsEveryCapturedAnswer) {
    const std::set<std::string> hosts{"127.0.0.11", "127.0.0.12", "127.0.0.13"};
    std::size_t files = 0;
    for (const auto& name : captured_cases("cluster")) {
        const std::string body = captured("cluster", name);
        // An empty file: the server closed without answering.
        if (body.empty())
            continue;
        ++files;
        const auto snapshot = parsed(body);
        EXPECT_THAT(snapshot.members.size(), testing::AllOf(testing::Ge(1), testing::Le(3)))
            << name;
        for (const auto& member : snapshot.members) {
            EXPECT_NE(member.role, Role::unknown) << name;
            EXPECT_EQ(hosts.count(member.host), 1U) << name;
            EXPECT_EQ(member.port, 5432) << name;
            // A leader that hands over has no timeline while its PostgreSQL shuts down.
            if (name.find("/switchover") == std::string::npos) {
                EXPECT_EQ(serves(member.state), member.timeline.has_value()) << name;
            }
        }
        EXPECT_LE(std::count_if(snapshot.members.begin(), snapshot.members.end(),
                                [](const Member& each) { return each.role == Role::leader; }),
                  1)
            << name;
        EXPECT_EQ(snapshot.paused, name.find("/paused") != std::string::npos) << name;
        EXPECT_EQ(snapshot.scope, name.starts_with("4.") ? "testbed" : "") << name;
    }
    EXPECT_GE(files, 80U);
}

TEST(ClusterParserTest, ABootstrapHasNoMembersYet) {
    EXPECT_EQ(parsed(R"({"members": []})"), ClusterSnapshot{});
}

TEST(ClusterParserTest, PauseAndScopeCountWithTheirTypeOnly) {
    EXPECT_TRUE(parsed(R"({"members": [], "pause": true})").paused);
    EXPECT_EQ(parsed(R"({"members": [], "scope": "main"})").scope, "main");
    for (const std::string value : {"false", "null", "1", "[true]", "{}"}) {
        EXPECT_FALSE(parsed(R"({"members": [], "pause": )" + value + "}").paused) << value;
        EXPECT_EQ(parsed(R"({"members": [], "scope": )" + value + "}").scope, "") << value;
    }
    EXPECT_FALSE(parsed(R"({"members": [], "pause": "true"})").paused);
}

TEST(ClusterParserTest, ReadsWhenASwitchoverIsPlanned) {
    const auto at = [](const std::string& value) {
        const auto time =
            parsed(R"({"members": [], "scheduled_switchover": )" + value + "}").switchover_at;
        return time ? std::chrono::duration<double>(time->time_since_epoch()).count() : 0;
    };
    EXPECT_DOUBLE_EQ(at(R"({"at": "2026-11-21T01:24:25.247994+00:00"})"), 1795224265.247994);
    EXPECT_DOUBLE_EQ(at(R"({"at": "2026-11-21T03:24:25+02:00"})"), 1795224265);
    EXPECT_DOUBLE_EQ(at(R"({"at": "2026-11-20T20:24:25.5-05:00"})"), 1795224265.5);
    for (const std::string value :
         {"{}", "null", "7", R"("soon")", R"({"at": null})", R"({"at": 5})", R"({"at": "soon"})",
          R"({"at": "9999-01-01T00:00:00+00:00"})", R"({"at": "0000-01-01T00:00:00+00:00"})"})
        EXPECT_EQ(at(value), 0) << value;
    EXPECT_EQ(parsed(R"({"members": []})").switchover_at, std::nullopt);
}

TEST(ClusterParserTest, RefusesAnythingElse) {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"", "the answer is not JSON"},
        {" \r\n", "the answer is not JSON"},
        {R"({"members": [{"name": "p1", "ro)", "the answer is not JSON"},
        {R"({"members": [{"name": "p1"})", "the answer is not JSON"},
        {"<html><body>502 Bad Gateway</body></html>", "the answer is not JSON"},
        {"null", "the answer is not JSON"},
        {"5", "the answer is not JSON"},
        {R"({"members": []} trailing)", "the answer is not JSON"},
        {R"({"members": []}{"members": []})", "the answer is not JSON"},
        {"{'members': []}", "the answer is not JSON"},
        {"[]", "the answer is not a JSON object"},
        {R"([{"members": []}])", "the answer is not a JSON object"},
        {"{}", "the answer has no list of members"},
        {R"({"Members": []})", "the answer has no list of members"},
        {R"({"members": null})", "the answer has no list of members"},
        {R"({"members": {}})", "the answer has no list of members"},
        {R"({"members": "p1"})", "the answer has no list of members"},
    };
    for (const auto& [body, reason] : cases)
        EXPECT_THAT(why_not(body), testing::StartsWith(reason)) << body;
}

TEST(ClusterParserTest, NoPrefixOfAnAnswerPasses) {
    const std::string body = captured("cluster", "4.1.4/async-normal");
    const std::size_t end = body.rfind('}');
    for (std::size_t size = 0; size <= end; ++size)
        ASSERT_FALSE(parse_cluster(body.substr(0, size))) << size;
}

std::string repeated(const std::string& text, std::size_t size) {
    std::string result;
    while (result.size() < size)
        result += text;
    return result;
}

TEST(ClusterParserTest, HostileBodiesEndSoonAndWithAReason) {
    constexpr std::size_t mebibyte = 1024 * 1024;
    const std::vector<std::string> bodies{
        std::string(200'000, '['),
        repeated(R"({"members":)", mebibyte),
        R"({"members":)" + std::string(200'000, '['),
        repeated("{},", mebibyte),
        R"({"members":[)" + repeated("{},", mebibyte) + "{}]}",
        R"({"members":[)" + repeated("[],", mebibyte) + "[]]}",
        R"({"members":[)" + repeated("1,", mebibyte) + "1]}",
        R"({"members":[{"tags":{)" + repeated(R"("t":1,)", mebibyte) + R"("t":1}}]})",
        R"({"members":[{"name":")" + std::string(mebibyte, 'x'),
        R"({"members":[{"lag":)" + std::string(mebibyte, '9') + "}]}",
        std::string(mebibyte, ' '),
        std::string(mebibyte, '\0'),
        std::string(mebibyte, '\xff'),
    };
    for (const auto& body : bodies) {
        const auto start = std::chrono::steady_clock::now();
        EXPECT_THAT(why_not(body), testing::AnyOf("the answer is not JSON",
                                                  "the answer holds more than 50000 values"))
            << body.substr(0, 40);
        // Some 60 ms at most; sanitizers and a busy machine take their share.
        EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5))
            << body.substr(0, 40);
    }
}

TEST(ClusterParserTest, ALargeClusterIsReadWhole) {
    support::ClusterJson json;
    for (int i = 0; i < 256; ++i)
        json.member({.name = "p" + std::to_string(i),
                     .role = "replica",
                     .state = "streaming",
                     .api_url = "http://p:8008/patroni",
                     .host = "10.0.0.1",
                     .port = 5432,
                     .timeline = 1,
                     .lag = i,
                     .tags = {{"zone", "a"}}});
    const auto members = parsed(json.str()).members;
    ASSERT_EQ(members.size(), 256U);
    EXPECT_EQ(members.back().lag, 255U);
}

TEST(ClusterParserTest, EntriesWithoutANameAreCounted) {
    const auto snapshot = parsed(R"({"members": [1, "p0", null, true, [], [{"name": "p9"}],
        {"role": "leader"}, {"name": "p1", "role": "replica", "state": "running"}]})");
    ASSERT_EQ(snapshot.members.size(), 1U);
    EXPECT_EQ(snapshot.members.front().name, "p1");
    EXPECT_EQ(snapshot.nameless, 7U);
}

TEST(ClusterParserTest, AnAnswerWithoutAReadableMemberIsRefused) {
    for (const std::string members :
         {"1", R"("p1")", "null", "{}", R"({"role": "leader", "state": "running"})",
          R"({"name": "p1", "role": "leader"})", R"({"name": "p1", "state": "running"})",
          R"({"name": "p1", "role": "chief", "state": "running"})",
          R"({"name": "p1", "role": "leader", "state": "flying"})",
          R"({"name": 5, "role": "leader", "state": "running"}, [])"})
        EXPECT_EQ(why_not(R"({"members": [)" + members + "]}"),
                  "no member of the answer has a name, and a role and a state that are known")
            << members;
    EXPECT_EQ(
        why_not(R"({"members": [{}, {"name": "p1", "role": "replica", "state": "stopped"}]})"),
        "it parsed");
}

TEST(ClusterParserTest, OfDuplicateKeysTheLastCounts) {
    EXPECT_EQ(member_from(R"("name": "p1", "lag": 1, "name": "p2", "lag": 2)").name, "p2");
    EXPECT_TRUE(parsed(R"({"members": [5], "members": []})").members.empty());
}

TEST(ClusterParserTest, RefusesTwoMembersOfOneName) {
    const auto refused = parse_cluster(
        R"({"members": [{"name": "p1", "role": "leader"}, {"name": "p1", "role": "replica"}]})");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.reason(), "the answer lists two members named p1");
}

TEST(ClusterParserTest, RefusesMoreMembersThanAnyClusterHas) {
    const auto cluster_of = [](int members) {
        std::string body = R"({"members": [{"name": "p0", "role": "replica", "state": "running"})";
        for (int i = 1; i < members; ++i)
            body += ", {}";
        return body + "]}";
    };
    EXPECT_TRUE(parse_cluster(cluster_of(256)));
    const auto refused = parse_cluster(cluster_of(257));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.reason(), "the answer has more than 256 members");
}

}  // namespace
}  // namespace patroni::parser_tests
