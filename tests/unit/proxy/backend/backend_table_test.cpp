#include "patroni_proxy/backend/backend_table.h"

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace proxy {
namespace {

using patroni::Member;
using patroni::Standing;
using patroni::Verdict;

Verdict verdict_on(const std::string& name, Standing standing, const std::string& reason) {
    Member member;
    member.name = name;
    member.host = name + ".example.com";
    return {std::make_shared<const Member>(member), standing, reason};
}

/// Two that are eligible, one that may keep its sessions, two that are out.
std::vector<Verdict> verdicts_on_five() {
    return {verdict_on("p1", Standing::eligible, "leader"),
            verdict_on("p2", Standing::eligible, "sync_standby"),
            verdict_on("p3", Standing::tolerated, "lag of 1000 bytes is over 999"),
            verdict_on("p4", Standing::out, "state is stopped"),
            verdict_on("p5", Standing::out, "tagged noloadbalance")};
}

/// Gives each member a backend of its own, the same one every time, except those without address.
class Lookup {
  public:
    /// Members that have no backend, and why.
    explicit Lookup(std::map<std::string, std::string> unlocated = {})
        : unlocated_(std::move(unlocated)) {}

    BackendLookup function() {
        return [this](const Member& member) -> Located {
            asked.push_back(member.name);
            if (const auto found = unlocated_.find(member.name); found != unlocated_.end())
                return {{}, {}, found->second};
            BackendPtr& backend = backends_[member.name];
            if (!backend)
                backend = BackendPtr(new Backend{member.name, {}});
            return {{backend}, {}, {}};
        };
    }
    std::vector<std::string> asked;

  private:
    std::map<std::string, std::string> unlocated_;
    std::map<std::string, BackendPtr> backends_;
};

std::string names_of(const std::vector<BackendPtr>& backends) {
    std::string names;
    for (const auto& backend : backends)
        names += (names.empty() ? "" : " ") + backend->member;
    return names;
}

/// "p1 p2 | p3 | why excluded"
std::string text_of(const BackendTable& table) {
    return names_of(table.eligible) + " | " + names_of(table.tolerated) + " | " +
           table.why_excluded();
}

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
    // A lookup may ask the DNS, in vain and for long, for a member that is gone.
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

/// Members that have several addresses, or seem to have left some.
class AddressesTest : public testing::Test {
  protected:
    static BackendPtr at(const std::string& member, const std::string& ip) {
        return BackendPtr(new Backend{member, *net::SocketAddress::from_ip(ip, 5432)});
    }
    [[nodiscard]] BackendTable table_of(Standing standing) const {
        return build_backend_table({verdict_on("p1", standing, "leader")},
                                   [this](const Member& /*member*/) { return located_; });
    }

    BackendPtr first_ = at("p1", "127.0.0.1");
    BackendPtr second_ = at("p1", "127.0.0.2");
    BackendPtr third_ = at("p1", "127.0.0.3");
    BackendPtr left_ = at("p1", "127.0.0.9");
    Located located_{{first_, second_, third_}, {left_}, {}};
};

TEST_F(AddressesTest, TheFirstIsForNewSessionsTheOthersAreSpares) {
    const auto table = table_of(Standing::eligible);
    EXPECT_EQ(table.eligible, std::vector{first_});
    EXPECT_EQ(table.spares, (std::vector{second_, third_}));
    EXPECT_EQ(table.tolerated, std::vector{left_});
    EXPECT_TRUE(table.excluded.empty());
    for (const auto& backend : {first_, second_, third_, left_})
        EXPECT_TRUE(table.keeps_sessions_of(backend.get()));
    for (const auto& backend : {first_, second_, third_})
        EXPECT_TRUE(table.serves_by_roles(backend.get()));
    EXPECT_FALSE(table.serves_by_roles(left_.get()));
}

TEST_F(AddressesTest, AMemberThatIsToleratedKeepsItsSessionsAtAllOfThem) {
    const auto table = table_of(Standing::tolerated);
    EXPECT_TRUE(table.eligible.empty());
    EXPECT_TRUE(table.spares.empty());
    EXPECT_EQ(table.tolerated, (std::vector{first_, second_, third_, left_}));
}

TEST_F(AddressesTest, AMemberThatIsOutHasNone) {
    for (const auto& backend : {first_, second_, third_, left_})
        EXPECT_FALSE(table_of(Standing::out).keeps_sessions_of(backend.get()));
}

TEST_F(AddressesTest, AnotherSpareIsAnotherTable) {
    const auto table = table_of(Standing::eligible);
    EXPECT_TRUE(BackendTable(table).same_as(table));
    located_.backends.pop_back();
    EXPECT_FALSE(table_of(Standing::eligible).same_as(table));
}

TEST_F(AddressesTest, SparesOfAFallbackServeLikeIt) {
    const auto regular =
        build_backend_table({verdict_on("p1", Standing::out, "it is the leader")}, {});
    const auto table = with_fallback(regular, table_of(Standing::eligible), OnReturn::keep);
    EXPECT_TRUE(table.falls_back);
    EXPECT_EQ(table.spares, (std::vector{second_, third_}));
    for (const auto& backend : {first_, second_, third_, left_}) {
        EXPECT_TRUE(table.keeps_sessions_of(backend.get(), ServedBy::fallback_roles));
        EXPECT_FALSE(table.keeps_sessions_of(backend.get(), ServedBy::roles));
    }
}

TEST_F(AddressesTest, ASessionEndsForTheReasonThereIs) {
    const BackendPtr gone = at("p1", "127.0.0.7");
    EXPECT_EQ(table_of(Standing::eligible).why_ended(*gone, ServedBy::roles),
              "it is at 127.0.0.1:5432 now, and no longer at 127.0.0.7:5432");
    EXPECT_EQ(table_of(Standing::tolerated).why_ended(*gone, ServedBy::roles),
              "it is at 127.0.0.1:5432 now, and no longer at 127.0.0.7:5432");
    EXPECT_EQ(table_of(Standing::out).why_ended(*gone, ServedBy::roles), "leader");
    EXPECT_EQ(BackendTable{}.why_ended(*gone, ServedBy::roles), "no longer in Patroni's answer");
}

/// Tables of one port: a leader and a standby, whom `roles` and `fallback_roles` judge.
class FallbackTableTest : public testing::Test {
  protected:
    BackendTable table_of(const std::vector<Verdict>& regular, const std::vector<Verdict>& fallback,
                          OnReturn on_return = OnReturn::keep) {
        return with_fallback(build_backend_table(regular, lookup_.function()),
                             build_backend_table(fallback, lookup_.function()), on_return);
    }
    bool keeps(const BackendTable& table, const std::string& member, ServedBy served_by) {
        Member asked;
        asked.name = member;
        return table.keeps_sessions_of(lookup_.function()(asked).backends.front().get(), served_by);
    }
    static Verdict fit(const std::string& name) {
        return verdict_on(name, Standing::eligible, "it fits");
    }
    static Verdict doubted(const std::string& name) {
        return verdict_on(name, Standing::tolerated, "state is stopped");
    }
    static Verdict out(const std::string& name, const std::string& reason) {
        return verdict_on(name, Standing::out, reason);
    }

    Lookup lookup_;
};

TEST_F(FallbackTableTest, FallsBackOnlyWhileNobodyIsEligibleByRoles) {
    struct Case {
        std::vector<Verdict> regular;
        std::vector<Verdict> fallback;
        std::string table;
        bool falls_back;
    };
    const auto leads = out("p1", "it is the leader");
    const auto gone = out("p2", "state is stopped");
    const std::vector<Case> cases{
        {{leads, fit("p2")},
         {fit("p1"), out("p2", "role is replica")},
         "p2 |  | p1: it is the leader",
         false},
        {{leads, gone},
         {fit("p1"), gone},
         "p1 |  | p1: it is the leader; p2: state is stopped",
         true},
        // One answer against it, and it gets no new sessions: so it is with a fallback too.
        {{leads, doubted("p2")},
         {fit("p1"), gone},
         "p1 | p2 | p1: it is the leader; p2: state is stopped",
         true},
        // No fallback either: each says why.
        {{leads, gone},
         {out("p1", "its API answers 503"), gone},
         " |  | p1: it is the leader, as a fallback: its API answers 503; p2: state is stopped",
         false},
        {{leads, gone},
         {doubted("p1"), gone},
         " |  | p1: it is the leader, as a fallback: state is stopped; p2: state is stopped",
         false},
        {{}, {}, " |  | Patroni names no member", false},
    };
    for (const auto& each : cases) {
        const auto table = table_of(each.regular, each.fallback);
        EXPECT_EQ(text_of(table), each.table);
        EXPECT_EQ(table.falls_back, each.falls_back) << each.table;
    }
}

TEST_F(FallbackTableTest, AMemberThatFitsButCannotBeLocatedServesNobody) {
    lookup_ = Lookup(std::map<std::string, std::string>{{"p2", "host p2 has no address"}});
    const auto table = table_of({out("p1", "it is the leader"), fit("p2")},
                                {fit("p1"), out("p2", "role is replica")});
    EXPECT_TRUE(table.falls_back);
    EXPECT_EQ(names_of(table.eligible), "p1");
}

TEST_F(FallbackTableTest, ASessionIsJudgedByTheListThatServedIt) {
    struct Case {
        std::string what;
        BackendTable table;
        bool regular;   // whether a session on p1 stays that came by roles
        bool fallback;  // or that fell back to it
    };
    const auto leads = out("p1", "it is the leader");
    const std::vector<Case> cases{
        {"it falls back", table_of({leads}, {fit("p1")}), false, true},
        {"it falls back no more", table_of({leads, fit("p2")}, {fit("p1")}), false, true},
        {"and closes", table_of({leads, fit("p2")}, {fit("p1")}, OnReturn::close), false, false},
        {"it closes, but not yet", table_of({leads}, {fit("p1")}, OnReturn::close), false, true},
        {"the fallback is in doubt", table_of({leads}, {doubted("p1")}), false, true},
        {"in doubt, and others serve", table_of({leads, fit("p2")}, {doubted("p1")}), false, true},
        {"in doubt, and closes", table_of({leads, fit("p2")}, {doubted("p1")}, OnReturn::close),
         false, false},
        {"the fallback is out", table_of({leads}, {out("p1", "x")}), false, false},
        // The other list may keep it, as it is the better one.
        {"a fallback that serves by roles", table_of({fit("p1")}, {out("p1", "x")}), true, true},
        {"even if others do", table_of({fit("p2"), fit("p1")}, {out("p1", "x")}, OnReturn::close),
         true, true},
        {"one that roles only tolerate", table_of({doubted("p1")}, {out("p1", "x")}), true, true},
        {"tolerated, and a fallback", table_of({doubted("p1")}, {fit("p1")}), true, true},
    };
    for (const auto& [what, table, regular, fallback] : cases) {
        EXPECT_EQ(keeps(table, "p1", ServedBy::roles), regular) << what;
        EXPECT_EQ(keeps(table, "p1", ServedBy::fallback_roles), fallback) << what;
        EXPECT_FALSE(keeps(table, "p9", ServedBy::fallback_roles)) << what;
    }
}

TEST_F(FallbackTableTest, KnowsWhichBackendsServeByRoles) {
    const auto leads = out("p1", "it is the leader");
    const auto serving = table_of({leads, fit("p2")}, {fit("p1"), out("p2", "x")});
    EXPECT_TRUE(serving.serves_by_roles(serving.eligible.front().get()));
    EXPECT_FALSE(serving.serves_by_roles(serving.fallback.front().get()));
    const auto falling = table_of({leads}, {fit("p1")});
    EXPECT_FALSE(falling.serves_by_roles(falling.eligible.front().get()));
    const auto doubt = table_of({leads, doubted("p2")}, {fit("p1")});
    EXPECT_FALSE(doubt.serves_by_roles(doubt.tolerated.front().get()));
}

TEST_F(FallbackTableTest, ASessionThatEndsHasTheReasonOfItsList) {
    const auto leads = out("p1", "it is the leader");
    const auto why = [](const BackendTable& table) {
        return table.why_excluded("p1") + " | " +
               table.why_excluded("p1", ServedBy::fallback_roles);
    };
    const std::string regular = "it is the leader | ";
    EXPECT_EQ(why(table_of({leads, fit("p2")}, {fit("p1")}, OnReturn::close)),
              regular + "p2 serves again (fallback_return: close)");
    EXPECT_EQ(why(table_of({leads, fit("p2")}, {doubted("p1")}, OnReturn::close)),
              regular + "p2 serves again (fallback_return: close)");
    EXPECT_EQ(why(table_of({leads}, {out("p1", "its API answers 503")})),
              regular + "its API answers 503");
    // Without a fallback, as after a reload.
    EXPECT_EQ(why(build_backend_table({leads}, lookup_.function())), regular + "it is the leader");
}

TEST_F(FallbackTableTest, AnotherFallbackIsAnotherTable) {
    const auto leads = out("p1", "it is the leader");
    const auto table = table_of({leads, fit("p2")}, {fit("p1")});
    EXPECT_TRUE(table.same_as(table_of({leads, fit("p2")}, {fit("p1")})));
    EXPECT_TRUE(BackendTable(table).same_as(table));
    EXPECT_FALSE(table.same_as(table_of({leads, fit("p2")}, {out("p1", "x")})));
    EXPECT_FALSE(table.same_as(table_of({leads, fit("p2")}, {fit("p1")}, OnReturn::close)));
    // The same member for new sessions, by another list.
    EXPECT_FALSE(table_of({fit("p1")}, {}).same_as(table_of({}, {fit("p1")})));
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
