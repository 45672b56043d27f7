// Sessions that an operator ends.

#include <functional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "patroni_proxy/session/session.h"
#include "unit/proxy/logged.h"
#include "unit/proxy/port/fake_postgres.h"
#include "unit/proxy/port/served_port.h"
#include "unit/proxy/port/talking_postgres.h"

namespace proxy {
namespace {

using namespace std::string_literals;
using support::Closed;
using support::TestClient;
using testing::HasSubstr;

const std::string kTerminateMessage(kTerminate);

class SessionClosingTest : public testing::Test {
  protected:
    SessionClosingTest() { talk_as_postgres(p1_); }

    TestClient session(const std::string& user = "app") {
        TestClient client = port_.connect();
        client.send(FakePostgres::startup(user));
        EXPECT_EQ(client.receive(accepted_by("p1").size()), accepted_by("p1"));
        return client;
    }
    static void ask(TestClient& client, const std::string& what, char status) {
        client.send(what);
        EXPECT_EQ(client.receive(6), ready_for_query(status));
    }
    void wait_for_end(std::uint64_t count = 1) {
        port_.wait_for_sessions(0);
        EXPECT_EQ(port_.tally().members.at("p1").ended[static_cast<std::size_t>(
                      SessionEnd::closed_by_operator)],
                  count);
        EXPECT_EQ(backend_->connections, 0U);
    }

