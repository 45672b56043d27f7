// Who is connected where: GET /sessions, and the same in the log.

#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integration/proxy_under_test.h"
#include "support/process/postgres_server.h"
#include "support/process/psql_session.h"

using support::PostgresServer;
using support::PsqlSession;
using support::TestClient;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

namespace {

using namespace std::string_literals;

std::string startup_packet(const std::string& user, const std::string& more = {}) {
    const std::string parameters = "user\0"s + user + "\0"s + more + "\0"s;
    const std::size_t size = 8 + parameters.size();
    return "\0\0"s + static_cast<char>(size >> 8U) + static_cast<char>(size) + "\0\3\0\0"s +
           parameters;
}

class SessionList : public testing::Test {
  protected:
    [[nodiscard]] std::string sessions(const std::string& query = {}) const {
        return proxy_.get("/sessions" + query);
    }
    static std::string total(int count) { return "\"total\": " + std::to_string(count); }

    /// A session that has said this to b1, which answers nothing.
    TestClient session(const std::string& startup) {
        TestClient client = proxy_.connect("c/master");
        sent_ += startup.size();
        client.send(startup);
        cluster_.backends[0]->wait_for_received(sent_);
        return client;
    }

    FakeCluster cluster_{2, {.greeting = false, .echo = false}};
    ProxyUnderTest proxy_{cluster_.config()};
    std::size_t sent_ = 0;
};

TEST_F(SessionList, SaysWhoIsConnectedWhere) {
    const std::string startup =
        startup_packet("nancy", "database\0shop\0application_name\0web 1.2\0"s);
    const TestClient writer = session(startup);
    const TestClient reader = proxy_.connect("c/replicas");
    support::eventually(
        [&] { return sessions("?state=relaying").find(total(2)) != std::string::npos; },
        "two sessions");
    const std::string found = sessions("?user=nancy");
    EXPECT_THAT(
        found,
        AllOf(HasSubstr(total(1)), HasSubstr("\"cluster\": \"c\""),
              HasSubstr("\"port\": \"master\""), HasSubstr("\"member\": \"b1\""),
              HasSubstr("\"backend\": \"" + cluster_.backends[0]->address() + "\""),
              HasSubstr("\"client\": \"127.0.0.1:" + std::to_string(writer.local_port())),
              HasSubstr("\"database\": \"shop\""), HasSubstr("\"application_name\": \"web 1.2\""),
              HasSubstr("\"state\": \"relaying\""),
              HasSubstr("\"bytes_from_client\": " + std::to_string(startup.size()))));
    EXPECT_THAT(sessions("?member=b2"), AllOf(HasSubstr(total(1)), HasSubstr("\"user\": null")));
    EXPECT_THAT(sessions("?client=127.0.0.0%2F8&application=web+1.2"), HasSubstr(total(1)));
    EXPECT_THAT(sessions("?limit=1"), AllOf(HasSubstr(total(2)), HasSubstr("\"truncated\": true")));
    EXPECT_THAT(sessions("?min_idle=1h"), HasSubstr(total(0)));
}

TEST_F(SessionList, RefusesWhatItDoesNotUnderstand) {
    EXPECT_THAT(proxy_.http("GET", "/sessions?usr=nancy"),
                AllOf(HasSubstr(" 400 "), HasSubstr("\"error\": \"sessions cannot be selected by "
                                                    "'usr'; they can by cluster, ")));
    EXPECT_THAT(proxy_.http("GET", "/sessions?member="),
                AllOf(HasSubstr(" 400 "), HasSubstr("member has no value")));
    EXPECT_THAT(proxy_.http("GET", "/sessions?user=%0aINFO%00"), HasSubstr(total(0)));
    EXPECT_THAT(proxy_.http("POST", "/sessions"), HasSubstr(" 405 "));
}

TEST_F(SessionList, NamesCanForgeNothing) {
    const std::string forged = "x\n2026-11-27 00:00:00.000 INFO c/master: session ended";
    const std::vector<std::string> names{forged, std::string(9'000, 'u'), "\xff\xfe\x01\x1b[31m",
                                         "\"}],\"total\": 7"};
    std::vector<TestClient> clients;
    for (const auto& name : names)
        clients.push_back(session(startup_packet(name)));
    const std::string listed = sessions();
    EXPECT_THAT(listed, AllOf(HasSubstr(total(4)), HasSubstr(R"("user": "x\\n2026-11-27 )"),
                              HasSubstr(R"("user": "\"}],\"total\": 7")"),
                              Not(HasSubstr(std::string(64, 'u')))));
    const std::size_t before = proxy_.daemon().mark();
    for (auto& client : clients)
        client.reset();
    proxy_.wait_for_metric("sessions_open", 0);
    proxy_.daemon().wait_for_line("user=\"x\\\\n2026-11-27 00:00:00.000 INFO", before);
    EXPECT_THAT(proxy_.daemon().output().substr(before), Not(HasSubstr(std::string(64, 'u'))));
}

TEST_F(SessionList, AClientThatNeverEndsItsStartupIsListedWithoutNames) {
    const std::string startup = startup_packet("nancy");
    TestClient client = session(startup.substr(0, startup.size() - 1));
    EXPECT_THAT(sessions(), AllOf(HasSubstr(total(1)), HasSubstr("\"user\": null"),
                                  HasSubstr("\"busy\": null")));
    client.send(startup.substr(startup.size() - 1));
    cluster_.backends[0]->wait_for_received(startup.size());
    EXPECT_THAT(sessions(), HasSubstr("\"user\": \"nancy\""));
}

/// A real PostgreSQL behind c/rw.
class SessionListOfPostgres : public testing::Test {
  protected:
    SessionListOfPostgres() {
        auto leader = cluster_.member(0, "leader");
        leader.host = server_.ip();
        leader.port = PostgresServer::port();
        cluster_.answer_cluster(support::ClusterJson().member(leader).str());
        const std::string rw =
            "roles: [leader], host_port: " + std::to_string(PostgresServer::port());
        proxy_.emplace(
            config_top() +
            cluster_.section("c",
                             {{"rw", rw}, {"named", rw + ", client_address: application_name"}}));
    }
    [[nodiscard]] std::string conninfo(const std::string& more,
                                       const std::string& port = "c/rw") const {
        return "host=127.0.0.1 port=" + std::to_string(proxy_->port(port)) +
               " user=postgres dbname=postgres application_name=shop " + more;
    }

    FakeCluster cluster_{1};
    PostgresServer server_;
    std::optional<ProxyUnderTest> proxy_;
};

TEST_F(SessionListOfPostgres, ASessionIsFoundInPgStatActivity) {
    PsqlSession session(conninfo("sslmode=disable"));
    const std::string own =
        session
            .query(
                "select host(client_addr) || ':' || client_port from pg_stat_activity where pid = "
                "pg_backend_pid()")
            .value();
    EXPECT_THAT(proxy_->get("/sessions"),
                AllOf(HasSubstr("\"own_address\": \"" + own + "\""),
                      HasSubstr("\"user\": \"postgres\""), HasSubstr("\"database\": \"postgres\""),
                      HasSubstr("\"application_name\": \"shop\""), HasSubstr("\"busy\": false")));
    session.query("begin");
    EXPECT_THAT(proxy_->get("/sessions"), HasSubstr("\"busy\": true"));
    session.query("select 1");
    EXPECT_THAT(proxy_->get("/sessions"), HasSubstr("\"busy\": true"));
    session.query("commit");
    EXPECT_THAT(proxy_->get("/sessions"), HasSubstr("\"busy\": false"));
}

TEST_F(SessionListOfPostgres, TheClientsAddressIsInPgStatActivity) {
    const std::string asks =
        "select application_name from pg_stat_activity where pid = pg_backend_pid()";
    PsqlSession session(conninfo("sslmode=disable", "c/named"));
    EXPECT_THAT(session.query(asks).value(),
                testing::MatchesRegex("shop - 127\\.0\\.0\\.1:[0-9]+"));
    EXPECT_THAT(proxy_->get("/sessions"), HasSubstr("\"application_name\": \"shop\""));
    EXPECT_EQ(PsqlSession(conninfo("sslmode=require", "c/named")).query(asks).value(), "shop");
}

TEST_F(SessionListOfPostgres, UnderTlsNothingIsKnownOfIt) {
    PsqlSession session(conninfo("sslmode=require"));
    session.query("select 1");
    EXPECT_THAT(proxy_->get("/sessions"),
                AllOf(HasSubstr("\"user\": null"), HasSubstr("\"application_name\": null"),
                      HasSubstr("\"busy\": null"), HasSubstr("\"state\": \"relaying\"")));
}

}  // namespace
