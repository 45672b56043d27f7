#include "patroni_proxy/port/readiness_check.h"

#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_postgres.h"
#include "served_port.h"
#include "unit/proxy/logged.h"

namespace proxy {
namespace {

using namespace std::chrono_literals;
using support::BackendOptions;
using support::FakeBackend;
using testing::HasSubstr;
using testing::Not;

/// Two servers with a PostgreSQL each, and a check on a loop of its own.
class ReadinessCheckTest : public testing::Test {
  protected:
    static constexpr auto kInterval = 50ms;

    ~ReadinessCheckTest() override {
        loop_.stop();
        thread_.join();
    }

    FakeBackend& fake(std::size_t number) { return *fakes_[number - 1]; }
    void ask(const BackendPtr& backend, const PortPtr& port) {
        if (backend->reachability.begin_waiting())
            check_.ask(backend, port);
    }
    void watch(const BackendTablePtr& table) {
        run_on(loop_, [&] { check_.watch(port_, table); });
    }
    static void wait_for(const BackendPtr& backend, BackendState reach) {
        support::eventually([&] { return backend->reachability.state() == reach; },
                            "word of " + backend->member);
    }
    PortPtr make_port_that_minds(PortId id) {
        return PortPtr(new Port{id, "c/p", [this](const std::string& member, Trouble trouble) {
                                    EXPECT_EQ(trouble, Trouble::refused);
                                    const std::lock_guard lock(mutex_);
                                    troubles_.push_back(member);
                                }});
    }
    std::vector<std::string> troubles() {
        const std::lock_guard lock(mutex_);
        return troubles_;
    }

