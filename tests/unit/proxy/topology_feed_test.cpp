#include "patroni_proxy/topology_feed.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/log.h"
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

std::string text_of(const std::vector<BackendPtr>& backends) {
    std::string text;
    for (const auto& backend : backends)
        text += (text.empty() ? "" : ", ") + backend->member + " " + backend->address.to_string();
    return text;
}

PortConfig port_for(const std::string& name, std::set<RequestedRole> roles,
                    std::optional<std::uint16_t> host_port) {
    PortConfig port;
    port.name = name;
    port.wanted.roles = std::move(roles);
    port.host_port = host_port;
    return port;
}

/// A feed for one cluster with a leader's port (0), a standbys' port (1) and one for all (2), and
/// what it published.
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

    /// Patroni names these members from now on, each of which says the same of itself.
    void answer(std::vector<ClusterMember> members) {
        for (const auto& [name, api] : apis_)
            says(name, "replica");
        ClusterJson json;
        for (auto& member : members) {
            says(*member.name, member.role == "leader" ? "primary" : "replica");
            member.api_url = apis_[*member.name]->url() + "/patroni";
            json.member(member);
        }
        patroni_.answer_cluster(json.str());
    }
    /// What a member answers to GET /primary.
    void says(const std::string& member, const std::string& role) {
        auto& api = apis_[member];
        if (!api)
            api = std::make_unique<FakePatroni>();
        api->answer("/primary", {.status = role == "primary" ? 200 : 503,
                                 .body = R"({"state": "running", "role": ")" + role + "\"}"});
    }

    [[nodiscard]] ClusterConfig config() const {
        ClusterConfig config;
        config.name = "main";
        config.hosts = {patroni::Endpoint::parse(patroni_.url()).value()};
        config.resolve_prefer = patroni::ResolvePrefer::ipv4;
        config.ports = {
            port_for("rw", {RequestedRole::leader}, 5432),
            port_for("ro", {RequestedRole::sync, RequestedRole::async}, 6543),
            port_for("all", {RequestedRole::any}, 5432),
        };
        return config;
    }

    TopologyFeed::Publish publish() {
        return [this](std::size_t port, const BackendTablePtr& table) {
            const std::lock_guard lock(mutex_);
            tables_[port] = table;
            ++published_;
            changed_.notify_all();
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
    std::string eligible(std::size_t port) { return text_of(table(port)->eligible); }
    std::string tolerated(std::size_t port) { return text_of(table(port)->tolerated); }
    void wait_for(std::size_t port, const std::function<bool(const BackendTable&)>& condition,
                  const std::string& what) {
        std::unique_lock lock(mutex_);
        support::wait_until(
            lock, changed_, support::default_timeout,
            [&] { return tables_[port] && condition(*tables_[port]); }, what,
            [&] { return tables_[port] ? text_of(tables_[port]->eligible) : "no table"; });
    }
    void wait_for_eligible(std::size_t port, const std::string& text) {
        wait_for(
            port, [&](const BackendTable& table) { return text_of(table.eligible) == text; },
            "eligible: " + text);
    }
    BackendPtr only_backend(std::size_t port) {
        const auto its_table = table(port);
        EXPECT_EQ(its_table->eligible.size(), 1U);
        return its_table->eligible.at(0);
    }

    FakePatroni patroni_;

  private:
    std::map<std::string, std::unique_ptr<FakePatroni>> apis_;
    std::mutex mutex_;
    std::condition_variable changed_;
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
    EXPECT_EQ(table(1)->why_excluded(), "p1: it is the leader");
    EXPECT_EQ(eligible(2), "p1 127.0.0.11:5432, p2 127.0.0.12:5432");
}

TEST_F(TopologyFeedTest, FollowsASwitchoverWithinAnUpdate) {
    TopologyFeed feed(config(), kNever, publish());
    feed.start();
    EXPECT_EQ(update(feed), "");
    answer({replica("p1", "127.0.0.11"), leader("p2", "127.0.0.12")});
    EXPECT_EQ(update(feed), "");
    EXPECT_EQ(eligible(0), "p2 127.0.0.12:5432");
    EXPECT_EQ(tolerated(0), "");
    EXPECT_EQ(eligible(1), "p1 127.0.0.11:6543");
    EXPECT_EQ(tolerated(1), "");
    EXPECT_EQ(eligible(2), "p1 127.0.0.11:5432, p2 127.0.0.12:5432");
}

TEST_F(TopologyFeedTest, AMemberThatVanishesIsToleratedFirstAndOutSoon) {
    answer({leader("p1", "127.0.0.11"), replica("p2", "127.0.0.12"), replica("p3", "127.0.0.13")});
    TopologyFeed feed(config(), kNever, publish());
    feed.start();
    EXPECT_EQ(update(feed), "");
    EXPECT_EQ(eligible(1), "p2 127.0.0.12:6543, p3 127.0.0.13:6543");
    const auto p3 = table(1)->eligible[1];
    answer({leader("p1", "127.0.0.11"), replica("p2", "127.0.0.12")});
    EXPECT_EQ(update(feed), "");
    EXPECT_EQ(eligible(1), "p2 127.0.0.12:6543");
    EXPECT_EQ(table(1)->tolerated, std::vector{p3});
    EXPECT_EQ(table(1)->why_excluded("p3"), "no longer in Patroni's answer");
    // The second answer comes by itself, though an interval is an hour.
    wait_for(
        1, [](const BackendTable& table) { return table.tolerated.empty(); }, "p3 to be out");
    EXPECT_EQ(eligible(1), "p2 127.0.0.12:6543");
}

TEST_F(TopologyFeedTest, WithoutALeaderThePortSaysWhy) {
    TopologyFeed feed(config(), kNever, publish());
    feed.start();
    EXPECT_EQ(update(feed), "");
    answer({replica("p1", "127.0.0.11"), replica("p2", "127.0.0.12")});
    EXPECT_EQ(update(feed), "");
    // Both sources agree that p1 is none any more.
    EXPECT_EQ(eligible(0), "");
    EXPECT_EQ(tolerated(0), "");
    EXPECT_EQ(table(0)->why_excluded(), "p1: role is replica; p2: role is replica");
}

TEST_F(TopologyFeedTest, PollsByItself) {
    TopologyFeed feed(config(), 1ms, publish());
    feed.start();
    patroni_.wait_for_requests("/cluster", 1);
    answer({leader("p9", "127.0.0.19")});
    wait_for_eligible(0, "p9 127.0.0.19:5432");
}

TEST_F(TopologyFeedTest, AnUpdateIsDoneOnceAllTablesArePublished) {
    TopologyFeed feed(config(), kNever, publish());
    std::promise<std::string> seen;
    feed.update_now([&](const std::string&) {
        seen.set_value(eligible(0) + " | " + eligible(1) + " | " + eligible(2));
    });
    feed.start();
    EXPECT_EQ(seen.get_future().get(),
              "p1 127.0.0.11:5432 | p2 127.0.0.12:6543 | p1 127.0.0.11:5432, p2 127.0.0.12:5432");
}

TEST_F(TopologyFeedTest, PublishesOnlyWhatChanged) {
    TopologyFeed feed(config(), kNever, publish());
    feed.start();
    EXPECT_EQ(update(feed), "");
    const auto before = published();
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(update(feed), "");
    EXPECT_EQ(published(), before);
}

TEST_F(TopologyFeedTest, AFailedPollChangesNothing) {
    TopologyFeed feed(config(), kNever, publish());
    feed.start();
    EXPECT_EQ(update(feed), "");
    const auto before = published();
    const auto table_before = table(0);
    // The members are asked as well, and know no better.
    patroni_.answer("/cluster", {.status = 503});
    EXPECT_THAT(update(feed), HasSubstr(patroni_.url() + ": status 503 Service Unavailable"));
    patroni_.answer_cluster("<html>");
    EXPECT_THAT(update(feed), HasSubstr("the answer is not JSON"));
    patroni_.stop();
    EXPECT_THAT(update(feed), HasSubstr("Connection refused"));
    EXPECT_EQ(published(), before);
    EXPECT_EQ(table(0), table_before);

    patroni_.start();
    answer({replica("p1", "127.0.0.11"), leader("p2", "127.0.0.12")});
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
    TopologyFeed feed(config(), kNever, publish());
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
    TopologyFeed feed(config(), kNever, publish());
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
    TopologyFeed feed(own_ports, kNever, publish());
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
    TopologyFeed feed(own_ports, kNever, publish());
    feed.start();
    EXPECT_EQ(update(feed), "");
    EXPECT_EQ(eligible(2), "p1 127.0.0.11:5432, p2 127.0.0.12:5432, p3 127.0.0.12:5433");
    // Even where a pooler in front of both makes their addresses equal.
    EXPECT_EQ(eligible(1), "p2 127.0.0.12:6543, p3 127.0.0.12:6543");
    EXPECT_NE(table(1)->eligible[0], table(1)->eligible[1]);
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
    EXPECT_THAT(table(1)->why_excluded("p2"),
                testing::StartsWith("host " + nowhere + " has no address: "));
}

TEST_F(TopologyFeedTest, EachPortHasItsOwnRequirements) {
    auto lagging = replica("p2", "127.0.0.12");
    lagging.lag = 2'000;
    lagging.tags = {{"zone", "a"}};
    answer({leader("p1", "127.0.0.11"), lagging, replica("p3", "127.0.0.13")});
    auto picky = config();
    picky.ports[1].wanted.max_lag = 1'000;
    picky.ports[2].wanted.tags = {{"zone", "a"}};
    TopologyFeed feed(picky, kNever, publish());
    feed.start();
    EXPECT_EQ(update(feed), "");
    EXPECT_EQ(eligible(1), "p3 127.0.0.13:6543");
    EXPECT_EQ(table(1)->why_excluded("p2"), "lag of 2000 bytes is over 1000");
    EXPECT_EQ(eligible(2), "p1 127.0.0.11:5432, p2 127.0.0.12:5432");
    EXPECT_EQ(table(2)->why_excluded(), "p3: not tagged zone=a");
}

/// What is logged while `task` runs.
template <typename Task>
std::string logged_during(Task task) {
    testing::internal::CaptureStderr();
    task();
    EXPECT_TRUE(daemons::log::flush(support::default_timeout));
    return testing::internal::GetCapturedStderr();
}

std::size_t count_of(const std::string& part, const std::string& text) {
    std::size_t count = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
        ++count;
    return count;
}

TEST_F(TopologyFeedTest, TellsHowManyWereRefusedOnceThatEnds) {
    answer({replica("p1", "127.0.0.11")});
    const auto log = logged_during([&] {
        TopologyFeed feed(config(), kNever, publish());
        feed.start();
        EXPECT_EQ(update(feed), "");
        table(0)->refused = 3;
        table(1)->refused = 1;  // it has been told already, by who refused it
        answer({leader("p1", "127.0.0.11"), replica("p2", "127.0.0.12")});
        EXPECT_EQ(update(feed), "");
        EXPECT_EQ(eligible(0), "p1 127.0.0.11:5432");
        EXPECT_EQ(table(0)->refused, 0U);
    });
    EXPECT_EQ(count_of("were refused", log), 1U) << log;
    EXPECT_THAT(log, HasSubstr("main/rw: 3 clients were refused while no backends were available"));
}

TEST_F(TopologyFeedTest, LogsEachChangeOnce) {
    const auto log = logged_during([&] {
        TopologyFeed feed(config(), kNever, publish());
        feed.start();
        for (int i = 0; i < 3; ++i)
            EXPECT_EQ(update(feed), "");
        patroni_.answer("/cluster", {.status = 503});
        for (int i = 0; i < 3; ++i)
            EXPECT_NE(update(feed), "");
    });
    EXPECT_EQ(count_of("main: p1 leader running, p2 replica streaming", log), 1U) << log;
    EXPECT_EQ(count_of("main: p1 leads: leader", log), 1U) << log;
    EXPECT_EQ(count_of("; what is known stays in force", log), 1U) << log;
}

TEST_F(TopologyFeedTest, WarnsOnceOfALeaderThatIsOneByClusterAlone) {
    ClusterJson json;
    json.member(leader("p1", "127.0.0.11"));  // without an api_url
    patroni_.answer_cluster(json.str());
    const auto log = logged_during([&] {
        TopologyFeed feed(config(), kNever, publish());
        feed.start();
        for (int i = 0; i < 3; ++i)
            EXPECT_EQ(update(feed), "");
        EXPECT_EQ(eligible(0), "p1 127.0.0.11:5432");
    });
    EXPECT_EQ(count_of("p1 is leader by /cluster alone", log), 1U) << log;
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
