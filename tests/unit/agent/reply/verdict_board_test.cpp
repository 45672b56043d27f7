#include "patroni_agent/reply/verdict_board.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace agent {
namespace {

using namespace std::chrono_literals;
using patroni::RequestedRole;
using patroni::Standing;
using testing::HasSubstr;

const patroni::Clock::time_point kStart{1h};

patroni::Member member(const std::string& name, const std::string& role) {
    patroni::Member member;
    member.name = name;
    member.role_name = role;
    member.role = patroni::role_from(role);
    member.state_name = "running";
    member.state = patroni::State::running;
    member.host = "10.0.0.1";
    member.port = 5432;
    member.timeline = 1;
    return member;
}

/// p1 leads, as was confirmed at `confirmed`; p2 follows.
patroni::ClusterView view(patroni::Clock::time_point answered,
                          patroni::Clock::time_point confirmed) {
    patroni::ClusterSnapshot snapshot;
    snapshot.members = {member("p1", "leader"), member("p2", "replica")};
    patroni::ClusterView view;
    view.leader = {"p1", Standing::eligible, "leader", snapshot.members[0], confirmed};
    view.snapshot = std::make_shared<const patroni::ClusterSnapshot>(std::move(snapshot));
    view.answered_at = answered;
    return view;
}

/// Of a listener for one role.
VerdictBoard board_for(RequestedRole role) {
    return {{.roles = {role}}, false};
}

TEST(VerdictBoardTest, KnowsNothingBeforeTheFirstAnswer) {
    VerdictBoard board = board_for(RequestedRole::leader);
    EXPECT_EQ(board.knowledge_of("p1", std::nullopt, kStart).verdict, nullptr);
    board.judge({});  // a view without an answer of /cluster
    const auto knowledge = board.knowledge_of("p1", std::nullopt, kStart);
    EXPECT_EQ(knowledge.verdict, nullptr);
    EXPECT_EQ(knowledge.why_no_verdict, "Patroni has not answered yet");
}

TEST(VerdictBoardTest, TellsOfEachMember) {
    VerdictBoard board = board_for(RequestedRole::leader);
    board.judge(view(kStart, kStart));
    const auto leader = board.knowledge_of("p1", std::nullopt, kStart);
    ASSERT_NE(leader.verdict, nullptr);
    EXPECT_EQ(leader.verdict->standing, Standing::eligible);
    const auto replica = board.knowledge_of("p2", std::nullopt, kStart);
    ASSERT_NE(replica.verdict, nullptr);
    EXPECT_EQ(replica.verdict->standing, Standing::out);
}

TEST(VerdictBoardTest, AMemberThatPatroniDoesNotNameIsNotKnown) {
    VerdictBoard board = board_for(RequestedRole::leader);
    board.judge(view(kStart, kStart));
    for (const std::string name : {"p9", "", "P1", "p1 "}) {
        const auto knowledge = board.knowledge_of(name, std::nullopt, kStart);
        EXPECT_EQ(knowledge.verdict, nullptr) << name;
        EXPECT_THAT(knowledge.why_no_verdict, HasSubstr("not in Patroni's answer"));
    }
}

TEST(VerdictBoardTest, AgeIsOfTheLeadersProofAndOfTheOthersAnswer) {
    VerdictBoard board = board_for(RequestedRole::leader);
    board.judge(view(kStart + 3s, kStart + 1s));
    EXPECT_EQ(board.knowledge_of("p1", std::nullopt, kStart + 10s).age, 9s);
    EXPECT_EQ(board.knowledge_of("p2", std::nullopt, kStart + 10s).age, 7s);
}

TEST(VerdictBoardTest, ANewViewReplacesTheOneBefore) {
    VerdictBoard board = board_for(RequestedRole::leader);
    board.judge(view(kStart, kStart));
    auto later = view(kStart + 1s, {});
    later.leader = {};
    patroni::ClusterSnapshot snapshot;
    snapshot.members = {member("p2", "replica")};
    later.snapshot = std::make_shared<const patroni::ClusterSnapshot>(std::move(snapshot));
    board.judge(later);
    const auto gone = board.knowledge_of("p1", std::nullopt, kStart + 1s);
    if (gone.verdict) {
        EXPECT_NE(gone.verdict->standing, Standing::eligible);
    }
    EXPECT_EQ(board.knowledge_of("p2", std::nullopt, kStart + 3s).age, 2s);
}

TEST(VerdictBoardTest, ByRequestEveryRoleIsJudged) {
    VerdictBoard board({}, true);
    board.judge(view(kStart, kStart));
    const auto standing = [&](const std::string& name, RequestedRole role) {
        return board.knowledge_of(name, role, kStart).verdict->standing;
    };
    EXPECT_EQ(standing("p1", RequestedRole::leader), Standing::eligible);
    EXPECT_EQ(standing("p2", RequestedRole::leader), Standing::out);
    EXPECT_EQ(standing("p1", RequestedRole::replica), Standing::out);
    EXPECT_EQ(standing("p2", RequestedRole::replica), Standing::eligible);
    EXPECT_EQ(standing("p2", RequestedRole::async), Standing::eligible);
    EXPECT_EQ(standing("p2", RequestedRole::sync), Standing::out);
    for (const std::string name : {"p1", "p2"}) {
        EXPECT_EQ(standing(name, RequestedRole::any), Standing::eligible);
        EXPECT_EQ(standing(name, RequestedRole::standby_leader), Standing::out);
        EXPECT_EQ(standing(name, RequestedRole::quorum), Standing::out);
    }
}

}  // namespace
}  // namespace agent
