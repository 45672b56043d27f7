#include "patroni_agent/reply/agent_policy.h"

#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace agent {
namespace {

using namespace std::chrono_literals;
using patroni::Standing;
using testing::HasSubstr;

constexpr Profile kProfile{
    .ineligible = ServerState::down, .unknown = ServerState::drain, .stale_after = 5s};

patroni::Verdict verdict(Standing standing) {
    patroni::Member member;
    member.name = "p1";
    return {std::make_shared<const patroni::Member>(member), standing, "so it is"};
}

TEST(AgentPolicyTest, EveryStandingAtEveryAge) {
    struct {
        Standing standing;
        std::chrono::milliseconds age;
        ServerState state;
        const char* reason;
    } const cases[] = {
        {Standing::eligible, 0ms, ServerState::ready, "p1: so it is"},
        {Standing::eligible, 5s, ServerState::ready, "p1: so it is"},
        {Standing::eligible, 5s + 1ms, ServerState::drain, "p1: unconfirmed for 5 s, was so it is"},
        {Standing::eligible, 24h, ServerState::drain, "p1: unconfirmed for 1 d, was so it is"},
        {Standing::tolerated, 0ms, ServerState::drain, "p1: so it is"},
        {Standing::tolerated, 5s, ServerState::drain, "p1: so it is"},
        {Standing::tolerated, 6s, ServerState::drain, "p1: unconfirmed for 6 s, was so it is"},
        // It was out: age makes it no better.
        {Standing::out, 0ms, ServerState::down, "p1: so it is"},
        {Standing::out, 24h, ServerState::down, "p1: so it is"},
    };
    for (const auto& each : cases) {
        const auto known = verdict(each.standing);
        const Answer answer = decide(kProfile, {.verdict = &known, .age = each.age});
        EXPECT_EQ(answer.state, each.state) << each.reason << each.age.count();
        EXPECT_EQ(answer.reason, each.reason);
    }
}

TEST(AgentPolicyTest, WithoutAVerdictTheWordIsTheOneForUnknown) {
    const Answer answer = decide(kProfile, {.why_no_verdict = "Patroni has not answered yet"});
    EXPECT_EQ(answer.state, ServerState::drain);
    EXPECT_EQ(answer.reason, "Patroni has not answered yet");
}

TEST(AgentPolicyTest, MaintenanceWinsOverEverything) {
    for (const auto standing : {Standing::eligible, Standing::tolerated, Standing::out})
        for (const auto age : {0ms, 60'000ms}) {
            const auto known = verdict(standing);
            const Answer answer =
                decide(kProfile, {.verdict = &known, .age = age, .maintenance = true});
            EXPECT_EQ(answer.state, ServerState::maint);
            EXPECT_THAT(answer.reason, HasSubstr("maintenance"));
        }
    EXPECT_EQ(decide(kProfile, {.maintenance = true}).state, ServerState::maint);
}

TEST(AgentPolicyTest, OnlyAnEligibleMemberThatIsKnownNowIsEverReady) {
    for (const auto word : {ServerState::maint, ServerState::drain, ServerState::down}) {
        const Profile profile{.ineligible = word, .unknown = word, .stale_after = 5s};
        for (const auto standing : {Standing::eligible, Standing::tolerated, Standing::out})
            for (const auto age : {0ms, 5'001ms})
                for (const bool maintenance : {false, true}) {
                    const auto known = verdict(standing);
                    const auto answer = decide(
                        profile, {.verdict = &known, .age = age, .maintenance = maintenance});
                    EXPECT_EQ(answer.state == ServerState::ready,
                              standing == Standing::eligible && age == 0ms && !maintenance);
                }
    }
}

TEST(AgentPolicyTest, ByDefaultWhatIsNotReadyIsOutOfUse) {
    const Profile profile;
    EXPECT_EQ(profile.ineligible, ServerState::maint);
    EXPECT_EQ(profile.unknown, ServerState::maint);
    EXPECT_EQ(profile.stale_after, 5s);
}

}  // namespace
}  // namespace agent
