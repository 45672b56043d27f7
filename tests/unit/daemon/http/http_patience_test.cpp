// Clients that are slow, hostile or gone.

#include <list>
#include <memory>
#include <poll.h>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/http/http_server.h"
#include "daemon/system/descriptors.h"
#include "http_server_fixture.h"
#include "support/sockets/socket.h"

namespace daemons {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

TEST_F(HttpServerTest, IsNotDelayedByIdleConnections) {
    std::list<TestClient> idle;
    for (int i = 0; i < 200; ++i) {
        idle.push_back(connect());
        if (i % 2 == 1)
            idle.back().send("GET /half-a-requ");
    }
    for (int i = 0; i < 10; ++i)
        EXPECT_THAT(ask("GET", "/health"), EndsWith("GET /health"));
}

TEST_F(HttpServerTest, HalfRequestsByTheThousandKeepNobodyWaiting) {
    constexpr unsigned kFew = 64;
    serve({.connections = kFew});
    std::list<TestClient> half;
    for (unsigned i = 0; i < 5 * kFew; ++i) {
        half.push_back(connect());
        half.back().send("GET /half-a-requ");
    }
    // Soon: they would all be gone after ten seconds.
    TestClient client("127.0.0.1", port_, {.timeout = std::chrono::seconds{5}});
    client.send(head("GET", "/health") + "Connection: close\r\n\r\n");
    EXPECT_THAT(client.receive_to_eof(), EndsWith("GET /health"));
    // The youngest of them may still become whole.
    half.back().send("est HTTP/1.0\r\n\r\n");
    EXPECT_THAT(half.back().receive_to_eof(), EndsWith("GET /half-a-request"));
}

TEST_F(HttpServerTest, RequestsThatWaitForTheirAnswersLeaveRoomForOthers) {
    serve({.connections = 64});
    std::list<TestClient> waiting;
    const auto send_one = [&] {
        waiting.push_back(connect());
        waiting.back().send(head("GET", "/later") + "Connection: close\r\n\r\n");
    };
    send_one();
    const HttpServer::Reply first = take_reply();
    for (int i = 0; i < 100; ++i)
        send_one();
    EXPECT_THAT(waiting.back().receive_to_eof(), StartsWith("HTTP/1.1 503 Service Unavailable"));
    EXPECT_THAT(ask("GET", "/health"), EndsWith("GET /health"));
    first({200, "first", {}});
    EXPECT_THAT(waiting.front().receive_to_eof(), EndsWith("\r\n\r\nfirst"));
}

TEST_F(HttpServerTest, SlowRequestsAreCutOff) {
    EXPECT_EQ(HttpLimits{}.patience, std::chrono::seconds{10});
    serve({.patience = std::chrono::seconds{1}});
    TestClient silent = connect();
    TestClient dripping = connect();
    TestClient dripping_body = connect();
    silent.send("GET / HTTP/1.1\r\n");
    dripping.send("GET / HTTP/1.1\r\nX-Slow: ");
    dripping_body.send("POST /update_clusters HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n");
    const auto begin = support::Clock::now();
    for (TestClient* client : {&dripping, &dripping_body})
        while (!client->closed_now() && support::Clock::now() - begin < std::chrono::seconds{8}) {
            try {
                dripping.send("x");
                dripping_body.send("x");
            } catch (const std::system_error&) {
            }
            const auto next = support::Clock::now() + std::chrono::milliseconds{50};
            (void)support::wait_ready(client->fd(), POLLRDHUP, next);
        }
    EXPECT_TRUE(dripping.closed_now());
    EXPECT_TRUE(dripping_body.closed_now());
    silent.wait_for_close();
    EXPECT_GE(support::Clock::now() - begin, std::chrono::milliseconds{900});
    EXPECT_LT(support::Clock::now() - begin, std::chrono::seconds{8});
}

TEST_F(HttpServerTest, ClientsThatDoNotTakeTheirAnswersAreCutOff) {
    serve({.patience = std::chrono::seconds{1}});
    constexpr std::size_t kBody = 10'000'000;  // more than the kernel takes for the client
    TestClient client = slow_reader(kBody);
    const std::uint64_t descriptors = open_descriptors();
    support::eventually([&] { return open_descriptors() < descriptors; }, "the server to close it");
    EXPECT_LT(client.receive_to_eof().size(), kBody);
}

TEST_F(HttpServerTest, AnswersThatNobodyTakesAreBoundedAndTheNextIsGiven) {
    constexpr std::size_t kBody = 10'000'000;
    serve({.untaken_bytes = 2 * kBody});
    TestClient first = slow_reader(kBody);
    TestClient second = slow_reader(kBody);
    TestClient third = slow_reader(kBody);
    EXPECT_LT(first.receive_to_eof().size(), kBody);
    EXPECT_GT(second.receive_to_eof().size(), kBody);
    EXPECT_GT(third.receive_to_eof().size(), kBody);
}

TEST_F(HttpServerTest, RefusesOversizedHeadersAndGoesOn) {
    TestClient client = connect();
    client.send(head("GET", "/big") + "X-Big: " + std::string(20'000, 'x'));
    EXPECT_THAT(client.receive_line(), StartsWith("HTTP/1.1 4"));
    (void)client.wait_for_close();
    EXPECT_THAT(ask("GET", "/health"), EndsWith("GET /health"));
}

TEST_F(HttpServerTest, IsNotDisturbedByWhatIsNotHttp) {
    TestClient client = connect();
    client.send(std::string("\x00\x00\x00\x08\x04\xd2\x16\x2f", 8));  // PostgreSQL's SSLRequest
    TestClient another = connect();
    another.send("what is this?\r\n\r\n");
    EXPECT_THAT(ask("GET", "/health"), EndsWith("GET /health"));
}

TEST_F(HttpServerTest, SurvivesAClientThatLeavesBeforeItsReply) {
    for (const bool by_reset : {false, true}) {
        TestClient client = connect();
        client.send(head("GET", "/later") + "\r\n");
        const HttpServer::Reply reply = take_reply();
        if (by_reset)
            client.reset();
        else
            client.close();
        EXPECT_THAT(ask("GET", "/health"), EndsWith("GET /health"));
        reply({200, "too late", {}});
        EXPECT_THAT(ask("GET", "/health"), EndsWith("GET /health"));
    }
}

TEST_F(HttpServerTest, SurvivesAClientThatLeavesAmidItsReply) {
    TestClient client = connect();
    client.send(head("GET", "/later") + "\r\n");
    take_reply()({200, std::string(30'000'000, 'x'), {}});
    EXPECT_THAT(client.receive_line(), StartsWith("HTTP/1.1 200"));
    client.reset();
    EXPECT_THAT(ask("GET", "/health"), EndsWith("GET /health"));
}

}  // namespace
}  // namespace daemons