    support::FakeBackend p1_{{.name = "p1", .greeting = false, .echo = false}};
    const BackendPtr backend_ = backend_for(p1_);
    ServedPort port_{table_of({backend_})};
};

TEST_F(SessionClosingTest, TellsTheClientAndSaysGoodbyeToTheServer) {
    TestClient client = session();
    std::string last;
    const auto log = logged_during([&] {
        EXPECT_EQ(port_.close_by_operator("uid 0, pid 42"), 1U);
        last = client.receive_to_eof();
        client.close();
        wait_for_end();
    });
    const Answer answer = read_answer(last);
    EXPECT_EQ(answer.sqlstate, "57P01");
    EXPECT_EQ(answer.message, "terminating connection: an operator of patroni_proxy has closed it");
    p1_.wait_for_received(FakePostgres::startup().size() + kTerminateMessage.size());
    EXPECT_EQ(p1_.received_text().substr(FakePostgres::startup().size()), kTerminateMessage);
    EXPECT_THAT(log, HasSubstr("session ended: closed by an operator: uid 0, pid 42 client="));
    EXPECT_THAT(log, HasSubstr(" reason=closed_by_operator "));
    EXPECT_EQ(port_.troubles(), std::vector<std::string>{}) << "the member is not to blame";
}

TEST_F(SessionClosingTest, ResetsTheServerInATransaction) {
    TestClient client = session();
    ask(client, "begin", 'T');
    EXPECT_EQ(port_.close_by_operator("somebody"), 1U);
    EXPECT_EQ(client.receive_to_eof(), "")
        << "nothing is said in the middle of what the server says";
    p1_.wait_for_resets(1);
    wait_for_end();
}

TEST_F(SessionClosingTest, ResetsTheServerDuringAQuery) {
    p1_.answer_by([](const std::string& asked) -> std::optional<std::string> {
        return read_request(asked).kind == Request::startup ? accepted_by("p1") : "";
    });
    TestClient client = session();
    client.send("select pg_sleep(1)");
    p1_.wait_for_received(FakePostgres::startup().size() + 18);
    EXPECT_EQ(port_.close_by_operator("somebody"), 1U);
    EXPECT_EQ(client.receive_to_eof(), "");
    p1_.wait_for_resets(1);
}

TEST_F(SessionClosingTest, SaysNothingToAClientThatItCannotRead) {
    TestClient client = port_.connect();
    client.send("\x16\x03\x01"s);  // TLS
    p1_.wait_for_received(3);
    p1_.send_all(ready_for_query('I'));  // by chance
    EXPECT_EQ(client.receive(12), ready_for_query('I') + ready_for_query('I'));
    EXPECT_EQ(port_.close_between_queries(), 0U);
    EXPECT_EQ(port_.close_by_operator("somebody"), 1U);
    EXPECT_EQ(client.receive_to_eof(), "");
    p1_.wait_for_resets(1);
}

TEST_F(SessionClosingTest, BetweenQueriesIsOnlyThat) {
    TestClient busy = session();
    ask(busy, "begin", 'T');
    EXPECT_EQ(port_.close_between_queries(), 0U);
    ask(busy, "commit", 'I');
    EXPECT_EQ(port_.close_between_queries(), 1U);
    EXPECT_EQ(read_answer(busy.receive_to_eof()).sqlstate, "57P01");
}

TEST_F(SessionClosingTest, EndsOnce) {
    TestClient client = session();
    EXPECT_EQ(port_.close_by_operator("first"), 1U);
    EXPECT_EQ(port_.close_by_operator("second"), 0U);
    EXPECT_EQ(read_answer(client.receive_to_eof()).sqlstate, "57P01");
    client.close();
    wait_for_end();
}

TEST_F(SessionClosingTest, ACutMeanwhileIsStillTheOperatorsEnd) {
    TestClient client = session();
    p1_.answer_by([](const std::string&) { return ""; });  // it does not end by itself
    EXPECT_EQ(port_.close_by_operator("somebody"), 1U);
    port_.use(table_of({}));
    EXPECT_EQ(read_answer(client.receive_to_eof()).sqlstate, "57P01");
    wait_for_end();
}

TEST_F(SessionClosingTest, EndsHeldAndConnectingSessionsToo) {
    ServedPort holding(table_of({}), {.queue_timeout = std::chrono::hours(1)});
    TestClient held = holding.connect();
    holding.wait_for_queued(1);
    EXPECT_EQ(holding.close_by_operator("somebody"), 1U);
    EXPECT_EQ(held.wait_for_close(), Closed::fin);
    holding.wait_for_sessions(0);

    const support::FakeBackend silent({.accept = support::BackendOptions::Accept::never});
    const auto backend = backend_for(silent);
    ServedPort connecting(table_of({backend}));
    TestClient client = connecting.connect();
    wait_for_connections(backend, 1);
    EXPECT_EQ(connecting.close_by_operator("somebody"), 1U);
    EXPECT_EQ(client.wait_for_close(), Closed::fin);
    wait_for_connections(backend, 0);
}

TEST_F(SessionClosingTest, IsDescribed) {
    TestClient client = session("nancy");
    const auto records = port_.records();
    ASSERT_EQ(records.size(), 1U);
    const SessionRecord& record = records[0];
    EXPECT_EQ(record.id.text(), "w5-1");
    EXPECT_EQ(record.client.to_string(), "127.0.0.1:" + std::to_string(client.local_port()));
    EXPECT_EQ(record.backend, backend_);
    EXPECT_EQ(record.own.ip(), "127.0.0.1");
    EXPECT_EQ(record.user, "nancy");
    EXPECT_EQ(record.database, "nancy");
    EXPECT_EQ(record.application, "");
    EXPECT_EQ(record.state, "relaying");
    EXPECT_EQ(record.busy, false);
    EXPECT_EQ(record.held, 0);
    EXPECT_GT(record.connecting, 0);
    EXPECT_GE(record.age, record.connecting);
    EXPECT_LT(record.idle, record.age + 0.02);
    EXPECT_EQ(record.bytes_from_client, FakePostgres::startup("nancy").size());
    ask(client, "begin", 'T');
    EXPECT_EQ(port_.records()[0].busy, true);
}

TEST_F(SessionClosingTest, AHeldOneIsDescribedWithItsNames) {
    ServedPort holding(table_of({}), {.queue_timeout = std::chrono::hours(1)});
    TestClient held = holding.connect();
    held.send(FakePostgres::startup("patient"));
    support::eventually([&] { return holding.records().at(0).user == "patient"; }, "its name");
    const SessionRecord record = holding.records().at(0);
    EXPECT_EQ(record.state, "holding");
    EXPECT_EQ(record.backend, nullptr);
    EXPECT_EQ(record.busy, std::nullopt);
    EXPECT_GT(record.held, 0);
    EXPECT_LE(record.held, record.age);
    // What was said while it was held is known later, too.
    holding.use(table_of({backend_}));
    let_accept(backend_);
    EXPECT_EQ(held.receive(accepted_by("p1").size()), accepted_by("p1"));
    EXPECT_EQ(holding.records().at(0).user, "patient");
    EXPECT_GE(holding.records().at(0).held, record.held);
}

TEST_F(SessionClosingTest, HalfAStartupPacketNamesNobody) {
    TestClient client = port_.connect();
    client.send(FakePostgres::startup("somebody").substr(0, 20));
    p1_.wait_for_received(20);
    const auto records = port_.records();
    EXPECT_EQ(records.at(0).user, "");
    EXPECT_EQ(records.at(0).busy, std::nullopt);
}

TEST_F(SessionClosingTest, TheLogTellsWhoseSessionItWas) {
    const auto log = logged_during([&] {
        TestClient client = session("eve\nINFO forged");
        client.send(kTerminateMessage);
        client.close();
        port_.wait_for_sessions(0);
    });
    EXPECT_THAT(log, HasSubstr(" id=w5-1 user=\"eve\\\\nINFO forged\" database=\"eve\\\\nINFO "
                               "forged\" application_name=- held_seconds=0.000000 "
                               "connect_seconds=0.0"));
    EXPECT_EQ(count_of("\n", log), 1U);
}

}  // namespace
}  // namespace proxy
