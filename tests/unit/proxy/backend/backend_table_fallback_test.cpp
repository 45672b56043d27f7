#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "backend_table_fixture.h"
#include "patroni_proxy/backend/backend_table.h"

namespace proxy {
namespace {

using patroni::Member;
using patroni::Standing;
using patroni::Verdict;

/// Tables of one port with a leader and a standby, made from the verdicts by `roles` and by
/// `fallback_roles`.
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
        {"it no longer falls back", table_of({leads, fit("p2")}, {fit("p1")}), false, true},
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
}  // namespace
}  // namespace proxy
