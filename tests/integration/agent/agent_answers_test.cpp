// What the built agent answers HAProxy.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent_under_test.h"

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

namespace {

TEST(AgentAnswers, SeveralListenersFollowTheRoles) {
    FakeCluster cluster(2);
    AgentUnderTest agent(
        agent_config(cluster, {listener("w1", "roles: [leader], member: b1"),
                               listener("w2", "roles: [leader], member: b2"),
                               listener("r2", "roles: [replica], member: b2, ineligible: down")}),
        3);
    for (const char* line : {"w1: READY UP", "w2: MAINT DOWN", "r2: READY UP"})
        agent.daemon().wait_for_line(line);
    EXPECT_EQ(agent.ask("w1"), "READY UP # b1: leader\n");
    EXPECT_THAT(agent.ask("w2"), StartsWith("MAINT DOWN # b2: "));
    EXPECT_THAT(agent.ask("r2"), StartsWith("READY UP # b2: "));

    const std::size_t before = agent.daemon().mark();
    cluster.lead_by(1);
    for (const char* line : {"w1: MAINT DOWN", "w2: READY UP", "r2: READY DOWN"})
        agent.daemon().wait_for_line(line, before);
    EXPECT_THAT(agent.ask("w1"), StartsWith("MAINT DOWN # b1: "));
    EXPECT_EQ(agent.ask("w2"), "READY UP # b2: leader\n");
    EXPECT_THAT(agent.ask("r2"), StartsWith("READY DOWN # b2: "));
}

TEST(AgentAnswers, ByRequest) {
    FakeCluster cluster(2);
    AgentUnderTest agent(agent_config(cluster, {listener("asked", "by_request: true"),
                                                listener("w", "roles: [leader]")}),
                         2);
    agent.daemon().wait_for_line("w: READY UP");
    EXPECT_EQ(agent.ask("asked", "c/b1/leader\n"), "READY UP # b1: leader\n");
    EXPECT_THAT(agent.ask("asked", "c/b2/leader\n"), StartsWith("MAINT DOWN # b2: "));
    EXPECT_THAT(agent.ask("asked", "c/b2/REPLICA\r\n"), StartsWith("READY UP # b2: "));
    EXPECT_EQ(agent.ask("asked", "d/b1/leader\n"), "MAINT DOWN # no such cluster: d\n");
    agent.daemon().wait_for_line("asked: asked for 'd/b1/leader': no such cluster: d");
    EXPECT_EQ(agent.ask("asked", "c/b9/leader\n"), "MAINT DOWN # b9: not in Patroni's answer\n");
    for (const std::string request :
         {"c/b1/master\n", "b1/leader\n", "\n", "c/b1\n", "?\x01\xff\n"})
        EXPECT_THAT(agent.ask("asked", request), StartsWith("MAINT DOWN # ")) << request;
    EXPECT_THAT(agent.ask("asked", std::string(10'000, 'x')), StartsWith("MAINT DOWN # "));
}

TEST(AgentAnswers, ARequestWithoutItsLineBreakIsUnknownAndTold) {
    FakeCluster cluster(1);
    AgentUnderTest agent(
        agent_config(cluster, {listener("asked", "by_request: true, unknown: drain"),
                               listener("w", "roles: [leader]")}),
        2);
    agent.daemon().wait_for_line("w: READY UP");
    EXPECT_EQ(agent.ask("asked", "c/b1/leader"),
              R"(DRAIN UP # a request ends with a line break (agent-send "CLUSTER/MEMBER/ROLE\n"))"
              "\n");
    agent.daemon().wait_for_line(
        "asked: asked for 'c/b1/leader': a request ends with a line break");
}

TEST(AgentAnswers, PatroniGoneFromTheStart) {
    FakeCluster cluster(1);
    cluster.patronis[0]->stop();
    AgentUnderTest agent(
        agent_config(cluster, {listener("w", "roles: [leader], stale_after: 2s"),
                               listener("asked", "by_request: true, stale_after: 2s")}),
        2);
    // HAProxy keeps what the agent before this one said, for as long as that may be true.
    EXPECT_EQ(agent.ask("w"), "");
    EXPECT_EQ(agent.ask("asked", "c/b1/leader\n"), "");
    agent.daemon().wait_for_line("w: MAINT DOWN # Patroni has not answered yet");
    EXPECT_EQ(agent.ask("w"), "MAINT DOWN # Patroni has not answered yet\n");
    EXPECT_THAT(agent.ask("asked", "c/b1/leader\n"), StartsWith("MAINT DOWN # "));
    EXPECT_THAT(agent.daemon().output(), Not(HasSubstr("READY")));
    cluster.patronis[0]->start();
    agent.daemon().wait_for_line("w: READY UP # b1: leader");
    EXPECT_EQ(agent.ask("w"), "READY UP # b1: leader\n");
}

TEST(AgentAnswers, PatroniSilentKeepsTheVerdictUntilItIsStale) {
    FakeCluster cluster(1);
    AgentUnderTest agent(
        agent_config(cluster, {listener("w", "roles: [leader], stale_after: 2s, unknown: down")}));
    agent.daemon().wait_for_line("w: READY UP");
    cluster.patronis[0]->stop();
    const auto silent_since = std::chrono::steady_clock::now();
    const std::size_t before = agent.daemon().mark();
    agent.daemon().wait_for_line("connection refused", before);
    // Its self-report is missing, so it gets no new sessions and keeps those it has.
    agent.daemon().wait_for_line("w: DRAIN UP # b1: leader by /cluster alone", before);
    agent.daemon().wait_for_line("w: READY DOWN # b1: unconfirmed for 2 s", before);
    EXPECT_GE(std::chrono::steady_clock::now() - silent_since, std::chrono::milliseconds(1'800));
    EXPECT_THAT(agent.ask("w"), StartsWith("READY DOWN # b1: unconfirmed for "));
    cluster.patronis[0]->start();
    agent.daemon().wait_for_line("w: READY UP", before);
}

TEST(AgentAnswers, ALeaderWhoseApiCannotBeReachedIsTold) {
    FakeCluster cluster(2);
    AgentUnderTest agent(agent_config(cluster, {listener("asked", "by_request: true")}));
    support::eventually(
        [&] { return agent.ask("asked", "c/b2/replica\n").starts_with("READY UP"); }, "an answer");
    // The one that is not among the hosts.
    cluster.patronis[1]->stop();
    cluster.lead_by(1);
    agent.daemon().wait_for_line("c: b2 is leader by /cluster alone: ");
    EXPECT_THAT(agent.ask("asked", "c/b2/leader\n"), StartsWith("DRAIN UP # b2: "));
}

TEST(AgentAnswers, PatroniThatNeverAnswersIsSilentToo) {
    FakeCluster cluster(1);
    AgentUnderTest agent(
        agent_config(cluster, {listener("w", "roles: [leader], stale_after: 1s")}));
    agent.daemon().wait_for_line("w: READY UP");
    const std::size_t before = agent.daemon().mark();
    for (const char* path : {"/cluster", "/primary"})
        cluster.patronis[0]->answer(path, {.fault = support::Fault::stall});
    agent.daemon().wait_for_line("w: MAINT DOWN # b1: unconfirmed for", before);
    EXPECT_THAT(agent.ask("w"), StartsWith("MAINT DOWN # b1: unconfirmed for "));
}

TEST(AgentAnswers, PatroniThatLies) {
    FakeCluster cluster(2);
    // 200 comes before promotion has finished.
    cluster.answer_primary(0, 200, "replica");
    AgentUnderTest agent(agent_config(cluster, {listener("w", "roles: [leader]"),
                                                listener("asked", "by_request: true")}),
                         2);
    agent.daemon().wait_for_line("w: MAINT DOWN");
    for (std::size_t i = 1; i <= 10; ++i) {
        cluster.patronis[0]->wait_for_requests("/primary", i);
        EXPECT_THAT(agent.ask("w"), StartsWith("MAINT DOWN # "));
        EXPECT_THAT(agent.ask("asked", "c/b1/leader\n"), StartsWith("MAINT DOWN # "));
    }
    EXPECT_THAT(agent.daemon().output(), Not(HasSubstr("READY")));
    cluster.answer_primary(0, 200, "primary");
    agent.daemon().wait_for_line("w: READY UP");
}

TEST(AgentAnswers, SilentClientsDoNotKeepOthersWaiting) {
    FakeCluster cluster(1);
    AgentUnderTest agent(agent_config(cluster, {listener("w", "roles: [leader]"),
                                                listener("asked", "by_request: true")}),
                         2);
    agent.daemon().wait_for_line("w: READY UP");
    std::vector<support::TestClient> silent;
    for (int i = 0; i < 500; ++i)
        silent.emplace_back("127.0.0.1", agent.port("asked"));
    EXPECT_EQ(agent.ask("asked", "c/b1/leader\n"), "READY UP # b1: leader\n");
    EXPECT_EQ(agent.ask("w"), "READY UP # b1: leader\n");
}

}  // namespace
