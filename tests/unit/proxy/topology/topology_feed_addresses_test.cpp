#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "topology_feed_fixture.h"

namespace proxy {
namespace {

using namespace std::chrono_literals;
using patroni::Resolver;

/// Resolves the names that a test sets, and fails for every other.
class FakeNames {
  public:
    void answer(const std::string& host, Resolver::Addresses addresses) {
        const std::lock_guard lock(state_->mutex);
        state_->addresses[host] = std::move(addresses);
    }
    void forget(const std::string& host) {
        const std::lock_guard lock(state_->mutex);
        state_->addresses.erase(host);
    }
    /// Every call looks them up again.
    [[nodiscard]] TopologyFeed::ResolverPtr resolver() const {
        const auto lookup = [state = state_](
                                const std::string& host,
                                Resolver::Family) -> patroni::Result<Resolver::Addresses> {
            const std::lock_guard lock(state->mutex);
            const auto found = state->addresses.find(host);
            if (found == state->addresses.end())
                return patroni::Failure{"Name or service not known"};
            return found->second;
        };
        return std::make_shared<Resolver>(lookup, 0ms);
    }

  private:
    struct State {
        std::mutex mutex;
        std::map<std::string, Resolver::Addresses> addresses;
    };
    std::shared_ptr<State> state_ = std::make_shared<State>();
};

class FeedAddressesTest : public TopologyFeedTest {
  protected:
    FeedAddressesTest() {
        names_.answer("pg1", {"127.0.0.11", "127.0.0.21"});
        answer({leader("p1", "pg1"), replica("p2", "127.0.0.12")});
    }
    void start() {
        feed_ = std::make_unique<TopologyFeed>(settings(config(), kNever), publish(),
                                               names_.resolver());
        feed_->start();
        ask();
    }
    void ask() { EXPECT_EQ(update(*feed_), ""); }
    std::string spares(PortId port) { return text_of(table(port)->spares); }

    FakeNames names_;
    std::unique_ptr<TopologyFeed> feed_;
};

TEST_F(FeedAddressesTest, FurtherAddressesOfANameAreSpares) {
    start();
    EXPECT_EQ(eligible(0), "p1 127.0.0.11:5432");
    EXPECT_EQ(spares(0), "p1 127.0.0.21:5432");
    EXPECT_EQ(spares(1), "") << "p2 has one address";
}

TEST_F(FeedAddressesTest, ANameThatIsAnsweredInAnotherOrderChangesNothing) {
    start();
    const auto before = table(0);
    names_.answer("pg1", {"127.0.0.21", "127.0.0.11"});
    ask();
    EXPECT_EQ(table(0), before);
}

TEST_F(FeedAddressesTest, AnotherAddressEndsSessionsByTheSecondAnswer) {
    start();
    const auto before = table(0)->eligible.front();
    names_.answer("pg1", {"127.0.0.31"});
    ask();
    EXPECT_EQ(eligible(0), "p1 127.0.0.31:5432");
    EXPECT_TRUE(table(0)->keeps_sessions_of(before.get()));
    // The table is published as soon as an answer is late enough.
    const auto deadline = std::chrono::steady_clock::now() + support::default_timeout;
    while (table(0)->keeps_sessions_of(before.get()) && std::chrono::steady_clock::now() < deadline)
        ask();
    EXPECT_EQ(table(0)->why_ended(*before, ServedBy::roles),
              "it is at 127.0.0.31:5432 now, and no longer at 127.0.0.11:5432");
}

TEST_F(FeedAddressesTest, AnotherHostIsAskedForASecondTimeSoon) {
    start();
    const auto before = table(0)->eligible.front();
    answer({leader("p1", "127.0.0.31"), replica("p2", "127.0.0.12")});
    ask();
    EXPECT_EQ(eligible(0), "p1 127.0.0.31:5432");
    EXPECT_TRUE(table(0)->keeps_sessions_of(before.get()));
    wait_for(
        0, [&](const BackendTable& table) { return !table.keeps_sessions_of(before.get()); },
        "the old address to be left");
}

TEST_F(FeedAddressesTest, WhatCannotBeFoundChangesNothing) {
    start();
    const auto before = table(0);
    const auto unreadable = [&](support::ClusterMember member) {
        answer({std::move(member), replica("p2", "127.0.0.12")});
        ask();
        EXPECT_EQ(table(0), before);
    };
    names_.forget("pg1");
    ask();
    EXPECT_EQ(table(0), before);
    names_.answer("pg1", {"127.0.0.11", "127.0.0.21"});
    unreadable(leader("p1", "nowhere.invalid"));
    unreadable(leader("p1", ""));
    auto silent = leader("p1", "pg1");
    silent.host.reset();
    unreadable(silent);
    silent.port.reset();
    unreadable(silent);
}

}  // namespace
}  // namespace proxy
