#include "patroni_proxy/migrate/compare/comparison.h"

#include <Poco/JSON/Array.h>
#include <Poco/JSON/Object.h>
#include <Poco/JSON/Parser.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "patroni_proxy/migrate/compare/pairing.h"

namespace proxy::migrate {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

/// Cluster "main" with p1 and p2 on 10.0.0.1 and .2; ports rw (leader) and ro (replica).
ProxyView status(const std::string& leader = "p1", bool falls_back = false) {
    const auto standing = [](const std::string& member, bool eligible) {
        return MemberStanding{member,
                              eligible ? patroni::Standing::eligible : patroni::Standing::out,
                              eligible ? "serves" : "role is another"};
    };
    const auto port = [&](const std::string& name, const std::string& role, bool p1, bool p2) {
        PortReport report;
        report.name = name;
        report.roles = {role};
        report.members = {standing("p1", p1), standing("p2", p2)};
        return report;
    };
    ClusterReport cluster;
    cluster.name = "main";
    cluster.members.resize(2);
    cluster.members[0].name = "p1";
    cluster.members[0].host = "10.0.0.1";
    cluster.members[0].port = 5432;
    cluster.members[1].name = "p2";
    cluster.members[1].host = "p2.example.com";
    cluster.ports = {port("rw", "leader", leader == "p1", leader == "p2"),
                     port("ro", "replica", leader == "p2" || falls_back, leader == "p1")};
    cluster.ports[1].falls_back = falls_back;
    ProxyView view{{}, {{"p2.example.com", {"fd00::2", "10.0.0.2"}}}};
    view.report.clusters = {cluster};
    return view;
}

HaproxyServer server(const std::string& backend, int number, const std::string& state) {
    return {backend,
            "pg" + std::to_string(number),
            "10.0.0." + std::to_string(number) + ":5432",
            state,
            "L7OK",
            false};
}

TEST(MemberAt, JoinsByAddress) {
    const auto ours = status();
    ASSERT_NE(member_at(ours, "main", "10.0.0.1:5432"), nullptr);
    EXPECT_EQ(member_at(ours, "main", "10.0.0.1:6432")->name, "p1") << "a pooler on that host";
    EXPECT_EQ(member_at(ours, "main", "[fd00::2]:5432")->name, "p2") << "by its name";
    EXPECT_EQ(member_at(ours, "main", "10.0.0.3:5432"), nullptr);
    EXPECT_EQ(member_at(ours, "other", "10.0.0.1:5432"), nullptr);
    EXPECT_EQ(member_at(ours, "main", ""), nullptr);
}

TEST(Pairing, FindsThePortOfABackend) {
    const auto pairs = [&](const std::vector<std::string>& backends,
                           const std::map<std::string, std::string>& chosen = {}) {
        std::vector<HaproxyServer> servers;
        for (const auto& backend : backends)
            servers.push_back(server(backend, 1, "UP"));
        return pair_up(servers, status(), chosen);
    };
    EXPECT_THAT(pairs({"rw", "ro"}).port_of_backend,
                ElementsAre(Pair("ro", "main/ro"), Pair("rw", "main/rw")));
    EXPECT_THAT(pairs({"bk_primary", "pg-replicas"}).port_of_backend,
                ElementsAre(Pair("bk_primary", "main/rw"), Pair("pg-replicas", "main/ro")));
    EXPECT_THAT(pairs({"x"}).port_of_backend, IsEmpty());
    EXPECT_THAT(pairs({"x"}).not_compared, ElementsAre(Pair("x", HasSubstr("--map x="))));
    EXPECT_THAT(pairs({"x"}, {{"x", "main/ro"}}).port_of_backend,
                ElementsAre(Pair("x", "main/ro")));
    auto web = server("web", 1, "UP");
    web.address = "10.0.0.77:80";
    const auto other = pair_up({web}, status(), {});
    EXPECT_THAT(other.port_of_backend, IsEmpty());
    EXPECT_THAT(other.not_compared, IsEmpty());
}

std::vector<JoinedServer> joined(const std::string& pg1, const std::string& pg2,
                                 const std::string& leader = "p1") {
    const auto ours = status(leader);
    const std::vector<HaproxyServer> servers{server("rw", 1, pg1), server("rw", 2, pg2)};
    return join(servers, ours, pair_up(servers, ours, {}));
}

TEST(Join, SaysWhoUsesAServer) {
    const auto both = joined("UP", "DOWN");
    ASSERT_EQ(both.size(), 2U);
    EXPECT_TRUE(both[0].haproxy_uses && both[0].proxy_uses);
    EXPECT_FALSE(both[1].haproxy_uses || both[1].proxy_uses);
    EXPECT_EQ(both[1].proxy_reason, "role is another");
}

TEST(Join, UsesABackupServerOnlyInNeed) {
    const auto ours = status();
    auto backup = server("rw", 2, "UP");
    backup.backup = true;
    for (const bool needed : {false, true}) {
        const std::vector<HaproxyServer> servers{server("rw", 1, needed ? "DOWN" : "UP"), backup};
        EXPECT_EQ(join(servers, ours, pair_up(servers, ours, {}))[1].haproxy_uses, needed);
    }
}

TEST(Join, TakesAFallbackForNobody) {
    const auto ours = status("nobody", true);
    const std::vector<HaproxyServer> servers{server("ro", 1, "DOWN")};
    EXPECT_FALSE(join(servers, ours, pair_up(servers, ours, {}))[0].proxy_uses);
}

class ComparisonOverTime : public testing::Test {
  protected:
    std::vector<Difference> take(std::chrono::seconds at,
                                 const std::vector<JoinedServer>& servers) {
        return comparison_.take(Difference::Clock::time_point{} + at, servers);
    }
    Comparison comparison_;
};

TEST_F(ComparisonOverTime, AgreesWhileNothingDiffers) {
    EXPECT_THAT(take(0s, joined("UP", "DOWN")), IsEmpty());
    EXPECT_THAT(take(1s, joined("UP 2/3", "DOWN")), IsEmpty());
    EXPECT_FALSE(comparison_.differ_now());
    EXPECT_EQ(comparison_.summary(), "agreement 100.00 % of 4 comparisons in 1 s; 0 differences");
}

TEST_F(ComparisonOverTime, SaysHowLongHaproxyNeededAfterASwitchover) {
    (void)take(0s, joined("UP", "DOWN"));
    const auto began = take(1s, joined("UP", "DOWN", "p2"));
    ASSERT_EQ(began.size(), 2U);
    EXPECT_TRUE(comparison_.differ_now());
    (void)take(2s, joined("UP 1/3", "DOWN 1/2", "p2"));
    EXPECT_THAT(take(3s, joined("UP 1/3", "UP", "p2")).size(), 1U);
    const auto ended = take(7s, joined("DOWN", "UP", "p2"));
    ASSERT_EQ(ended.size(), 1U);
    EXPECT_EQ(ended[0].how, Difference::End::haproxy_followed);
    EXPECT_EQ(ended[0].seconds(), 6.0);
    EXPECT_THAT(text_of(ended[0]),
                AllOf(HasSubstr("rw/pg1 (10.0.0.1:5432, p1): HAProxy says UP (L7OK); patroni_proxy "
                                "main/rw does not use it: role is another"),
                      HasSubstr("; for 6.0 s, until HAProxy followed")));
    EXPECT_FALSE(comparison_.differ_now());
    EXPECT_EQ(comparison_.summary(),
              "agreement 50.00 % of 10 comparisons in 7 s; 2 differences, 2 until HAProxy followed "
              "(2 while it needed `fall` or `rise` checks)");
}

TEST_F(ComparisonOverTime, KnowsWhichOfThemFollowed) {
    (void)take(0s, joined("DOWN", "UP"));
    const auto events = take(1s, joined("DOWN", "UP", "p2"));
    ASSERT_EQ(events.size(), 2U);
    EXPECT_EQ(events[0].how, Difference::End::proxy_followed);
    EXPECT_THAT(comparison_.summary(), HasSubstr("2 until patroni_proxy followed"));
}

TEST_F(ComparisonOverTime, BeginsAnewWhereBothChangeTheirMinds) {
    (void)take(0s, joined("UP", "DOWN", "p2"));
    const auto events = take(1s, joined("DOWN", "UP", "p1"));
    EXPECT_EQ(events.size(), 4U) << "two ended, two began";
    EXPECT_EQ(comparison_.differences(), 4U);
}

TEST_F(ComparisonOverTime, EndsADifferenceWhoseServerIsGone) {
    (void)take(0s, joined("UP", "DOWN", "p2"));
    const auto events = take(1s, {});
    ASSERT_EQ(events.size(), 2U);
    EXPECT_EQ(events[0].how, Difference::End::gone);
    EXPECT_FALSE(comparison_.differ_now());
}

TEST_F(ComparisonOverTime, IsJsonForPrograms) {
    (void)take(0s, joined("UP", "DOWN", "p2"));
    (void)take(5s, joined("UP", "DOWN", "p2"));
    Poco::JSON::Parser parser;
    const auto json = parser.parse(json_of(comparison_, {{{"rw", "main/rw"}}, {}}))
                          .extract<Poco::JSON::Object::Ptr>();
    EXPECT_TRUE(json->getValue<bool>("differ_now"));
    EXPECT_EQ(json->getObject("compared")->getValue<std::string>("rw"), "main/rw");
    const auto first = json->getArray("differences")->getObject(0);
    EXPECT_EQ(first->getValue<std::string>("end"), "open");
    EXPECT_EQ(first->getValue<double>("seconds"), 5.0);
}

TEST_F(ComparisonOverTime, KeepsABoundedNumberOfDifferences) {
    const auto agree = joined("UP", "DOWN");
    const auto differ = joined("UP", "UP");
    for (std::size_t count = 0; count <= Comparison::kMost; ++count) {
        (void)take(std::chrono::seconds(2 * count), differ);
        (void)take(std::chrono::seconds(2 * count + 1), agree);
    }
    EXPECT_EQ(comparison_.differences(), Comparison::kMost + 1);
    EXPECT_EQ(comparison_.kept().size(), Comparison::kMost);
}

}  // namespace
}  // namespace proxy::migrate
