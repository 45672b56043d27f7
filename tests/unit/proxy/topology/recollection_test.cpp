#include "patroni_proxy/topology/recollection.h"

#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace proxy {
namespace {

using namespace std::chrono_literals;
using patroni::Standing;
using testing::HasSubstr;

const patroni::Clock::time_point kNow{1h};
const patroni::Result<patroni::HttpReply> kSilence = patroni::Failure{"connection refused"};

patroni::Result<patroni::HttpReply> reply(int status, const std::string& role,
                                          const std::string& more = {}) {
    return patroni::HttpReply{status, "",
                              R"({"state": "running", "role": ")" + role + "\"" + more + "}"};
}
const auto kProof = reply(200, "primary");
const auto kDenial = reply(503, "replica");
const patroni::Result<patroni::HttpReply> kUnasked =
    patroni::HttpReply{200, "", R"({"state": "unknown", "role": "primary"})"};

patroni::Member member(const std::string& name, patroni::Role role) {
    patroni::Member member;
    member.name = name;
    member.role = role;
    member.state = patroni::State::running;
    member.api_url = "http://" + name + ":8008/patroni";
    return member;
}

ClusterMemory memory_of(patroni::Clock::duration age) {
    patroni::ClusterSnapshot snapshot;
    snapshot.members = {member("p1", patroni::Role::leader), member("p2", patroni::Role::replica)};
    ClusterMemory memory;
    memory.cluster = "main";
    memory.hosts = {"http://10.0.0.1:8008", "http://10.0.0.2:8008"};
    memory.identity = {"main", "111"};
    memory.snapshot = std::make_shared<const patroni::ClusterSnapshot>(snapshot);
    memory.leader = "p1";
    memory.answered_at = memory.confirmed_at = kNow - age;
    memory.as_of = "noon";
    return memory;
}

Standing leader_at(const Recollection& recollection, patroni::Clock::time_point now = kNow) {
    return recollection.view_at(now).leader.standing;
}

TEST(RecollectionTest, ALeaderIsBelievedOnceItsOwnApiHasBeenAsked) {
    Recollection recollection(memory_of(10s), 5min);
    EXPECT_EQ(leader_at(recollection), Standing::out);
    EXPECT_THAT(recollection.view_at(kNow).leader.reason, HasSubstr("has not been asked yet"));
    EXPECT_EQ(recollection.leader_api()->url(), "http://p1:8008");
    recollection.note(kNow, kSilence);
    EXPECT_EQ(leader_at(recollection), Standing::eligible);
    EXPECT_TRUE(recollection.view_at(kNow).leader.api_is_silent);
}

TEST(RecollectionTest, APatroniThatCannotAskItsPostgresIsAsGoodAsSilent) {
    Recollection recollection(memory_of(10s), 5min);
    recollection.note(kNow, kUnasked);
    EXPECT_EQ(leader_at(recollection), Standing::eligible);
    EXPECT_TRUE(recollection.view_at(kNow).leader.api_is_silent);
    recollection.note(kNow, kDenial);
    recollection.note(kNow, kUnasked);
    EXPECT_EQ(leader_at(recollection), Standing::out) << "it takes nothing back";
}

TEST(RecollectionTest, ALeaderIsBelievedNoLongerThanItsLockLasts) {
    Recollection recollection(memory_of(10s), 5min);
    recollection.note(kNow, kSilence);
    EXPECT_EQ(leader_at(recollection, kNow + 20s), Standing::eligible);
    EXPECT_EQ(leader_at(recollection, kNow + 21s), Standing::tolerated) << "sessions stay";
    recollection.note(kNow + 1min, kProof);
    EXPECT_EQ(leader_at(recollection, kNow + 90s), Standing::eligible) << "it says so itself";
    EXPECT_EQ(leader_at(recollection, kNow + 91s), Standing::tolerated);
    Recollection shorter(memory_of(10s), 15s);
    shorter.note(kNow, kSilence);
    EXPECT_EQ(leader_at(shorter, kNow + 6s), Standing::tolerated) << "state_max_age is less";
}

TEST(RecollectionTest, ALeaderThatDeniesItselfIsOut) {
    Recollection recollection(memory_of(1s), 5min);
    for (const auto& denial : {kDenial, reply(503, "primary"), reply(200, "replica"),
                               reply(200, "primary", R"(, "patroni": {"name": "p9"})"),
                               reply(200, "primary", R"(, "database_system_identifier": "222")")}) {
        recollection.note(kNow, kProof);
        EXPECT_EQ(leader_at(recollection), Standing::eligible);
        recollection.note(kNow, denial);
        EXPECT_EQ(leader_at(recollection), Standing::out);
        recollection.note(kNow, kSilence);
        EXPECT_EQ(leader_at(recollection), Standing::out) << "silence takes nothing back";
    }
    recollection.note(kNow, patroni::HttpReply{404, "", "no Patroni"});
    EXPECT_EQ(leader_at(recollection), Standing::out);
}

