// A relay whose owner ends it between two queries.

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <sys/socket.h>

#include <gtest/gtest.h>

#include "net/relay/relay.h"
#include "relay_fixture.h"

namespace net {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using support::Closed;

const std::string kReady = "Z\0\0\0\5I"s;
const std::string kInTransaction = "Z\0\0\0\5T"s;
const std::string kFailedTransaction = "Z\0\0\0\5E"s;
const std::string kGoodbye = "you are closed";
const std::string kTerminate = "X\0\0\0\4"s;

class RelayQueryTest : public RelayTest {
  protected:
    bool awaits_query() {
        return thread_.call([this] { return relay_->awaits_query(); });
    }
    bool end_between_queries() {
        return thread_.call([this] { return end_in_loop(); });
    }
    /// To be used inside call().
    bool end_in_loop() {
        return relay_->end_between_queries(std::as_bytes(std::span(kGoodbye)),
                                           std::as_bytes(std::span(kTerminate)));
    }
};

TEST_F(RelayQueryTest, KnowsThatTheServerAwaitsAQuery) {
    start();
    EXPECT_FALSE(awaits_query()) << "nothing was said yet";
    const struct {
        std::string answer;
        bool awaits;
    } cases[]{
        {kReady, true},          {"rows and rows" + kReady, true}, {kInTransaction, false},
        {"rows" + kReady, true}, {kFailedTransaction, false},      {kReady.substr(1), false},
        {kReady, true},          {kReady + "more", false},         {"I", false},
    };
    for (const auto& [answer, awaits] : cases) {
        exchange("a question", answer);
        EXPECT_EQ(awaits_query(), awaits) << answer;
    }
}

TEST_F(RelayQueryTest, ANotificationOrNoticeIsNoAnswerToAQuery) {
    const std::string notification = "A\0\0\0\016pid.news\0\0"s;
    const std::string parameter = "S\0\0\0\010a\0b\0"s;
    const std::string row = "D\0\0\0\6\0\0"s;
    start();
    exchange("LISTEN news", kReady);
    backend().send(notification);
    EXPECT_EQ(client().receive(notification.size()), notification);
    EXPECT_TRUE(awaits_query());
    backend().send(parameter + notification);
    EXPECT_EQ(client().receive(parameter.size() + notification.size()), parameter + notification);
    EXPECT_TRUE(awaits_query());
    exchange("a question", row + kReady + notification);
    EXPECT_TRUE(awaits_query()) << "they came together";
    exchange("begin", kInTransaction + notification);
    EXPECT_FALSE(awaits_query());
    exchange("commit", kReady);
    backend().send(notification + row);
    EXPECT_EQ(client().receive(notification.size() + row.size()), notification + row);
    EXPECT_FALSE(awaits_query()) << "there is more to come";
    exchange("a question", notification);
    EXPECT_FALSE(awaits_query()) << "its answer has not come";
    backend().send(kReady);
    EXPECT_EQ(client().receive(kReady.size()), kReady);
    EXPECT_TRUE(end_between_queries());
}

TEST_F(RelayQueryTest, ANotificationMayComeInPieces) {
    const std::string notification = "A\0\0\0\016pid.news\0\0"s;
    const auto pass = [&](const std::string& bytes) {
        backend().send(bytes);
        EXPECT_EQ(client().receive(bytes.size()), bytes);
        return awaits_query();
    };
    start();
    exchange("LISTEN news", kReady);
    EXPECT_FALSE(pass(notification.substr(0, 6))) << "a text of ours would fall into it";
    EXPECT_FALSE(pass(notification.substr(6, 3)));
    EXPECT_TRUE(pass(notification.substr(9)));
    EXPECT_FALSE(pass(notification + notification.substr(0, 5)));
    EXPECT_FALSE(pass(notification.substr(5) + "D\0\0\0\6\0\0"s)) << "there is more to come";
    EXPECT_FALSE(pass("rows"));
    exchange("a question", kReady + notification.substr(0, 7));
    EXPECT_FALSE(awaits_query());
    EXPECT_TRUE(pass(notification.substr(7) + notification));
    EXPECT_FALSE(pass(notification.substr(0, 7)));
    exchange("a question", notification.substr(7));
    EXPECT_FALSE(awaits_query()) << "its answer has not come";
    exchange("begin", kInTransaction + notification.substr(0, 7));
    EXPECT_FALSE(pass(notification.substr(7)));
    EXPECT_TRUE(pass(kReady));
    EXPECT_FALSE(pass("A\0\1\0\0"s)) << "too long for a notification";
    EXPECT_FALSE(pass(std::string(65'532, 'x')));
}

// The second query may be running while the server's last bytes end the first one.
TEST_F(RelayQueryTest, AClientThatPipelinesIsNeverTakenToWait) {
    const std::string query = "Q\0\0\0\6x\0"s;
    start();
    exchange(query, kReady);
    EXPECT_TRUE(awaits_query());
    exchange(query, kInTransaction);
    exchange(query, kReady);
    EXPECT_TRUE(awaits_query()) << "one at a time";
    exchange(query + query, kReady);
    EXPECT_FALSE(awaits_query());
    EXPECT_FALSE(end_between_queries());
    exchange(query, kReady);
    EXPECT_FALSE(awaits_query()) << "it may do so again";
}

TEST_F(RelayQueryTest, AClientThatAsksAgainBeforeItsAnswerPipelines) {
    const std::string sync = "S\0\0\0\4"s;
    start();
    exchange(sync, "rows");
    exchange(sync, kReady);
    EXPECT_FALSE(awaits_query());
}

TEST_F(RelayQueryTest, AClientThatAsksEndsTheWait) {
    start();
    exchange("a question", kReady);
    client().send("another");
    EXPECT_EQ(backend().receive(7), "another");
    EXPECT_FALSE(awaits_query());
    EXPECT_FALSE(end_between_queries());
    backend().send("an answer");
    EXPECT_EQ(client().receive(9), "an answer") << "nothing has happened";
}

TEST_F(RelayQueryTest, TellsBothSidesAndEndsWithTheServer) {
    start();
    exchange("a question", kReady);
    // In one turn of the loop, so that the server's time cannot run out meanwhile.
    thread_.call([this] {
        ASSERT_TRUE(end_in_loop());
        EXPECT_EQ(client().receive(kGoodbye.size()), kGoodbye);
        EXPECT_EQ(backend().receive(kTerminate.size()), kTerminate);
        EXPECT_EQ(backend_ends_, 0) << "the server has not ended yet";
        backend().close();
    });
    client().wait_for_eof();
    EXPECT_EQ(backend_ends(), 1);
    client().close();
    EXPECT_EQ(ends_.take(), RelayEnd::backend_closed);
}

TEST_F(RelayQueryTest, WhatTheClientSaysMeanwhileDoesNoHarm) {
    start();
    exchange("a question", kReady);
    ASSERT_TRUE(end_between_queries());
    client().send("a query that crosses the end");
    EXPECT_EQ(backend().receive(kTerminate.size()), kTerminate);
    backend().close();
    EXPECT_EQ(client().receive_to_eof(), kGoodbye);
    client().close();
    EXPECT_EQ(ends_.take(), RelayEnd::backend_closed);
}

TEST_F(RelayQueryTest, AServerThatStaysIsReset) {
    start();
    exchange("a question", kReady);
    const auto begin = support::Clock::now();
    ASSERT_TRUE(end_between_queries());
    EXPECT_EQ(backend().wait_for_close(), Closed::reset);
    EXPECT_GE(support::Clock::now() - begin, 100ms);
    EXPECT_EQ(client().receive_to_eof(), kGoodbye);
    client().close();
    EXPECT_EQ(ends_.take(), RelayEnd::backend_closed);
    EXPECT_EQ(backend_ends(), 1);
}

TEST_F(RelayQueryTest, EndsOnce) {
    start();
    exchange("a question", kReady);
    EXPECT_TRUE(end_between_queries());
    EXPECT_FALSE(end_between_queries());
    EXPECT_EQ(backend().receive(kTerminate.size()), kTerminate);
    backend().close();
    client().close();
    EXPECT_EQ(ends_.take(), RelayEnd::backend_closed);
}

TEST_F(RelayQueryTest, DoesNotEndWhileBytesAreUnread) {
    start();
    for (const Party party : {Party::client, Party::backend}) {
        exchange("a question", kReady);
        const bool parts = thread_.call([&] {
            of(party).test->send("unread");
            EXPECT_TRUE(support::wait_ready(of(party).relay_fd, POLLIN,
                                            support::Clock::now() + support::default_timeout));
            return end_in_loop();
        });
        EXPECT_FALSE(parts);
        const Party other = party == Party::client ? Party::backend : Party::client;
        EXPECT_EQ(of(other).test->receive(6), "unread");
    }
}

TEST_F(RelayQueryTest, KnowsHowLongNothingHasCome) {
    start();
    const auto since = support::Clock::now();
    exchange("a question", kReady);
    // Both ends of a silence are rounded down to the tick, of a clock that is a little behind.
    constexpr auto kRounding = 2 * EventLoop::kTick;
    const auto silence = [this] { return thread_.call([this] { return relay_->silence(); }); };
    support::eventually([&] { return silence() >= 50ms; }, "a silence");
    EXPECT_GE(support::Clock::now() - since, 50ms - kRounding);
    for (const Party party : {Party::client, Party::backend}) {
        const auto before = support::Clock::now();
        of(party).test->send("x");
        const Party other = party == Party::client ? Party::backend : Party::client;
        EXPECT_EQ(of(other).test->receive(1), "x");
        const auto silent = silence();
        EXPECT_LE(silent, support::Clock::now() - before + kRounding);
        support::eventually([&] { return silence() >= 50ms; }, "another silence");
    }
}

}  // namespace
}  // namespace net
