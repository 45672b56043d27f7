// Which host is asked first, and which next.

#include "patroni/watch/host_order.h"

#include <chrono>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace patroni {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

constexpr Clock::time_point kNow{1h};

Endpoint host(const std::string& name) {
    return Endpoint::of_api_url("http://" + name + ":8008/patroni").value();
}

ClusterSnapshot cluster_of(const std::vector<std::string>& api_urls) {
    ClusterSnapshot snapshot;
    for (const auto& url : api_urls)
        snapshot.members.emplace_back().api_url = url;
    return snapshot;
}

std::vector<std::string> names(HostOrder& order, Clock::time_point now = kNow,
                               const ClusterSnapshot* snapshot = nullptr) {
    std::vector<std::string> names;
    for (const auto& each : order.at(now, snapshot))
        names.push_back(each.host);
    return names;
}

TEST(HostOrder, TheyFollowEachOtherFromTheFirstOn) {
    HostOrder order({host("a"), host("b"), host("c")}, 1);
    EXPECT_THAT(names(order), ElementsAre("b", "c", "a"));
}

TEST(HostOrder, TheHostThatAnsweredComesFirst) {
    HostOrder order({host("a"), host("b"), host("c")}, 0);
    order.answered(host("c"));
    EXPECT_THAT(names(order), ElementsAre("c", "a", "b"));
    order.answered(host("elsewhere"));
    EXPECT_THAT(names(order), ElementsAre("c", "a", "b"));
}

TEST(HostOrder, MembersComeAfterTheHostsAndOnce) {
    HostOrder order({host("a"), host("b")}, 0);
    const auto cluster = cluster_of({"http://d:8008/patroni", "http://b:8008/patroni", "nonsense",
                                     "", "http://d:8008/patroni"});
    EXPECT_THAT(names(order, kNow, &cluster), ElementsAre("a", "b", "d"));
}

TEST(HostOrder, AHostThatWasPutLastComesLastForTenSeconds) {
    HostOrder order({host("a"), host("b")}, 0);
    const auto cluster = cluster_of({"http://d:8008/patroni"});
    order.put_last(host("a"), kNow);
    EXPECT_THAT(names(order, kNow, &cluster), ElementsAre("b", "d", "a"));
    order.put_last(host("b"), kNow + 1s);
    EXPECT_THAT(names(order, kNow + 1s, &cluster), ElementsAre("d", "a", "b"));
    EXPECT_THAT(names(order, kNow + 10s, &cluster), ElementsAre("a", "d", "b"));
    EXPECT_THAT(names(order, kNow + 11s, &cluster), ElementsAre("a", "b", "d"));
}

TEST(HostOrder, AfterOneThatIsPassedOverComesTheNext) {
    HostOrder order({host("a"), host("b"), host("c")}, 0);
    order.pass_over(host("a"), kNow);
    EXPECT_THAT(names(order), ElementsAre("b", "c", "a"));
    order.pass_over(host("a"), kNow);  // no longer the first
    EXPECT_THAT(names(order), ElementsAre("b", "c", "a"));
}

TEST(HostOrder, OfASingleHostThatIsPassedOverTheMembersComeFirst) {
    HostOrder order({host("a")}, 0);
    const auto cluster = cluster_of({"http://a:8008/patroni", "http://b:8008/patroni"});
    order.pass_over(host("a"), kNow);
    EXPECT_THAT(names(order, kNow, &cluster), ElementsAre("b", "a"));
}

TEST(HostOrder, AHostThatWasPutLastComesFirstOnceItAnswers) {
    HostOrder order({host("a"), host("b")}, 0);
    order.put_last(host("b"), kNow);
    order.answered(host("b"));
    EXPECT_THAT(names(order), ElementsAre("b", "a"));
}

}  // namespace
}  // namespace patroni
