#include "daemon/http/http_server.h"

#include <cerrno>
#include <condition_variable>
#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <sys/resource.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/system/descriptors.h"
#include "net/socket/listening_socket.h"
#include "net/socket/socket_address.h"
#include "support/process/temp_dir.h"
#include "support/sockets/socket.h"
#include "support/sockets/test_client.h"
#include "support/wait.h"

namespace daemons {
namespace {

using support::TestClient;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

/// A server whose answer names what was asked; requests to /later are kept until a test answers.
class HttpServerTest : public testing::Test {
  protected:
    HttpServerTest() { serve(); }

    void serve(const HttpLimits& limits = {}) {
        server_.reset();
        server_ = std::make_unique<HttpServer>(
            socket_,
            [this](const HttpRequest& request, HttpServer::Reply reply) {
                handle(request, std::move(reply));
            },
            limits);
    }
    /// A client that has asked for what is answered with `bytes`, and reads none of it yet.
    TestClient slow_reader(std::size_t bytes) {
        TestClient client("127.0.0.1", port_, {.receive_buffer = 4'096});
        client.send(head("GET", "/later") + "Connection: close\r\n\r\n");
        take_reply()({200, std::string(bytes, 'x'), {}});
        return client;
    }
    [[nodiscard]] TestClient connect() const { return {"127.0.0.1", port_}; }

    static std::string head(const std::string& method, const std::string& target) {
        return method + " " + target + " HTTP/1.1\r\nHost: test\r\n";
    }
    /// The whole answer to one request on a connection of its own.
    [[nodiscard]] std::string ask(const std::string& method, const std::string& target,
                                  const std::string& rest = "\r\n") const {
        TestClient client = connect();
        client.send(head(method, target) + "Connection: close\r\n" + rest);
        return client.receive_to_eof();
    }

    /// The way to answer the oldest request to /later that has none yet.
    HttpServer::Reply take_reply() {
        std::unique_lock lock(mutex_);
        support::wait_until(
            lock, changed_, support::default_timeout, [this] { return !replies_.empty(); },
            "a request to /later", [] { return std::string(); });
        HttpServer::Reply reply = std::move(replies_.front());
        replies_.pop_front();
        return reply;
    }

    const net::ListeningSocket socket_ =
        net::bind_listening_socket(*net::ListenAddress::parse("127.0.0.1:0"));
    const std::uint16_t port_ = socket_.address().port();
    std::unique_ptr<HttpServer> server_;

    void handle(const HttpRequest& request, HttpServer::Reply reply) {
        if (request.path != "/later") {
            std::string told = request.method + " " + request.path;
            for (const auto& [name, value] : request.query)
                told += " " + name + "=" + value;
            return reply({200, told, {}});
        }
        const std::lock_guard lock(mutex_);
        replies_.push_back(std::move(reply));
        changed_.notify_all();
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<HttpServer::Reply> replies_;  // guarded by mutex_
};

TEST_F(HttpServerTest, AnswersARequestWithItsMethodAndPath) {
    EXPECT_THAT(ask("GET", "/health"),
                AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), EndsWith("\r\n\r\nGET /health")));
    EXPECT_THAT(ask("GET", "/"), EndsWith("GET /"));
    EXPECT_THAT(ask("DELETE", "/a/b"), EndsWith("DELETE /a/b"));
}

TEST_F(HttpServerTest, GivesTheQueryApartFromThePath) {
    EXPECT_THAT(ask("GET", "/replica?lag=10MB"), EndsWith("GET /replica lag=10MB"));
    EXPECT_THAT(ask("GET", "/a?name=a%2fb%26c+d&empty=&bare&name=again"),
                EndsWith("GET /a bare= empty= name=a/b&c d"));
    EXPECT_THAT(ask("GET", "/a?"), EndsWith("GET /a"));
}

TEST(HttpServerPeerTest, KnowsTheProcessAtTheOtherEndOfAUnixSocket) {
    const support::TempDir dir;
    const std::string path = dir.path().string() + "/http.sock";
    const auto socket = net::bind_listening_socket(*net::ListenAddress::parse(path));
    const HttpServer server(socket, [](const HttpRequest& request, const HttpServer::Reply& reply) {
        const auto& process = request.peer.process;
        reply({200,
               request.peer.address +
                   (process ? std::to_string(process->uid) + " " + std::to_string(process->pid)
                            : "nobody") +
                   " " + request.authorization,
               {}});
    });
    auto client = TestClient::on_unix(path);
    client.send("GET / HTTP/1.0\r\nAuthorization: Bearer x\r\n\r\n");
    EXPECT_THAT(client.receive_to_eof(), EndsWith("\r\n\r\n" + std::to_string(::getuid()) + " " +
                                                  std::to_string(::getpid()) + " Bearer x"));
}

TEST(HttpServerPeerTest, LetsInWhoIsAllowed) {
    const auto answer = [](const std::string& allowed) {
        const auto socket = net::bind_listening_socket(*net::ListenAddress::parse("127.0.0.1:0"));
        const HttpServer server(socket,
                                [](const HttpRequest& request, const HttpServer::Reply& reply) {
                                    reply({200, request.peer.address, {}});
                                },
                                {}, {.allow = {*net::Network::parse(allowed)}});
        TestClient client("127.0.0.1", socket.address().port());
        client.send("GET / HTTP/1.0\r\n\r\n");
        try {
            return client.receive_to_eof();
        } catch (const std::runtime_error&) {
            return std::string();  // it was closed with our request unread
        }
    };
    EXPECT_THAT(answer("127.0.0.0/8"), EndsWith("127.0.0.1"));
    EXPECT_EQ(answer("10.0.0.0/8"), "");
}

TEST_F(HttpServerTest, APathWithAZeroByteIsNotTheOneBeforeIt) {
    EXPECT_THAT(ask("GET", "/live%00x"), EndsWith("GET /live%00x"));
    EXPECT_THAT(ask("GET", "/a%20b"), EndsWith("GET /a b"));
}

TEST_F(HttpServerTest, DiscardsRequestBodies) {
    const std::string body(200'000, 'x');
    EXPECT_THAT(ask("POST", "/reload",
                    "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body),
                EndsWith("POST /reload"));
    EXPECT_THAT(ask("POST", "/reload", "Content-Length: 1\r\n\r\nx"), EndsWith("POST /reload"));
}

TEST_F(HttpServerTest, AnswersAHeadWithoutTheBody) {
    EXPECT_THAT(ask("HEAD", "/leader"),
                AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), EndsWith("\r\n\r\n")));
}

TEST_F(HttpServerTest, AnswersSeveralRequestsOnOneConnection) {
    TestClient client = connect();
    for (int i = 0; i < 3; ++i) {
        const std::string path = "/" + std::to_string(i);
        client.send(head("GET", path) + "\r\n");
        std::string line;
        while (line != "\r")
            line = client.receive_line();
        EXPECT_EQ(client.receive(6), "GET " + path);
    }
}

TEST_F(HttpServerTest, SendsTheReplyThatAnotherThreadGivesLater) {
    TestClient client = connect();
    client.send(head("GET", "/later") + "Connection: close\r\n\r\n");
    const HttpServer::Reply reply = take_reply();
    EXPECT_THAT(ask("GET", "/other"), EndsWith("GET /other"));  // nobody waits for it
    std::thread other([&] { reply({503, "paused", {{"Content-Type", "text/x-test"}}}); });
    EXPECT_THAT(client.receive_to_eof(),
                AllOf(StartsWith("HTTP/1.1 503 "), HasSubstr("\r\nContent-Type: text/x-test\r\n"),
                      EndsWith("\r\n\r\npaused")));
    other.join();
}

TEST_F(HttpServerTest, SendsALargeReplyWhole) {
    TestClient client = connect();
    client.send(head("GET", "/later") + "Connection: close\r\n\r\n");
    const std::string body(3'000'000, 'x');
    take_reply()({200, body, {}});
    EXPECT_THAT(client.receive_to_eof().size(), testing::Gt(body.size()));
}

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

TEST_F(HttpServerTest, ClosesIdleConnectionsButNotItsSocketWhenItIsDestroyed) {
    TestClient fresh = connect();
    TestClient used = connect();
    used.send(head("GET", "/health") + "\r\n");
    EXPECT_THAT(used.receive_line(), StartsWith("HTTP/1.1 200"));
    EXPECT_THAT(ask("GET", "/health"), EndsWith("GET /health"));  // so `fresh` is accepted too
    server_.reset();
    used.wait_for_eof();
    fresh.wait_for_eof();
    EXPECT_EQ(TestClient::connect_error("127.0.0.1", port_), 0);
}

TEST_F(HttpServerTest, RequestsWithoutAnAnswerGet503WhenTheServerStops) {
    std::vector<TestClient> clients;
    std::vector<HttpServer::Reply> replies;
    for (int i = 0; i < 3; ++i) {
        clients.push_back(connect());
        clients.back().send(head("GET", "/later") + "Connection: close\r\n\r\n");
        replies.push_back(take_reply());
    }
    server_.reset();
    for (auto& client : clients)
        EXPECT_THAT(client.receive_to_eof(), AllOf(StartsWith("HTTP/1.1 503 Service Unavailable"),
                                                   EndsWith("\r\n\r\nshutting down\n")));
}

TEST_F(HttpServerTest, AReplyAfterTheServerStoppedIsDropped) {
    TestClient client = connect();
    client.send(head("GET", "/later") + "Connection: close\r\n\r\n");
    const HttpServer::Reply reply = take_reply();
    server_.reset();
    reply({200, "too late", {}});
    reply({200, "later still", {}});
    EXPECT_THAT(client.receive_to_eof(), StartsWith("HTTP/1.1 503 "));
}

TEST_F(HttpServerTest, TheFirstOfTwoRepliesCounts) {
    TestClient client = connect();
    client.send(head("GET", "/later") + "Connection: close\r\n\r\n");
    const HttpServer::Reply reply = take_reply();
    reply({200, "first", {}});
    reply({200, "second", {}});
    EXPECT_THAT(client.receive_to_eof(), EndsWith("\r\n\r\nfirst"));
    EXPECT_THAT(ask("GET", "/health"), EndsWith("GET /health"));
}

TEST_F(HttpServerTest, RepliesWhileTheServerStopsAreSentOrDropped) {
    constexpr int kReplies = 20;
    std::vector<TestClient> clients;
    std::vector<HttpServer::Reply> replies;
    for (int i = 0; i < kReplies; ++i) {
        clients.push_back(connect());
        clients.back().send(head("GET", "/later") + "Connection: close\r\n\r\n");
        replies.push_back(take_reply());
    }
    std::thread other([&] {
        for (const auto& reply : replies)
            reply({200, "in time", {}});
    });
    server_.reset();
    other.join();
    for (auto& client : clients)
        EXPECT_THAT(client.receive_to_eof(),
                    testing::AnyOf(EndsWith("\r\n\r\nin time"), StartsWith("HTTP/1.1 503 ")));
}

TEST(HttpServer, HasAPartOfTheDescriptors) {
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    rlimit few = before;
    few.rlim_cur = 1'024;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
    EXPECT_EQ(HttpLimits{}.connections, 64U);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    EXPECT_LE(HttpLimits{}.connections, 2'000U);
}

TEST(HttpServer, ThrowsWhenThereIsNoSocketToServe) {
    const net::ListeningSocket nothing;
    EXPECT_THROW(HttpServer(nothing, [](const HttpRequest&, const auto&) {}), std::runtime_error);
}

}  // namespace
}  // namespace daemons