    std::vector<std::unique_ptr<FakeBackend>> fakes_ =
        FakeBackend::on_one_port(2, {.greeting = false, .echo = false});
    BackendPtr b1_ = backend_for(fake(1));
    BackendPtr b2_ = backend_for(fake(2));
    FakePostgres postgres1_{fake(1), FakePostgres::State::accepts};
    FakePostgres postgres2_{fake(2), FakePostgres::State::accepts};
    std::mutex mutex_;
    std::vector<std::string> troubles_;  // guarded by mutex_
    const PortPtr port_ = make_port_that_minds(1);
    std::atomic<int> chances_{0};
    net::EventLoop loop_;
    ReadinessCheck check_{loop_, [this] { ++chances_; }, kInterval};
    std::thread thread_{[this] { loop_.run(); }};
};

TEST_F(ReadinessCheckTest, ABackendIsAskedOnceForAllThatNeedIt) {
    fake(1).pause_reading();
    const PortPtr other = make_port_that_minds(2);
    for (int i = 0; i < 50; ++i) {
        check_.ask(b1_, port_);
        check_.ask(b1_, other);
    }
    fake(1).wait_for_accepted(1);
    fake(1).resume_reading();
    wait_for(b1_, BackendState::accepts);
    support::eventually([&] { return chances_ == 1; }, "those who wait to hear of it");
    EXPECT_EQ(fake(1).accepted(), 1U);
    EXPECT_TRUE(troubles().empty());
}

TEST_F(ReadinessCheckTest, AStartingBackendIsAskedTenTimesASecondHoweverManyWait) {
    postgres1_.become(FakePostgres::State::starts);
    const auto begin = support::Clock::now();
    const auto is_enough = [&] {
        const auto took = support::Clock::now() - begin;
        return took >= 550ms && (fake(1).accepted() >= 2 || took >= support::default_timeout);
    };
    std::vector<std::thread> workers;
    for (PortId worker = 1; worker <= 4; ++worker)
        workers.emplace_back([&, port = make_port_that_minds(worker)] {
            while (!is_enough()) {
                ask(b1_, port);
                std::this_thread::sleep_for(1ms);
            }
        });
    for (auto& worker : workers)
        worker.join();
    const auto accepted = fake(1).accepted();
    const auto took = support::Clock::now() - begin;
    EXPECT_LE(accepted, 2 + static_cast<std::size_t>(took / 100ms));
    EXPECT_GE(accepted, 2U);
    EXPECT_EQ(b1_->reachability.why_failing(), "b1 starts up");
    EXPECT_EQ(troubles(), (std::vector<std::string>{"b1"}));
}

TEST_F(ReadinessCheckTest, ThePaceSlowsDownWhileNobodyWaits) {
    std::optional<ReadinessCheck> check(std::in_place, loop_, [] {});  // as it is in the proxy
    postgres1_.become(FakePostgres::State::starts);
    const BackendTablePtr table = table_of({b1_});
    run_on(loop_, [&] { check->watch(port_, table); });
    check->ask(b1_, port_);
    fake(1).wait_for_accepted(3);  // at once, a quarter of a second later, half a second later
    const auto third = support::Clock::now();
    fake(1).wait_for_accepted(4);
    EXPECT_GE(support::Clock::now() - third, 800ms);
    run_on(loop_, [&] { check.reset(); });
}

TEST_F(ReadinessCheckTest, BackendsOfAPortAreCheckedWithoutClients) {
    fake(1).refuse();
    const BackendTablePtr table = table_of({b1_, b2_});
    const auto log = logged_during([&] {
        watch(table);
        wait_for(b1_, BackendState::refuses);
        wait_for(b2_, BackendState::accepts);
        fake(1).start();
        wait_for(b1_, BackendState::accepts);
        run_on(loop_, [] {});  // what it logs of that comes after it
        // Nor does it take a client to notice that a backend no longer accepts sessions.
        fake(1).refuse();
        wait_for(b1_, BackendState::refuses);
    });
    EXPECT_THAT(log, HasSubstr("c/p: b1 at " + fake(1).address() +
                               " does not accept sessions yet: Connection refused"));
    EXPECT_THAT(log, HasSubstr("c/p: b1 at " + fake(1).address() + " accepts sessions again"));
    EXPECT_THAT(log, Not(HasSubstr("b2")));
    EXPECT_EQ(troubles(), (std::vector<std::string>{"b1"}));
}

TEST_F(ReadinessCheckTest, AConnectThatHangsIsNoticed) {
    const FakeBackend silent({.name = "silent", .accept = BackendOptions::Accept::never});
    const auto hangs = backend_for(silent);
    ask(hangs, port_);
    wait_for(hangs, BackendState::hangs);
    EXPECT_EQ(hangs->reachability.why_failing(), "Connection timed out");
}

TEST_F(ReadinessCheckTest, ABackendThatTakesConnectsAndSaysNothingIsNoticed) {
    fake(1).pause_reading();  // as a server that was stopped in its tracks
    const BackendTablePtr table = table_of({b1_});
    watch(table);
    wait_for(b1_, BackendState::not_ready);
    EXPECT_EQ(b1_->reachability.why_failing(), "no answer within a second");
    fake(1).resume_reading();
    wait_for(b1_, BackendState::accepts);
}

TEST_F(ReadinessCheckTest, SparesAreCheckedWhileThePreferredAddressFails) {
    BackendTable table;
    const BackendPtr spare(new Backend{"b1", b2_->address});
    table.eligible = {b1_};
    table.spares = {spare};
    watch(std::make_shared<const BackendTable>(table));
    wait_for(b1_, BackendState::accepts);
    fake(1).wait_for_accepted(3);
    EXPECT_EQ(spare->reachability.state(), BackendState::unknown);
    EXPECT_EQ(fake(2).accepted(), 0U);
    fake(1).refuse();
    b1_->reachability.note_failure(BackendState::refuses, "a session met it");
    check_.ask(b1_, port_);
    wait_for(spare, BackendState::accepts);
}

TEST_F(ReadinessCheckTest, GoesOnWhenOneOfTwoPortsIsRemoved) {
    postgres1_.become(FakePostgres::State::starts);
    const BackendTablePtr table = table_of({b1_});
    const auto other = make_port_that_minds(2);
    run_on(loop_, [&] {
        check_.watch(port_, table);
        check_.watch(other, table);
    });
    fake(1).wait_for_accepted(1);
    run_on(loop_, [&] { check_.forget(port_->id); });
    postgres1_.become(FakePostgres::State::accepts);
    wait_for(b1_, BackendState::accepts);
}

TEST_F(ReadinessCheckTest, ARemovedPortIsLetGoAtOnce) {
    const BackendTablePtr table = table_of({b1_, b2_});
    const auto removed = make_port_that_minds(2);
    watch(table);
    check_.ask(b1_, removed);
    wait_for(b1_, BackendState::accepts);
    run_on(loop_, [&] { check_.forget(removed->id); });
    EXPECT_EQ(removed.use_count(), 1) << "while it is held it may be called";
    run_on(loop_, [&] { check_.forget(port_->id); });
    support::eventually([&] { return port_.use_count() == 1; }, "the check to let go of its port");
}

TEST_F(ReadinessCheckTest, ABackendThatNoPortMayUseIsNoLongerAsked) {
    postgres1_.become(FakePostgres::State::starts);
    const BackendTablePtr table = table_of({b1_});
    watch(table);
    wait_for(b1_, BackendState::not_ready);
    run_on(loop_, [&] { check_.forget(port_->id); });
    support::eventually([&] { return b1_.use_count() == 2; }, "the check to let go of b1");
}

}  // namespace
}  // namespace proxy
