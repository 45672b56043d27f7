#include "daemon/http/http_server.h"

#include <cerrno>
#include <list>
#include <memory>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/system/descriptors.h"
#include "http_server_fixture.h"
#include "net/socket/socket_address.h"
#include "support/process/temp_dir.h"
#include "support/sockets/socket.h"

namespace daemons {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

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

TEST(HttpServerPeerTest, KnowsWhichHostIsAskedForAndWhetherAProxyAsks) {
    const auto socket = net::bind_listening_socket(*net::ListenAddress::parse("127.0.0.1:0"));
    const HttpServer server(socket, [](const HttpRequest& request, const HttpServer::Reply& reply) {
        reply({200, request.host + (request.is_forwarded ? ", forwarded" : ", direct"), {}});
    });
    const auto told = [&](const std::string& headers) {
        TestClient client("127.0.0.1", socket.address().port());
        client.send("GET / HTTP/1.0\r\n" + headers + "\r\n");
        const std::string answer = client.receive_to_eof();
        return answer.substr(answer.find("\r\n\r\n") + 4);
    };
    EXPECT_EQ(told(""), ", direct");
    EXPECT_EQ(told("Host: db:8008\r\n"), "db:8008, direct");
    for (const std::string name : {"X-Forwarded-For", "x-forwarded-for", "Forwarded", "Via"})
        EXPECT_EQ(told("Host: a\r\n" + name + ": x\r\n"), "a, forwarded") << name;
    EXPECT_EQ(told("X-Forwarded-For:\r\n"), ", forwarded");
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