TEST(RecollectionTest, WhatIsPassedOnInAnUpgradeIsBelievedUntilTheLeaderDeniesItself) {
    auto memory = memory_of(1h);
    memory.is_passed_on = true;
    memory.live_lag = {{"p2", 7}};
    Recollection recollection(memory, 5min);
    EXPECT_EQ(leader_at(recollection), Standing::eligible) << "not asked yet";
    EXPECT_TRUE(recollection.view_at(kNow).leader.api_is_silent);
    EXPECT_EQ(recollection.view_at(kNow).live_lag.at("p2"), 7U);
    recollection.note(kNow, kSilence);
    EXPECT_EQ(leader_at(recollection), Standing::eligible);
    EXPECT_THAT(recollection.view_at(kNow).warnings.at(0), HasSubstr("what the process before"));
    recollection.note(kNow, kProof);
    EXPECT_FALSE(recollection.view_at(kNow).leader.api_is_silent);
    recollection.note(kNow, kDenial);
    EXPECT_EQ(leader_at(recollection), Standing::tolerated) << "its sessions stay";
    EXPECT_TRUE(recollection.view_at(kNow).denials.contains("p1"));
    patroni::Judge judge({.roles = {patroni::RequestedRole::replica}});
    auto verdicts = judge.judge(recollection.view_at(kNow));
    recollection.narrow(verdicts, kNow);
    EXPECT_EQ(verdicts[1].standing, Standing::eligible);
}

TEST(RecollectionTest, TheFirstAnswersMustNameTheLeaderWhereItWas) {
    Recollection recollection(memory_of(1s), 5min);
    recollection.note(kNow, patroni::Failure{"connection refused"});
    patroni::ClusterView view;
    const auto with_leader = [&](const auto& change) {
        auto snapshot = *memory_of(1s).snapshot;
        change(snapshot.members.at(0));
        view.snapshot = std::make_shared<const patroni::ClusterSnapshot>(std::move(snapshot));
        return recollection.leadership_beside(view, kNow);
    };
    const auto same = with_leader([](auto&) {});
    ASSERT_TRUE(same);
    EXPECT_EQ(same->member, "p1");
    EXPECT_EQ(same->standing, Standing::eligible);
    EXPECT_FALSE(with_leader([](auto& p1) { p1.role = patroni::Role::replica; }));
    EXPECT_FALSE(with_leader([](auto& p1) { p1.host = "10.0.0.9"; }));
    EXPECT_FALSE(with_leader([](auto& p1) { p1.name = "p9"; }));
    view.self_reports["p1"].kind = patroni::SelfReport::Kind::denies;
    EXPECT_FALSE(with_leader([](auto&) {}));
    view.self_reports.clear();
    view.leader.member = "p2";
    EXPECT_FALSE(with_leader([](auto&) {})) << "another one has proved itself";
}

TEST(RecollectionTest, WithoutATrueAgeOnlyAProofCounts) {
    auto memory = memory_of(1s);
    memory.ages_are_sure = false;
    Recollection recollection(memory, 5min);
    recollection.note(kNow, kSilence);
    EXPECT_EQ(leader_at(recollection), Standing::out);
    recollection.note(kNow, kProof);
    EXPECT_EQ(leader_at(recollection), Standing::eligible);
}

TEST(RecollectionTest, AnApiThatOthersHaveTooIsNotAsked) {
    auto memory = memory_of(1s);
    auto snapshot = *memory.snapshot;
    snapshot.members[1].api_url = snapshot.members[0].api_url;
    memory.snapshot = std::make_shared<const patroni::ClusterSnapshot>(snapshot);
    EXPECT_FALSE(Recollection(memory, 5min).leader_api());
    memory.leader = "";
    EXPECT_FALSE(Recollection(memory, 5min).leader_api());
    EXPECT_EQ(leader_at(Recollection(memory, 5min)), Standing::out);
}

TEST(RecollectionTest, ReplicasAreBelievedForMaxAgeAndKeepTheirSessions) {
    const Recollection recollection(memory_of(10s), 5min);
    patroni::Judge judge({.roles = {patroni::RequestedRole::replica}});
    for (const auto& [now, standing] :
         {std::pair(kNow, Standing::eligible), std::pair(kNow + 290s, Standing::eligible),
          std::pair(kNow + 291s, Standing::tolerated)}) {
        auto verdicts = judge.judge(recollection.view_at(now));
        recollection.narrow(verdicts, now);
        ASSERT_EQ(verdicts.size(), 2U);
        EXPECT_EQ(verdicts[0].standing, Standing::out) << "the leader is no replica";
        EXPECT_EQ(verdicts[1].standing, standing);
    }
}

TEST(RecollectionTest, ItMustBeAboutTheClusterOfTheConfiguration) {
    const auto memory = memory_of(1s);
    const auto fits = [&](const std::string& host, const patroni::ClusterIdentity& stated) {
        return memory.fits({patroni::Endpoint::parse(host).value()}, stated);
    };
    EXPECT_TRUE(fits("http://10.0.0.2:8008", {}));
    EXPECT_TRUE(fits("http://10.0.0.2:8008", {"main", "111"}));
    EXPECT_FALSE(fits("http://10.0.0.9:8008", {})) << "none of its hosts";
    EXPECT_FALSE(fits("http://10.0.0.2:8008", {"other", ""}));
    EXPECT_FALSE(fits("http://10.0.0.2:8008", {"", "222"}));
}

}  // namespace
}  // namespace proxy
