#include "patroni/verdict/last_good.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace patroni {
namespace {

using testing::ElementsAre;

Member member_of(const std::string& name, const std::string& role, const std::string& state) {
    Member member;
    member.name = name;
    member.role_name = role;
    member.role = role_from(role);
    member.state_name = state;
    member.state = state_from(state);
    member.host = "10.0.0.1";
    member.port = 5432;
    member.api_url = "http://" + name + ":8008/patroni";
    return member;
}

SnapshotPtr snapshot_of(std::vector<Member> members, std::size_t nameless = 0) {
    ClusterSnapshot snapshot;
    snapshot.members = std::move(members);
    snapshot.nameless = nameless;
    return std::make_shared<const ClusterSnapshot>(std::move(snapshot));
}

class LastGoodTest : public testing::Test {
  protected:
    /// "p1 leader running, p2 ...", those from memory with a star.
    std::string text_after(const SnapshotPtr& answer) {
        snapshot_ = with_last_good(answer, snapshot_.get());
        std::string text;
        for (const auto& member : snapshot_->members)
            text.append(text.empty() ? "" : ", ")
                .append(member.name + " " + member.role_name + " " + member.state_name +
                        (member.remembered ? "*" : ""));
        return text;
    }

    Member p1_ = member_of("p1", "leader", "running");
    Member p2_ = member_of("p2", "replica", "streaming");
    SnapshotPtr snapshot_ = snapshot_of({p1_, p2_});
};

TEST_F(LastGoodTest, AnAnswerThatCanBeReadIsTakenAsItIs) {
    const auto answer = snapshot_of({member_of("p1", "replica", "stopped")});
    EXPECT_EQ(with_last_good(answer, snapshot_.get()), answer);
    EXPECT_EQ(with_last_good(answer, nullptr), answer);
}

TEST_F(LastGoodTest, AnEntryWithoutARoleOrStateThatIsKnownChangesNothing) {
    for (const auto& [role, state, words] :
         std::vector<std::tuple<std::string, std::string, std::string>>{
             {"chief", "stopped", "its role is 'chief'"},
             {"", "running", "its role is missing"},
             {"replica", "flying", "its state is 'flying'"},
             {"", "", "its role is missing, its state is missing"}}) {
        EXPECT_EQ(text_after(snapshot_of({member_of("p1", role, state), p2_})),
                  "p1 leader running*, p2 replica streaming");
        EXPECT_THAT(
            snapshot_->warnings,
            ElementsAre("p1: " + words + " in Patroni's answer; keeping its last known entry"));
    }
    // For as long as it cannot be read, and not a moment longer.
    EXPECT_EQ(text_after(snapshot_of({member_of("p1", "replica", "stopped"), p2_})),
              "p1 replica stopped, p2 replica streaming");
    EXPECT_TRUE(snapshot_->warnings.empty());
}

TEST_F(LastGoodTest, MembersThatAreNotNamedDoNotAddUp) {
    for (int poll = 0; poll < 5; ++poll) {
        std::vector<Member> members{p1_};
        for (std::size_t i = 0; i + 2 < kMostMembers; ++i)
            members.push_back(
                member_of(std::to_string(poll) + "-" + std::to_string(i), "replica", "streaming"));
        (void)text_after(snapshot_of(std::move(members), 1));
        EXPECT_LE(snapshot_->members.size(), kMostMembers);
    }
}

TEST_F(LastGoodTest, OfANewMemberNothingIsKnown) {
    EXPECT_EQ(text_after(snapshot_of({p1_, member_of("p3", "chief", "flying")})),
              "p1 leader running, p3 chief flying");
    EXPECT_TRUE(snapshot_->warnings.empty());
}

TEST_F(LastGoodTest, ARememberedLeaderGivesWayToAReportedOne) {
    EXPECT_EQ(text_after(snapshot_of(
                  {member_of("p1", "chief", "running"), member_of("p2", "leader", "running")})),
              "p1 leader running*, p2 leader running");
    EXPECT_EQ(snapshot_->members[0].role, Role::unknown);
    EXPECT_EQ(snapshot_->members[1].role, Role::leader);
}

TEST_F(LastGoodTest, WhereAMemberIsStaysWhereItCannotBeRead) {
    Member lost = member_of("p1", "replica", "stopped");
    lost.host.clear();
    lost.port.reset();
    lost.api_url = "not a URL";
    EXPECT_EQ(text_after(snapshot_of({lost, p2_})), "p1 replica stopped, p2 replica streaming");
    const Member& member = snapshot_->members.front();
    EXPECT_EQ(member.host, p1_.host);
    EXPECT_EQ(member.port, p1_.port);
    EXPECT_EQ(member.api_url, p1_.api_url);
    EXPECT_TRUE(member.place_remembered);
    EXPECT_FALSE(snapshot_->members.back().place_remembered);
    EXPECT_THAT(snapshot_->warnings, ElementsAre("p1: no usable host, port, api_url in Patroni's "
                                                 "answer; keeping the last known one"));
    lost.host = "10.0.0.9";
    EXPECT_EQ(text_after(snapshot_of({lost, p2_})), "p1 replica stopped, p2 replica streaming");
    EXPECT_EQ(snapshot_->members.front().host, "10.0.0.9");
}

TEST_F(LastGoodTest, WhileAnEntryHasNoNameNobodyIsGone) {
    EXPECT_EQ(text_after(snapshot_of({p2_}, 1)), "p2 replica streaming, p1 leader running*");
    EXPECT_EQ(text_after(snapshot_of({p2_}, 1)), "p2 replica streaming, p1 leader running*");
    EXPECT_EQ(text_after(snapshot_of({p2_})), "p2 replica streaming");
}

}  // namespace
}  // namespace patroni
