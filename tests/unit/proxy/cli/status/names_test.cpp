#include "patroni_proxy/cli/status/names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace proxy::cli {
namespace {

ClusterReport cluster(const std::string& name, const std::vector<std::string>& members,
                      const std::vector<std::string>& ports) {
    ClusterReport cluster;
    cluster.name = name;
    for (const auto& member : members)
        cluster.members.emplace_back().name = member;
    for (const auto& port : ports)
        cluster.ports.emplace_back().name = port;
    return cluster;
}

ProxyReport two_clusters() {
    ProxyReport report;
    report.clusters = {cluster("main", {"p1", "p2"}, {"master", "any"}),
                       cluster("other", {"p1", "a/b"}, {"any"})};
    report.clusters[0].ports[0].traffic.emplace_back().member = "gone";
    report.clusters[1].operator_settings = {{.setting = "freeze"},
                                            {.setting = "drain", .member = "away"}};
    return report;
}

template <typename Task>
std::string error_of(Task task) {
    try {
        task();
    } catch (const std::runtime_error& error) {
        return error.what();
    }
    return "no error";
}

TEST(NamesTest, TheClusterMayBeLeftOutWhereTheNameIsUnambiguous) {
    const auto report = two_clusters();
    EXPECT_EQ(find_member(report, "p2").text(), "main/p2");
    EXPECT_EQ(find_member(report, "other/p1").text(), "other/p1");
    EXPECT_EQ(find_port(report, "master").text(), "main/master");
    EXPECT_EQ(find_member(report, "a/b").text(), "other/a/b");
    EXPECT_EQ(find_member(report, "gone").text(), "main/gone");
    EXPECT_EQ(find_member(report, "away").text(), "other/away") << "its drain can be lifted";
}

TEST(NamesTest, ErrorsTellTheNamesThatExist) {
    const auto report = two_clusters();
    EXPECT_EQ(error_of([&] { (void)find_member(report, "p1"); }),
              "several clusters have a member p1: say which, main/p1, other/p1");
    EXPECT_EQ(error_of([&] { (void)find_port(report, "p9\033"); }),
              "no port p9\\u001b; there are main/master, main/any, other/any");
    EXPECT_EQ(error_of([&] { (void)find_port(ProxyReport{}, "p9"); }),
              "no port p9; there is none yet");
}

TEST(NamesTest, APortOfOneCluster) {
    const auto report = two_clusters();
    EXPECT_EQ(find_port_of(report, "other", "any").text(), "other/any");
    EXPECT_EQ(find_port_of(report, "main", "main/any").text(), "main/any");
    EXPECT_EQ(error_of([&] { (void)find_port_of(report, "other", "master"); }),
              "no port master; there are other/any");
}

TEST(NamesTest, TheOnlyClusterNeedsNoName) {
    auto report = two_clusters();
    EXPECT_EQ(find_cluster(report, "other"), "other");
    EXPECT_EQ(error_of([&] { (void)find_cluster(report, ""); }),
              "say which cluster; there are main, other");
    EXPECT_EQ(error_of([&] { (void)find_cluster(report, "x"); }),
              "no cluster x; there are main, other");
    report.clusters.pop_back();
    EXPECT_EQ(find_cluster(report, ""), "main");
}

}  // namespace
}  // namespace proxy::cli
