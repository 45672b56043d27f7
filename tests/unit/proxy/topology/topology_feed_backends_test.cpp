#include <chrono>
#include <future>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "patroni_proxy/topology/topology_feed.h"
#include "topology_feed_fixture.h"
#include "unit/proxy/logged.h"

namespace proxy {
namespace {

using namespace std::chrono_literals;
using support::ClusterJson;
using testing::HasSubstr;

TEST_F(TopologyFeedTest, AMemberIsTheSameObjectInAllTablesWithItsAddress) {
    TopologyFeed feed(settings(config(), kNever), publish());
    feed.start();
    EXPECT_EQ(update(feed), "");
    const auto p1 = only_backend(0);
    EXPECT_EQ(table(2)->eligible[0], p1);
    EXPECT_NE(table(2)->eligible[1], only_backend(1)) << "another port of p2";
    p1->connections = 5;
    answer({replica("p3", "127.0.0.13"), leader("p1", "127.0.0.11")});
    EXPECT_EQ(update(feed), "");
    EXPECT_EQ(only_backend(0), p1);
    EXPECT_EQ(table(2)->eligible[1], p1);
    EXPECT_EQ(p1->connections, 5U);
}

TEST_F(TopologyFeedTest, AMemberThatComesBackIsTheSameObjectWhileASessionHoldsIt) {
    TopologyFeed feed(settings(config(), kNever), publish());
    feed.start();
    EXPECT_EQ(update(feed), "");
    const auto held = only_backend(1);
    answer({leader("p1", "127.0.0.11")});
    EXPECT_EQ(update(feed), "");
    wait_for(
        1,
        [](const BackendTable& table) { return table.eligible.empty() && table.tolerated.empty(); },
        "p2 to be out");
    answer({leader("p1", "127.0.0.11"), replica("p2", "127.0.0.12")});
    EXPECT_EQ(update(feed), "");
    EXPECT_EQ(only_backend(1), held);
}

TEST_F(TopologyFeedTest, AMemberThatMovesIsAnotherObject) {
    TopologyFeed feed(settings(config(), kNever), publish());
    feed.start();
    EXPECT_EQ(update(feed), "");
    const auto before = only_backend(0);
    answer({leader("p1", "127.0.0.21")});
    EXPECT_EQ(update(feed), "");
    const auto moved = only_backend(0);
    EXPECT_NE(moved, before);
    EXPECT_EQ(moved->address.to_string(), "127.0.0.21:5432");
}

TEST_F(TopologyFeedTest, AMemberThatIsRenamedIsAnotherObject) {
    TopologyFeed feed(settings(config(), kNever), publish());
    feed.start();
    EXPECT_EQ(update(feed), "");
    const auto before = only_backend(0);
    answer({leader("p9", "127.0.0.11")});
    EXPECT_EQ(update(feed), "");
    wait_for_eligible(0, "p9 127.0.0.11:5432");
    EXPECT_NE(only_backend(0), before);
}

TEST_F(TopologyFeedTest, WithoutHostPortEachMemberHasItsOwn) {
    auto elsewhere = replica("p2", "127.0.0.12");
    elsewhere.port = 5555;
    auto portless = replica("p3", "127.0.0.13");
    portless.port = std::nullopt;
    answer({leader("p1", "127.0.0.11"), elsewhere, portless});
    auto own_ports = config();
    own_ports.ports[2].host_port.reset();
    TopologyFeed feed(settings(own_ports, kNever), publish());
    feed.start();
    EXPECT_EQ(update(feed), "");
    EXPECT_EQ(eligible(2), "p1 127.0.0.11:5432, p2 127.0.0.12:5555");
    EXPECT_EQ(table(2)->why_excluded(), "p3: no port in Patroni's answer");
    EXPECT_EQ(eligible(1), "p2 127.0.0.12:6543, p3 127.0.0.13:6543") << "where it is configured";
}

TEST_F(TopologyFeedTest, TwoMembersOnOneHostAreTwoBackends) {
    auto other = replica("p3", "127.0.0.12");
    other.port = 5433;
    answer({leader("p1", "127.0.0.11"), replica("p2", "127.0.0.12"), other});
    auto own_ports = config();
    own_ports.ports[2].host_port.reset();
    TopologyFeed feed(settings(own_ports, kNever), publish());
    feed.start();
    EXPECT_EQ(update(feed), "");
    EXPECT_EQ(eligible(2), "p1 127.0.0.11:5432, p2 127.0.0.12:5432, p3 127.0.0.12:5433");
    // Even where a pooler in front of both makes their addresses equal.
    EXPECT_EQ(eligible(1), "p2 127.0.0.12:6543, p3 127.0.0.12:6543");
    EXPECT_NE(table(1)->eligible[0], table(1)->eligible[1]);
}

TEST_F(TopologyFeedTest, HostsMayBeIpv6AddressesOrNames) {
    answer({leader("p1", "::1"), replica("p2", "localhost")});
    TopologyFeed feed(settings(config(), kNever), publish());
    feed.start();
    EXPECT_EQ(update(feed), "");
    EXPECT_EQ(eligible(0), "p1 [::1]:5432");
    EXPECT_EQ(eligible(1), "p2 127.0.0.1:6543");
}

TEST_F(TopologyFeedTest, AHostWithoutAnAddressExcludesItsMemberAlone) {
    // Longer than a name's part may be, so that no server is asked.
    const std::string nowhere(64, 'x');
    answer({leader("p1", "127.0.0.11"), replica("p2", nowhere), replica("p3", "127.0.0.13")});
    TopologyFeed feed(settings(config(), kNever), publish());
    feed.start();
    EXPECT_EQ(update(feed), "");
    EXPECT_EQ(eligible(1), "p3 127.0.0.13:6543");
    EXPECT_THAT(table(1)->why_excluded("p2"),
                testing::StartsWith("host " + nowhere + " has no address: "));
}

}  // namespace
}  // namespace proxy
