#include "patroni_proxy/migrate/convert/converter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "import_text.h"
#include "net/socket/listen_address.h"
#include "patroni_proxy/config/config.h"

namespace proxy::migrate {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const std::string kCheck = " option httpchk /primary\n";

TEST(Converter, ClientsWaitForAPlaceAsInHaproxy) {
    const ImportedText limited(
        listen_with(kCheck + " maxconn 10\n timeout queue 7s\n", "check port 8008 maxconn 5"));
    EXPECT_THAT(limited.outcome(5, "maxconn 10"),
                AllOf(StartsWith("changed in behaviour: max_connections:"), HasSubstr("queue")));
    EXPECT_THAT(limited.outcome(3, "maxconn 5"),
                StartsWith("changed in behaviour: max_connections_per_backend:"));
    EXPECT_THAT(limited.outcome(6, "timeout queue"),
                AllOf(StartsWith("changed in behaviour: queue_timeout:"),
                      HasSubstr("also wait while no member may serve them")));
    EXPECT_EQ(limited.value("queue_timeout"), "7s");
    EXPECT_EQ(limited.value("max_connections"), "10");
    EXPECT_EQ(limited.value("max_connections_per_backend"), "5");
    const ImportedText refusing(listen_with(kCheck + " maxconn 10\n"));
    EXPECT_THAT(refusing.outcome(5, "maxconn 10"),
                HasSubstr("here they are refused, unless you set queue_timeout"));
}

TEST(Converter, TakesThePROXYProtocolAlong) {
    const ImportedText both(
        "listen a\n bind *:5000 accept-proxy\n option httpchk /primary\n"
        " server s 10.0.0.1:6432 check port 8008 send-proxy-v2\n");
    EXPECT_EQ(both.value("proxy_protocol"), "required");
    EXPECT_EQ(both.value("proxy_protocol_from"), R"(["0.0.0.0/0", "::/0"])");
    EXPECT_EQ(both.value("send_proxy"), "v2");
    EXPECT_THAT(both.outcome(2, "accept-proxy"), HasSubstr("name your balancers"));
    EXPECT_EQ(both.outcome(4, "send-proxy-v2"), "carried over: send_proxy: v2");
}

TEST(Converter, APortThatIsNoneIsNotOneOfHosts) {
    for (const char* server : {"fd00:0-5012", "10.0.0.1:0", "10.0.0.1:8008-8010"}) {
        const ImportedText imported("listen a\n bind *:5000\n option httpchk /primary\n server s " +
                                    std::string(server) + " check\n");
        EXPECT_THAT(imported.conversion.draft->clusters[0].hosts[0].value,
                    testing::EndsWith(":8008\""))
            << server;
    }
}

TEST(Converter, NamesWhatItCannotKnow) {
    const ImportedText srv(
        "listen a\n bind *:5000\n option httpchk /primary\n"
        " server-template pg 3 _pg._tcp.db.example.com check port 8008\n");
    EXPECT_THAT(srv.outcome(4, "server-template pg"), HasSubstr("SRV records are not looked up"));
    const ImportedText chosen("frontend a\n bind *:5000\n default_backend pg-{{ leader }}\n");
    EXPECT_THAT(chosen.outcome(1, "frontend a"),
                HasSubstr("is chosen when the template is rendered"));
    const ImportedText symbolic("global\n maxconn {{ n }}\n" + listen_with(kCheck));
    EXPECT_THAT(symbolic.outcome(2, "maxconn"), StartsWith("not carried over"));
}

TEST(Converter, HoldsClientsForTheConnectTimeoutWhereHaproxyDoes) {
    const ImportedText limited(
        listen_with(kCheck + " timeout connect 3s\n", "check port 8008 maxconn 5"));
    EXPECT_EQ(limited.value("queue_timeout"), "3s");
    EXPECT_EQ(ImportedText(listen_with(kCheck + " timeout connect 3s\n")).value("queue_timeout"),
              "");
}

TEST(Converter, TakesTheSmallerOfTheIdleTimeouts) {
    EXPECT_EQ(ImportedText(listen_with(kCheck + " timeout client 30m\n timeout server 50000\n"))
                  .value("idle_timeout"),
              "50s");
    EXPECT_EQ(ImportedText(listen_with(kCheck + " timeout client 1500\n")).value("idle_timeout"),
              "1500ms");
    const ImportedText tunnel(
        listen_with(kCheck + " timeout client 30m\n timeout server 1m\n timeout tunnel 2h\n"));
    EXPECT_EQ(tunnel.value("idle_timeout"), "2h");
    EXPECT_THAT(tunnel.outcome(5, "timeout client"), StartsWith("changed in behaviour"));
}

TEST(Converter, SaysHowMembersAreChosen) {
    EXPECT_THAT(ImportedText(listen_with(" option httpchk /replica\n")).outcome(1, "listen a"),
                HasSubstr("goes round (before 3.3) or chooses at random"));
    EXPECT_THAT(ImportedText(listen_with(" option httpchk /replica\n balance leastconn\n"))
                    .outcome(5, "balance"),
                StartsWith("carried over"));
    EXPECT_THAT(ImportedText(listen_with(" option httpchk /replica\n balance source\n"))
                    .outcome(5, "balance"),
                StartsWith("not carried over"));
    EXPECT_THAT(ImportedText(listen_with(kCheck + " balance source\n")).outcome(5, "balance"),
                StartsWith("not needed"));
}

TEST(Converter, SaysThatServersStartUp) {
    EXPECT_THAT(ImportedText(listen_with(kCheck)).outcome(1, "listen a"),
                HasSubstr("takes every server for UP until its first checks have failed"));
    EXPECT_THAT(
        ImportedText(listen_with(kCheck, "check port 8008 disabled agent-check agent-port 1"))
            .outcome(1, "listen a"),
        Not(HasSubstr("takes every server for UP")));
}

TEST(Converter, SaysThatSessionsOfAFormerPrimaryEnd) {
    EXPECT_THAT(ImportedText(listen_with(kCheck, "check port 8008")).outcome(1, "listen a"),
                HasSubstr("without 'on-marked-down shutdown-sessions'"));
    EXPECT_THAT(ImportedText(listen_with(kCheck)).outcome(1, "listen a"),
                Not(HasSubstr("on-marked-down")));
}

TEST(Converter, NamesWhatItDoesNotKnow) {
    const ImportedText strange(
        listen_with(kCheck + " frobnicate 7\n option flummox\n", "check port 8008 wobble 7"));
    EXPECT_EQ(strange.outcome(5, "frobnicate 7"),
              "not carried over: this directive is not known here");
    EXPECT_EQ(strange.outcome(6, "option flummox"),
              "not carried over: this option is not known here");
    EXPECT_EQ(strange.outcome(3, "wobble"), "not carried over: this setting is not known here");
    EXPECT_THAT(ImportedText("maxconn 5\n").outcome(1, "maxconn"),
                StartsWith("not carried over: it stands before any section"));
}

TEST(Converter, LeavesOutWhatRoutesByNoRole) {
    const ImportedText tcp(listen_with(""));
    EXPECT_FALSE(tcp.conversion.draft);
    EXPECT_THAT(tcp.outcome(1, "listen a"), StartsWith("not carried over: no role is asked for"));
    EXPECT_THAT(tcp.outcome(2, "bind"), StartsWith("not carried over"));
    EXPECT_TRUE(tcp.conversion.ledger.has(Outcome::not_carried));
    EXPECT_THAT(ImportedText(listen_with(kCheck, "")).outcome(1, "listen a"),
                HasSubstr("no server has 'check'"));
    EXPECT_THAT(ImportedText("frontend f\n bind :1\n default_backend \"${B}\"\n").outcome(1, "f"),
                StartsWith("not carried over"));
}

TEST(Converter, ReportsAServerThatIsNeverChecked) {
    const ImportedText two(listen_with(kCheck + " server t 10.0.0.2:5432\n"));
    EXPECT_THAT(two.outcome(5, "server t"), HasSubstr("never checks this server"));
}

TEST(Converter, TakesHostsForATemplateFromTheCommandLine) {
    const std::string text = "listen a\n bind *:5000\n" + kCheck +
                             "{{range x}} server {{.N}} {{.A}}:5432 check port "
                             "8008\n{{end}}";
    const ImportedText without(text);
    EXPECT_EQ(without.conversion.draft->clusters[0].hosts[0].value, "\"http://CHANGE-ME:8008\"");
    EXPECT_THAT(without.outcome(1, "server"), HasSubstr("--host"));
    const ImportedText with(text, {"http://10.0.0.1:8008", "http://10.0.0.2:8008"});
    ASSERT_EQ(with.conversion.draft->clusters[0].hosts.size(), 2U);
    EXPECT_EQ(with.conversion.draft->clusters[0].hosts[1].value, "\"http://10.0.0.2:8008\"");
    EXPECT_FALSE(with.conversion.ledger.has(Outcome::not_carried));
    EXPECT_EQ(with.value("host_port"), "5432");
}

TEST(Converter, FallsBackOnlyWithinACluster) {
    const std::string text =
        "frontend f\n bind *:1\n use_backend w if { nbsrv(r) eq 0 }\n default_backend r\n"
        "backend r\n option httpchk /replica\n server a 10.0.0.1:5432 check port 8008\n"
        "backend w\n option httpchk /primary\n server a ";
    EXPECT_EQ(ImportedText(text + "10.0.0.1:5432 check port 8008\n").value("fallback_roles"),
              "[leader]");
    const ImportedText other(text + "10.0.0.9:5432 check port 8008\n");
    EXPECT_EQ(other.value("fallback_roles"), "");
    EXPECT_THAT(other.outcome(3, "use_backend"), StartsWith("not carried over"));
}

TEST(Converter, ReadsTheConditionOfAFallbackHoweverItIsWritten) {
    for (const std::string condition :
         {"use_backend w if { nbsrv(r) lt 1 }", "use_backend w unless { nbsrv(r) gt 0 }",
          "use_backend w if !{ nbsrv(r) ge 1 }", "acl no nbsrv(r) eq 0\n use_backend w if no",
          "acl some nbsrv(r) ge 1\n use_backend w if !some",
          "acl some nbsrv(r) ge 1\n use_backend w unless some",
          "use_backend w if { nbsrv(r) -m int eq 0 }"}) {
        const ImportedText text(
            "frontend f\n bind *:1\n " + condition +
            "\n default_backend r\nbackend r\n option httpchk /replica\n server a 10.0.0.1:5432 "
            "check port 8008\nbackend w\n option httpchk /primary\n server a 10.0.0.1:5432 check "
            "port 8008\n");
        EXPECT_EQ(text.value("fallback_roles"), "[leader]") << condition;
    }
}

TEST(Converter, ReadsAFallbackFromTheOtherSide) {
    const ImportedText text(
        "frontend f\n bind *:1\n use_backend r if { nbsrv(r) gt 0 }\n default_backend w\n"
        "backend r\n option httpchk /replica\n server a 10.0.0.1:5432 check port 8008\n"
        "backend w\n option httpchk /primary\n server a 10.0.0.1:5432 check port 8008\n");
    EXPECT_EQ(text.value("roles"), "[replica]");
    EXPECT_EQ(text.value("fallback_roles"), "[leader]");
}

TEST(Converter, GivesNoTwoPortsOneAddress) {
    const ImportedText twice(listen_with(kCheck) +
                             "listen b\n bind *:5000\n option httpchk /replica\n server s "
                             "10.0.0.1:5432 check port 8008\n");
    EXPECT_EQ(twice.conversion.draft->clusters[0].ports.size(), 1U);
    EXPECT_THAT(twice.outcome(5, "bind"), HasSubstr("'a' listens on 0.0.0.0:5000 already"));
}

TEST(Converter, SaysOfABackendThatItIsLeftOutWithItsFrontend) {
    const ImportedText text(
        "frontend f\n bind pg.example.com:1\n default_backend b\n"
        "backend b\n option httpchk /primary\n server a 10.0.0.1:5432 check port 8008\n");
    EXPECT_FALSE(text.conversion.draft);
    EXPECT_EQ(text.outcome(6, "server a"), "not carried over: the section is not carried over");
}

TEST(Converter, ListensOnNoAddressTwice) {
    const ImportedText text(
        "listen a\n bind 10.0.0.1:5000,*:5000\n bind 10.0.0.1:8009,127.0.0.1:8010,*:8009\n" +
        kCheck + " server s 10.0.0.1:5432 check port 8008\nlisten b\n bind 10.0.0.2:5000,:5001\n" +
        kCheck + " server s 10.0.0.1:5432 check port 8008\n");
    EXPECT_EQ(text.value("listen"), "[\"0.0.0.0:5000\", \"127.0.0.1:8010\", \"0.0.0.0:8009\"]");
    EXPECT_EQ(text.value("listen_address"), "\"127.0.0.1:8011\"");
    EXPECT_THAT(text.outcome(6, "bind 10.0.0.2:5000"), HasSubstr("'a' listens on 0.0.0.0:5000"));
    EXPECT_NO_THROW((void)parse_config(yaml_of(*text.conversion.draft), "result"));
}

TEST(Converter, TakesTheUnixSocketsThatTheProxyCanListenOn) {
    const std::string longest = "/" + std::string(net::ListenAddress::kMaxPath - 1, 'x');
    const ImportedText text(listen_with(kCheck + " bind " + longest + "\n bind " + longest +
                                        "x\n bind /run/\n bind /run/p\xff.sock\n"));
    EXPECT_THAT(text.value("listen"), HasSubstr("unix:" + longest));
    EXPECT_EQ(text.outcome(5, "bind /"), "carried over: listen");
    for (const int line : {6, 7})
        EXPECT_EQ(text.outcome(line, "bind /"),
                  "not carried over: a path begins with '/', does not end with it, and has at most "
                  "98 bytes");
    EXPECT_EQ(text.outcome(8, "bind /"), "not carried over: its path is not valid UTF-8");
}

TEST(Converter, QuotesWhateverStandsInTheFile) {
    const ImportedText strange("listen a:b\n bind '/run/x\"${y'\n" + kCheck +
                               " server 'q\": #' 10.0.0.1:5432 check port 8008 addr \"h\\n- x\"\n");
    ASSERT_TRUE(strange.conversion.draft);
    const std::string yaml = yaml_of(*strange.conversion.draft);
    EXPECT_NO_THROW((void)parse_config(yaml, "result")) << yaml;
    EXPECT_THAT(yaml, HasSubstr("CHANGE-ME"));
}

TEST(Ledger, ShowsEqualLinesOnceAndASummary) {
    const ImportedText text(listen_with(kCheck + " server t 10.0.0.2:5432 check port 8008\n"));
    EXPECT_THAT(text.conversion.ledger.text(),
                AllOf(HasSubstr("  h.cfg:3, 5: check\n      every member"),
                      HasSubstr("0 not carried over, ")));
}

}  // namespace
}  // namespace proxy::migrate
