#include "patroni_proxy/topology_feed.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <future>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/cluster_json.h"
#include "support/fake_patroni.h"
#include "support/wait.h"

namespace proxy {
namespace {

using namespace std::chrono_literals;
using patroni::RequestedRole;
using support::ClusterJson;
using support::ClusterMember;
using support::FakePatroni;
using testing::HasSubstr;

/// A feed for one cluster with a leader's port (0) and a standbys' port (1), and what it published.
class TopologyFeedTest : public testing::Test {
  protected:
    static ClusterMember leader(const std::string& name, const std::string& host) {
        return {.name = name, .role = "leader", .state = "running", .host = host, .port = 5432};
    }
    static ClusterMember replica(const std::string& name, const std::string& host) {
        return {.name = name,
                .role = "replica",
                .state = "streaming",
                .host = host,
                .port = 5432,
                .lag = 0};
    }

    TopologyFeedTest() { answer({leader("p1", "127.0.0.11"), replica("p2", "127.0.0.12")}); }

    void answer(const std::vector<ClusterMember>& members) {
        ClusterJson json;
        for (const auto& member : members)
            json.member(member);
        patroni_.answer_cluster(json.str());
    }

    [[nodiscard]] ClusterConfig config() const {
        ClusterConfig config;
        config.name = "main";
        config.hosts = {patroni::Endpoint::parse(patroni_.url()).value()};
        config.ports = {
            {"rw", {}, {{RequestedRole::leader}, {}}, 5432},
            {"ro", {}, {{RequestedRole::sync, RequestedRole::async}, {}}, 6543},
            {"all", {}, {{RequestedRole::any}, {}}, 5432},
        };
        return config;
    }

    TopologyFeed::Publish publish() {
        return [this](std::size_t port, const BackendTablePtr& table) {
            const std::lock_guard lock(mutex_);
            tables_[port] = table;
            ++published_;
        };
    }

    /// Asks the cluster now; the error, or nothing.
    static std::string update(TopologyFeed& feed) {
        std::promise<std::string> done;
        feed.update_now([&](const std::string& error) { done.set_value(error); });
        return done.get_future().get();
    }

    BackendTablePtr table(std::size_t port) {
        const std::lock_guard lock(mutex_);
        return tables_[port];
    }
    std::size_t published() {
        const std::lock_guard lock(mutex_);
        return published_;
    }
    /// "p1 127.0.0.11:5432, ..."
    std::string eligible(std::size_t port) {
        std::string text;
        for (const auto& backend : table(port)->eligible)
            text +=
                (text.empty() ? "" : ", ") + backend->member + " " + backend->address.to_string();
        return text;
    }
    BackendPtr only_backend(std::size_t port) {
        const auto its_table = table(port);
        EXPECT_EQ(its_table->eligible.size(), 1U);
        return its_table->eligible.at(0);
    }

    FakePatroni patroni_;

