#include "patroni_proxy/backend/backend_table.h"

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "backend_table_fixture.h"

namespace proxy {
namespace {

using patroni::Standing;
using patroni::Verdict;

TEST(BackendTableTest, HoldsEligibleAndToleratedMembersAndWhyOthersAreExcluded) {
    EXPECT_EQ(text_of(build_backend_table(verdicts_on_five(), Lookup().function())),
              "p1 p2 | p3 | p3: lag of 1000 bytes is over 999; p4: state is stopped; "
              "p5: tagged noloadbalance");
}

TEST(BackendTableTest, UsesTheObjectsOfTheLookup) {
    Lookup lookup;
    const auto first = build_backend_table(verdicts_on_five(), lookup.function());
    const auto second = build_backend_table(verdicts_on_five(), lookup.function());
    EXPECT_EQ(first.eligible, second.eligible);
    EXPECT_EQ(first.tolerated, second.tolerated);
}

TEST(BackendTableTest, LooksUpOnlyMembersThatMayBeUsed) {
    // For a member that is gone a lookup may wait long for DNS and find nothing.
    Lookup lookup;
    (void)build_backend_table(verdicts_on_five(), lookup.function());
    EXPECT_EQ(lookup.asked, (std::vector<std::string>{"p1", "p2", "p3"}));
}

TEST(BackendTableTest, AMemberWithoutABackendIsExcludedAlone) {
    Lookup lookup({{"p1", "no port in Patroni's answer"}, {"p3", "host p3 has no address"}});
    EXPECT_EQ(text_of(build_backend_table(verdicts_on_five(), lookup.function())),
              "p2 |  | p1: no port in Patroni's answer; p3: host p3 has no address; "
              "p4: state is stopped; p5: tagged noloadbalance");
}

TEST(BackendTableTest, AClusterWithoutMembersSaysSo) {
    const auto table = build_backend_table({}, Lookup().function());
    EXPECT_EQ(text_of(table), " |  | Patroni names no member");
    EXPECT_EQ(text_of(BackendTable{}), " |  | Patroni has not answered yet");
    EXPECT_FALSE(table.same_as(BackendTable{}));
}

TEST(BackendTableTest, SaysWhyOneMemberIsExcluded) {
    const auto table = build_backend_table(verdicts_on_five(), Lookup().function());
    EXPECT_EQ(table.why_excluded("p4"), "state is stopped");
    EXPECT_EQ(table.why_excluded("p9"), "no longer in Patroni's answer");
}

TEST(BackendTableTest, SaysWhatIsKnownOfMembersThatAreNotConfirmed) {
    BackendTable table;
    for (const auto* member : {"p1", "p2", "p3"})
        table.eligible.push_back(BackendPtr(new Backend{member, {}}));
    Reachability& first = table.eligible[0]->reachability;
    first.note_answer(first.moment(), BackendState::accepts);
    table.eligible[1]->reachability.note_failure(BackendState::not_ready,
                                                 "the database system is starting up");
    EXPECT_EQ(table.why_unconfirmed(), "p2: the database system is starting up; p3: no answer yet");
}

TEST(BackendTableTest, KeepsSessionsByObjectAndNotByName) {
    const auto table = build_backend_table(verdicts_on_five(), Lookup().function());
    const Backend same_name{"p1", {}};
    EXPECT_TRUE(table.keeps_sessions_of(table.eligible[0].get()));
    EXPECT_TRUE(table.keeps_sessions_of(table.eligible[1].get()));
    EXPECT_TRUE(table.keeps_sessions_of(table.tolerated[0].get()));
    EXPECT_FALSE(table.keeps_sessions_of(&same_name));
    EXPECT_FALSE(table.keeps_sessions_of(nullptr));
    EXPECT_FALSE(BackendTable{}.keeps_sessions_of(table.eligible[0].get()));
}
TEST(BackendTableTest, IsTheSameWithTheSameBackendsAndReasons) {
    Lookup lookup;
    const auto table_of = [&](const std::vector<Verdict>& verdicts) {
        return build_backend_table(verdicts, lookup.function());
    };
    const auto table = table_of(verdicts_on_five());
    const auto again = table_of(verdicts_on_five());
    again.refused = 7;
    EXPECT_TRUE(table.same_as(again)) << "counting is no difference";

    auto other_reason = verdicts_on_five();
    other_reason[3].reason = "state is starting";
    EXPECT_FALSE(table.same_as(table_of(other_reason)));
    auto other_standing = verdicts_on_five();
    other_standing[1].standing = Standing::tolerated;
    EXPECT_FALSE(table.same_as(table_of(other_standing)));
    EXPECT_FALSE(table.same_as(build_backend_table(verdicts_on_five(), Lookup().function())))
        << "other objects";
}

TEST(BackendTableTest, ACopyCountsFromZero) {
    const auto table = build_backend_table(verdicts_on_five(), Lookup().function());
    table.refused = 7;
    const BackendTable copy(table);
    EXPECT_TRUE(copy.same_as(table));
    EXPECT_EQ(copy.refused, 0U);
}

TEST(BackendTableTest, AMemberIsUnreachableOnceAllItsAddressesFail) {
    BackendTable table;
    const auto add = [](std::vector<BackendPtr>& backends, const std::string& member,
                        const std::string& ip) {
        backends.push_back(
            BackendPtr(new Backend{member, net::SocketAddress::from_ip(ip, 5432).value()}));
        return backends.back();
    };
    const auto preferred = add(table.eligible, "p1", "10.0.0.1");
    const auto spare = add(table.spares, "p1", "10.0.0.2");
    add(table.eligible, "p2", "10.0.0.3");
    EXPECT_EQ(table.why_unreachable("p1"), "");
    preferred->reachability.note_failure(BackendState::refuses, "Connection refused");
    EXPECT_EQ(table.why_unreachable("p1"), "");
    spare->reachability.note_failure(BackendState::hangs, "Connection timed out");
    EXPECT_EQ(table.why_unreachable("p1"),
              "10.0.0.1:5432: Connection refused, 10.0.0.2:5432: Connection timed out");
    EXPECT_EQ(table.why_unreachable("p2"), "");
    spare->reachability.note_connected();
    EXPECT_EQ(table.why_unreachable("p1"), "");
}

}  // namespace
}  // namespace proxy
