#include "patroni_proxy/page/page.h"

#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/proxy/report/sample_report.h"

namespace proxy::page {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

TEST(PageTest, OnlyBrowsersGetIt) {
    EXPECT_TRUE(is_for_browser("text/html,application/xhtml+xml,*/*;q=0.8"));
    EXPECT_FALSE(is_for_browser("*/*"));  // curl
    EXPECT_FALSE(is_for_browser(""));     // HAProxy's checks
}

TEST(PageTest, SaysWhoLeadsWhoServesAndWhyNot) {
    const std::string page = page_response(sample_report()).body;
    EXPECT_THAT(page, HasSubstr("<title>main: p1 leads"));
    EXPECT_THAT(page, ContainsRegex("<h3>main/master .*1 of 3 members serve as a fallback"));
    EXPECT_THAT(page, HasSubstr("role is replica"));
    EXPECT_THAT(page, ContainsRegex("start failed"));
    EXPECT_THAT(page, HasSubstr("16 MB"));  // p2's lag
    EXPECT_THAT(page, HasSubstr("1.8 TB out"));
    EXPECT_THAT(page, HasSubstr("Since <time datetime=\"2026-11-18T11:08:20.000Z\">"
                                "2026-11-18 11:08:20 UTC</time>: its /primary answers 200"));
    EXPECT_THAT(page, ContainsRegex("<td data-label=\"Since\"><time "));
}

TEST(PageTest, WhatIsWrongComesFirst) {
    const std::string page = page_response(sample_report()).body;
    const auto alerts = page.substr(0, page.find("<section>"));
    EXPECT_THAT(alerts, AllOf(HasSubstr("it drains"),
                              HasSubstr("main: p2 is on timeline 6, the leader on 7"),
                              HasSubstr("unknown key &#39;role&#39;")));
    auto good = sample_report();
    good.ready = true;
    good.why_not_ready.clear();
    good.reload = {};
    good.clusters.front().warnings.clear();
    good.clusters.front().operator_settings.clear();
    EXPECT_THAT(page_response(good).body, HasSubstr("All ports are served"));
}

TEST(PageTest, AMemberThatIsDownAndClientsThatWaitAreInTheAlerts) {
    auto report = sample_report();
    auto& cluster = report.clusters.front();
    cluster.members[1].up = false;
    cluster.members[1].state = "stopped";
    auto& port = cluster.ports.front();
    port.members.front().unreachable = "connection refused";
    port.queued = 2;
    port.oldest_held = 1.5;
    const auto alerts = [&] {
        const std::string page = page_response(report).body;
        return page.substr(0, page.find("<section>"));
    };
    EXPECT_THAT(alerts(), AllOf(HasSubstr("main/p2: stopped"),
                                HasSubstr("for clients of master: connection refused")));
    EXPECT_THAT(alerts(), ContainsRegex("main/master: 2 clients held, the longest for 1.5 s"));
    EXPECT_THAT(alerts(), Not(HasSubstr("All ports are served")));
    port.members.front().unreachable.clear();
    EXPECT_THAT(alerts(), AllOf(ContainsRegex("clients wait</span> main/master: 2 clients held"),
                                HasSubstr("All ports are served")));
}

TEST(PageTest, NobodyServesAPortThatAnOperatorHoldsOrHasDisabled) {
    auto report = sample_report();
    auto& port = report.clusters.front().ports.front();
    EXPECT_THAT(page_response(report).body,
                AllOf(HasSubstr("serves</span>"), HasSubstr("All ports are served")));
    for (const auto& [setting, words] :
         {std::pair("hold", "port is held"), std::pair("disable", "port is disabled")}) {
        port.operator_settings = {{.setting = setting, .port = port.name, .by = "uid 0"}};
        const std::string page = page_response(report).body;
        EXPECT_THAT(page,
                    ContainsRegex("<h3>main/master .*" + std::string(words) + "</span></h3>"));
        EXPECT_THAT(page, ContainsRegex("data-label=\"Serves\">.*" + std::string(words)));
        EXPECT_THAT(page, Not(HasSubstr("All ports are served")));
        EXPECT_THAT(page, Not(HasSubstr("serves</span>")));
    }
}

TEST(PageTest, AFreezeIsListedOnce) {
    auto report = sample_report();
    auto& cluster = report.clusters.front();
    cluster.warnings = {"the cluster is frozen by uid 0: routing ignores what Patroni says"};
    cluster.operator_settings = {{.setting = "freeze", .by = "uid 0"}};
    const std::string page = page_response(report).body;
    EXPECT_THAT(page, HasSubstr("the cluster is frozen by uid 0"));
    EXPECT_THAT(page, Not(HasSubstr("freeze main")));
}

TEST(PageTest, NoLeaderIsTheTitle) {
    auto report = sample_report();
    report.clusters.front().leader.clear();
    report.clusters.front().leader_reason = "nobody holds the lock";
    const std::string page = page_response(report).body;
    EXPECT_THAT(page, HasSubstr("<title>main: no leader"));
    EXPECT_THAT(page, HasSubstr("main: nobody holds the lock"));
}

TEST(PageTest, TextFromOutsideIsNoMarkup) {
    auto report = sample_report();
    auto& cluster = report.clusters.front();
    const std::string evil = "<script>alert('x')</script>\"&";
    cluster.members[0].name = cluster.members[0].state = cluster.members[0].role = evil;
    cluster.members[0].host = cluster.leader = cluster.leader_reason = evil;
    cluster.warnings = {evil};
    cluster.polls.last_error = cluster.polls.last_host = evil;
    cluster.ports[0].members[0] = {evil, patroni::Standing::eligible, evil, evil};
    cluster.ports[0].operator_settings = {
        {.setting = evil, .member = evil, .port = evil, .why = evil, .by = evil}};
    report.reload.last_error = evil;
    EXPECT_THAT(page_response(report).body, Not(HasSubstr("<script>alert")));
}

TEST(PageTest, NothingIsLoadedFromElsewhere) {
    const auto response = page_response(sample_report());
    EXPECT_THAT(response.body, Not(ContainsRegex("(src|href)=\"(https?:)?//")));
    EXPECT_THAT(response.headers.at("Content-Security-Policy"),
                ContainsRegex("default-src 'none'; connect-src 'self'; .*"
                              "style-src 'sha256-[A-Za-z0-9+/]+=*'; "
                              "script-src 'sha256-[A-Za-z0-9+/]+=*'$"));
}

}  // namespace
}  // namespace proxy::page
