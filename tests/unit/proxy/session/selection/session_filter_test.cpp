#include "patroni_proxy/session/selection/session_filter.h"

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace proxy {
namespace {

using testing::HasSubstr;
using Query = std::map<std::string, std::string>;

SessionRecord session() {
    return {.id = SessionId(1, 7),
            .cluster = "main",
            .port = "rw",
            .client = *net::SocketAddress::parse("10.1.2.3:4444"),
            .backend = BackendPtr(new Backend{"p1", *net::SocketAddress::parse("10.0.0.1:5432")}),
            .user = "app",
            .database = "shop",
            .application = "web",
            .state = "relaying",
            .idle = 30};
}

bool selects(const Query& query, const SessionRecord& record = session()) {
    const auto [filter, error] = parse_session_filter(query);
    EXPECT_EQ(error, "");
    return matches(filter, record);
}

TEST(SessionFilterTest, SelectsByEach) {
    const std::vector<std::pair<std::string, std::pair<std::string, std::string>>> cases{
        {"cluster", {"main", "other"}},
        {"port", {"rw", "ro"}},
        {"member", {"p1", "p2"}},
        {"client", {"10.1.2.3", "10.1.2.4"}},
        {"client", {"10.0.0.0/8", "fd00::/8"}},
        {"user", {"app", "App"}},
        {"database", {"shop", "sho"}},
        {"application", {"web", "psql"}},
        {"state", {"relaying", "holding"}},
        {"min_idle", {"30", "31"}},
        {"min_idle", {"500ms", "1m"}},
        {"id", {"w1-7", "w0-7"}},
    };
    for (const auto& [name, values] : cases) {
        EXPECT_TRUE(selects({{name, values.first}})) << name << "=" << values.first;
        EXPECT_FALSE(selects({{name, values.second}})) << name << "=" << values.second;
    }
}

TEST(SessionFilterTest, SelectsWhatMeetsAllOfIt) {
    EXPECT_TRUE(selects({}));
    EXPECT_TRUE(selects({{"member", "p1"}, {"user", "app"}, {"limit", "0"}}));
    EXPECT_FALSE(selects({{"member", "p1"}, {"user", "other"}}));
}

TEST(SessionFilterTest, WhatIsNotKnownOfASessionIsNotSelectedByIt) {
    for (const Query& query :
         {Query{{"member", "p1"}}, Query{{"client", "0.0.0.0/0"}}, Query{{"user", "app"}}})
        EXPECT_FALSE(selects(query, {.id = SessionId(0, 1), .state = "holding"}));
}

TEST(SessionFilterTest, KnowsWhetherItSelectsAnything) {
    EXPECT_FALSE(parse_session_filter({}).filter.selects());
    EXPECT_FALSE(parse_session_filter({{"limit", "1"}}).filter.selects());
    for (const auto& [name, value] : Query{{"cluster", "a"},
                                           {"port", "a"},
                                           {"member", "a"},
                                           {"client", "::1"},
                                           {"user", "a"},
                                           {"database", "a"},
                                           {"application", "a"},
                                           {"state", "holding"},
                                           {"min_idle", "0"},
                                           {"id", "w0-1"}})
        EXPECT_TRUE(parse_session_filter({{name, value}}).filter.selects()) << name;
}

TEST(SessionFilterTest, SaysWhatIsWrong) {
    const std::vector<std::pair<Query, const char*>> cases{
        {{{"usr", "a"}},
         "sessions cannot be selected by 'usr'; they can by cluster, port, member, client, user, "
         "database, application, state, min_idle, id and limit"},
        {{{"and", ""}}, "sessions cannot be selected by 'and'"},
        {{{"", ""}}, "sessions cannot be selected by ''"},
        {{{"user", ""}}, "user has no value"},
        {{{"member", ""}, {"user", "a"}}, "member has no value"},
        {{{"state", "idle"}},
         "state: 'idle' is no state of a session; there are accepted, reading_header"},
        {{{"client", "10.0.0.1/8"}}, "client: '10.0.0.1/8' has bits beyond its prefix"},
        {{{"client", "myhost"}}, "client: 'myhost' "},
        {{{"min_idle", "soon"}}, "min_idle: 'soon' is no duration; it takes seconds"},
        {{{"id", "7"}}, "id: '7' is no session's id; ids look like w0-123"},
        {{{"limit", "-1"}}, "limit: '-1' is no whole number"},
    };
    for (const auto& [query, error] : cases)
        EXPECT_THAT(parse_session_filter(query).error, HasSubstr(error));
    EXPECT_LT(parse_session_filter({{std::string(9'000, 'x'), "a\nb"}}).error.size(), 400U);
    EXPECT_THAT(parse_session_filter({{"id", "a\nb"}}).error, HasSubstr("'a\\nb'"));
}

TEST(SessionIdTest, IsReadAsItIsWritten) {
    for (const SessionId id : {SessionId(0, 1), SessionId(63, 281'474'976'710'655)}) {
        EXPECT_EQ(SessionId::parse(id.text()), id);
        EXPECT_EQ(SessionId::parse(id.text())->text(), id.text());
    }
    EXPECT_EQ(SessionId(12, 34).text(), "w12-34");
    EXPECT_LT(SessionId(0, 99), SessionId(1, 1));
    for (const char* text : {"", "w", "w-", "w1", "w1-", "w-1", "1-1", "w1-x", "w1-01", "w1-1 ",
                             "w65536-1", "w0-281474976710656", "w0--1"})
        EXPECT_FALSE(SessionId::parse(text)) << text;
}

TEST(SessionIdTest, EachIsGivenOnce) {
    SessionIds ids(3);
    EXPECT_EQ(ids.next().text(), "w3-1");
    EXPECT_EQ(ids.next().text(), "w3-2");
}

}  // namespace
}  // namespace proxy