  private:
    std::mutex mutex_;
    std::map<std::size_t, BackendTablePtr> tables_;
    std::size_t published_ = 0;
};

constexpr auto kNever = 1h;  // rounds begin with update() only, but for the first

TEST_F(TopologyFeedTest, MakesATableForEveryPort) {
    TopologyFeed feed(config(), kNever, publish());
    EXPECT_EQ(feed.cluster_name(), "main");
    feed.start();
    EXPECT_EQ(update(feed), "");
    EXPECT_EQ(eligible(0), "p1 127.0.0.11:5432");
    EXPECT_EQ(table(0)->why_excluded(), "p2: role is replica");
    // The port of the configuration counts, not the one Patroni names.
    EXPECT_EQ(eligible(1), "p2 127.0.0.12:6543");
    EXPECT_EQ(table(1)->why_excluded(), "p1: role is leader");
    EXPECT_EQ(eligible(2), "p1 127.0.0.11:5432, p2 127.0.0.12:5432");
}

TEST_F(TopologyFeedTest, FollowsTheCluster) {
    TopologyFeed feed(config(), kNever, publish());
    feed.start();
    EXPECT_EQ(update(feed), "");
    answer({replica("p1", "127.0.0.11"), leader("p2", "127.0.0.12")});
    EXPECT_EQ(update(feed), "");
    EXPECT_EQ(eligible(0), "p2 127.0.0.12:5432");
    EXPECT_EQ(eligible(1), "p1 127.0.0.11:6543");
    answer({});
    EXPECT_EQ(update(feed), "");
    EXPECT_EQ(eligible(2), "");
    EXPECT_EQ(table(2)->why_excluded(), "Patroni names no member");
}

TEST_F(TopologyFeedTest, PollsByItself) {
    TopologyFeed feed(config(), 1ms, publish());
    feed.start();
    patroni_.wait_for_requests("/cluster", 1);
    answer({leader("p9", "127.0.0.19")});
    support::eventually([&] { return table(0) && eligible(0) == "p9 127.0.0.19:5432"; },
                        "the new leader");
}

TEST_F(TopologyFeedTest, AnUpdateIsDoneOnceAllTablesArePublished) {
    TopologyFeed feed(config(), kNever, publish());
    std::promise<std::size_t> seen;
    feed.update_now([&](const std::string&) { seen.set_value(published()); });
    feed.start();
    EXPECT_EQ(seen.get_future().get(), 3U);
}

TEST_F(TopologyFeedTest, AFailedPollChangesNothing) {
    TopologyFeed feed(config(), kNever, publish());
    feed.start();
    EXPECT_EQ(update(feed), "");
    const auto before = published();
    const auto table_before = table(0);
    patroni_.answer("/cluster", {.status = 503});
    EXPECT_EQ(update(feed), patroni_.url() + ": status 503 Service Unavailable");
    patroni_.answer_cluster("<html>");
    EXPECT_THAT(update(feed), HasSubstr("the answer is not JSON"));
    patroni_.stop();
    EXPECT_THAT(update(feed), HasSubstr("Connection refused"));
    EXPECT_EQ(published(), before);
    EXPECT_EQ(table(0), table_before);

    patroni_.start();
    answer({leader("p2", "127.0.0.12")});
    EXPECT_EQ(update(feed), "");
    EXPECT_EQ(eligible(0), "p2 127.0.0.12:5432");
}

TEST_F(TopologyFeedTest, AMemberIsTheSameObjectInAllTablesWithItsAddress) {
    TopologyFeed feed(config(), kNever, publish());
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
    TopologyFeed feed(config(), kNever, publish());
    feed.start();
    EXPECT_EQ(update(feed), "");
    const auto held = only_backend(0);
    answer({});
    EXPECT_EQ(update(feed), "");
    answer({leader("p1", "127.0.0.11")});
    EXPECT_EQ(update(feed), "");
    EXPECT_EQ(only_backend(0), held);
}

TEST_F(TopologyFeedTest, AMemberThatMovesOrIsRenamedIsAnotherObject) {
    TopologyFeed feed(config(), kNever, publish());
    feed.start();
    EXPECT_EQ(update(feed), "");
    const auto before = only_backend(0);
    answer({leader("p1", "127.0.0.21")});
    EXPECT_EQ(update(feed), "");
    const auto moved = only_backend(0);
    EXPECT_NE(moved, before);
    EXPECT_EQ(moved->address.to_string(), "127.0.0.21:5432");
    answer({leader("p9", "127.0.0.21")});
    EXPECT_EQ(update(feed), "");
    EXPECT_NE(only_backend(0), moved);
}

TEST_F(TopologyFeedTest, HostsMayBeIpv6AddressesOrNames) {
    answer({leader("p1", "::1"), replica("p2", "localhost")});
    TopologyFeed feed(config(), kNever, publish());
    feed.start();
    EXPECT_EQ(update(feed), "");
    EXPECT_EQ(eligible(0), "p1 [::1]:5432");
    EXPECT_EQ(eligible(1), "p2 127.0.0.1:6543");
}

TEST_F(TopologyFeedTest, AHostWithoutAnAddressExcludesItsMemberAlone) {
    // Longer than a name's part may be, so that no server is asked.
    const std::string nowhere(64, 'x');
    answer({leader("p1", "127.0.0.11"), replica("p2", nowhere), replica("p3", "127.0.0.13")});
    TopologyFeed feed(config(), kNever, publish());
    feed.start();
    EXPECT_EQ(update(feed), "");
    EXPECT_EQ(eligible(1), "p3 127.0.0.13:6543");
    EXPECT_EQ(table(1)->why_excluded(),
              "p1: role is leader; p2: host " + nowhere + " has no address");
}

TEST_F(TopologyFeedTest, StopTellsAnUpdateThatWaits) {
    patroni_.answer("/cluster", {.fault = support::Fault::stall});
    TopologyFeed feed(config(), kNever, publish());
    feed.start();
    patroni_.wait_for_requests("/cluster", 1);
    std::promise<std::string> done;
    feed.update_now([&](const std::string& error) { done.set_value(error); });
    feed.stop();
    EXPECT_EQ(done.get_future().get(), "shutting down");
    EXPECT_EQ(published(), 0U);
}

}  // namespace
}  // namespace proxy
