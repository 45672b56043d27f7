#include "patroni/watch/member_probe.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/fakes/fake_patroni.h"
#include "support/wait.h"
#include "unit/patroni/patience.h"

namespace patroni {
namespace {

using namespace std::chrono_literals;
using support::FakePatroni;
using support::Fault;
using testing::HasSubstr;

/// Keeps replies as text, from the probe's thread to the test's.
class Replies {
  public:
    MemberProbe::OnReply callback() {
        return [this](const Result<HttpReply>& reply) {
            const std::lock_guard lock(mutex_);
            texts_.push_back(reply ? std::to_string(reply.value().status) + " " + reply.value().body
                                   : reply.reason());
            changed_.notify_all();
        };
    }
    std::vector<std::string> wait_for(std::size_t n) {
        std::unique_lock lock(mutex_);
        support::wait_until(
            lock, changed_, support::default_timeout, [&] { return texts_.size() >= n; },
            std::to_string(n) + " replies", [&] { return std::to_string(texts_.size()); });
        return texts_;
    }
    std::vector<std::string> now() {
        const std::lock_guard lock(mutex_);
        return texts_;
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::string> texts_;
};

class MemberProbeTest : public testing::Test {
  protected:
    [[nodiscard]] Endpoint endpoint() const { return Endpoint::parse(patroni_.url()).value(); }

    FakePatroni patroni_;
    Replies replies_;
};

TEST_F(MemberProbeTest, AsksAndTellsTheReply) {
    patroni_.answer("/primary", {.status = 503, .body = "{}"});
    MemberProbe probe(kPatient, {});
    probe.ask(endpoint(), "/primary", replies_.callback());
    EXPECT_EQ(replies_.wait_for(1).at(0), "503 {}");
}

TEST_F(MemberProbeTest, AsksOneAfterTheOtherInTheOrderGiven) {
    MemberProbe probe(kPatient, {});
    std::vector<std::string> expected;
    for (int i = 0; i < 20; ++i) {
        const std::string path = "/" + std::to_string(i);
        patroni_.answer(path, {.body = std::to_string(i)});
        expected.push_back("200 " + std::to_string(i));
    }
    for (int i = 0; i < 20; ++i)
        probe.ask(endpoint(), "/" + std::to_string(i), replies_.callback());
    EXPECT_EQ(replies_.wait_for(20), expected);
    EXPECT_EQ(patroni_.max_concurrent(), 1U);
    patroni_.wait_for_open_connections(0);
}

TEST_F(MemberProbeTest, AFailureIsAReplyAndTheNextQuestionIsAskedAllTheSame) {
    patroni_.stop();
    MemberProbe probe(kPatient, {});
    probe.ask(endpoint(), "/primary", replies_.callback());
    EXPECT_THAT(replies_.wait_for(1).at(0), HasSubstr("connection refused"));
    patroni_.start();
    patroni_.answer("/primary", {.body = "{}"});
    probe.ask(endpoint(), "/primary", replies_.callback());
    EXPECT_EQ(replies_.wait_for(2).at(1), "200 {}");
}

TEST_F(MemberProbeTest, ItsEndEndsTheRequestUnderWayAndDropsTheOthers) {
    patroni_.answer("/stalled", {.fault = Fault::stall});
    const auto start = support::Clock::now();
    {
        MemberProbe probe(kPatient, {});
        probe.ask(endpoint(), "/stalled", replies_.callback());
        probe.ask(endpoint(), "/later", replies_.callback());
        patroni_.wait_for_requests("/stalled", 1);
    }
    EXPECT_LT(support::Clock::now() - start, kSoon);
    EXPECT_LE(replies_.now().size(), 1U);
    EXPECT_EQ(patroni_.requests("/later"), 0U);
    patroni_.wait_for_open_connections(0);
}

TEST_F(MemberProbeTest, MayEndWithoutHavingBeenAsked) {
    const MemberProbe probe(kPatient, {});
}

}  // namespace
}  // namespace patroni
