#include "patroni_agent/agent_server.h"

#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/socket/socket_address.h"
#include "support/sockets/test_client.h"
#include "unit/net/loop/loop_thread.h"

namespace agent {
namespace {

using namespace std::chrono_literals;
using support::TestClient;
using testing::Contains;
using testing::EndsWith;

constexpr std::size_t kMost = 1'000;
constexpr auto kShortPatience = 200ms;

/// A server on a loop of its own that answers with what it was sent, so that a test sees it.
class AgentServerTest : public testing::Test {
  protected:
    void serve(bool by_request, std::chrono::milliseconds patience = AgentServer::kPatience) {
        thread_.call([&] {
            server_.emplace(
                thread_.loop(), socket_, by_request,
                [](const AgentServer::Request& request) {
                    return reply_to(request.line, request.is_whole);
                },
                patience);
        });
    }
    static std::string reply_to(std::string_view request, bool is_whole = true) {
        return (is_whole ? "READY UP # <" : "MAINT DOWN # unended <") + std::string(request) +
               ">\n";
    }
    [[nodiscard]] TestClient connect() const { return {"127.0.0.1", socket_->address().port()}; }
    /// What HAProxy would read.
    [[nodiscard]] std::string ask(const std::string& request) const {
        TestClient client = connect();
        client.send(request);
        return client.receive_to_eof();
    }

    void TearDown() override {
        thread_.call([this] { server_.reset(); });
        EXPECT_TRUE(thread_.sleeps());
    }

    net::LoopThread thread_;
    const AgentServer::Socket socket_ = std::make_shared<const net::ListeningSocket>(
        net::bind_listening_socket(*net::ListenAddress::parse("127.0.0.1:0")));
    std::optional<AgentServer> server_;
};

TEST_F(AgentServerTest, AnswersAtOnceAndEndsTheStream) {
    serve(false);
    for (int i = 0; i < 10; ++i)
        EXPECT_EQ(connect().receive_to_eof(), "READY UP # <>\n");
}

TEST_F(AgentServerTest, IgnoresWhatAClientSendsWhenNoRequestIsExpected) {
    serve(false);
    EXPECT_EQ(ask("c/m/leader\n"), "READY UP # <>\n");
}

TEST_F(AgentServerTest, AnswersARequestOnceItIsWhole) {
    serve(true);
    EXPECT_EQ(ask("c/m/leader\n"), "READY UP # <c/m/leader>\n");
    EXPECT_EQ(ask("\n"), "READY UP # <>\n");
    TestClient slow = connect();
    for (const char c : std::string("c/m/any")) {
        slow.send(std::string(1, c));
        // Others are answered meanwhile.
        EXPECT_EQ(ask("x\n"), "READY UP # <x>\n");
        EXPECT_EQ(slow.closed_now(), std::nullopt);
    }
    slow.send("\n");
    EXPECT_EQ(slow.receive_to_eof(), "READY UP # <c/m/any>\n");
}

TEST_F(AgentServerTest, OnlyTheFirstLineIsARequest) {
    serve(true);
    EXPECT_EQ(ask("a\nb\nc\n"), "READY UP # <a>\n");
}

TEST_F(AgentServerTest, AnswersALineThatEndsWithItsConnection) {
    serve(true);
    TestClient client = connect();
    client.send("c/m/leader");
    client.half_close();
    EXPECT_EQ(client.receive_to_eof(), reply_to("c/m/leader", false));
}

TEST_F(AgentServerTest, AnswersAnUnfinishedLineWhenItsTimeIsUp) {
    serve(true, kShortPatience);
    const auto before = std::chrono::steady_clock::now();
    TestClient client = connect();
    client.send("c/m/leader");
    EXPECT_EQ(client.receive_to_eof(), reply_to("c/m/leader", false));
    EXPECT_GE(std::chrono::steady_clock::now() - before, kShortPatience);
}

TEST_F(AgentServerTest, ASilentClientGetsNoAnswer) {
    serve(true, kShortPatience);
    TestClient client = connect();
    client.half_close();
    EXPECT_EQ(client.receive_to_eof(), "");
    EXPECT_EQ(connect().receive_to_eof(), "");
}

TEST_F(AgentServerTest, AnswersALineThatFillsTheBuffer) {
    serve(true);
    EXPECT_EQ(ask(std::string(256, 'x')), reply_to(std::string(256, 'x'), false));
    // One byte fewer may still become a line.
    TestClient client = connect();
    client.send(std::string(255, 'x'));
    EXPECT_EQ(ask("x\n"), "READY UP # <x>\n");
    EXPECT_EQ(client.closed_now(), std::nullopt);
    client.send("\n");
    EXPECT_EQ(client.receive_to_eof(), reply_to(std::string(255, 'x')));
}

TEST_F(AgentServerTest, AMegabyteOfGarbageIsNotReadToItsEnd) {
    for (const bool by_request : {false, true}) {
        serve(by_request);
        TestClient client = connect();
        bool refused = false;
        // Long before it would have to go anyway.
        for (int i = 0; i < 1'000 && !refused; ++i)
            try {
                client.send(std::string(64 * 1024, by_request ? 'x' : '\n'));
            } catch (const std::exception&) {
                refused = true;
            }
        EXPECT_TRUE(refused);
        EXPECT_EQ(ask("x\n"), by_request ? "READY UP # <x>\n" : "READY UP # <>\n");
        thread_.call([this] { server_.reset(); });
    }
}

TEST_F(AgentServerTest, ResetsAtFullSpeedLeaveOthersAlone) {
    for (const bool by_request : {false, true}) {
        serve(by_request);
        for (int i = 0; i < 500; ++i)
            connect().reset();
        for (int i = 0; i < 500; ++i) {
            TestClient client = connect();
            client.send(i % 2 == 0 ? "half" : "whole\n");
            client.reset();
        }
        EXPECT_EQ(ask("x\n"), by_request ? "READY UP # <x>\n" : "READY UP # <>\n");
        thread_.call([this] { server_.reset(); });
    }
}

/// Silent clients: `count` that have connected and will say nothing, the oldest first.
std::list<TestClient> silent_clients(std::size_t count,
                                     const std::function<TestClient()>& connect) {
    std::list<TestClient> clients;
    while (clients.size() < count)
        clients.push_back(connect());
    return clients;
}

TEST_F(AgentServerTest, AThousandSilentClientsAndTheNextIsAnsweredAtOnce) {
    for (const bool by_request : {false, true}) {
        serve(by_request);
        auto silent = silent_clients(kMost, [this] { return connect(); });
        const auto before = std::chrono::steady_clock::now();
        EXPECT_EQ(ask("x\n"), by_request ? "READY UP # <x>\n" : "READY UP # <>\n");
        // Far less than the time after which they would have gone by themselves.
        EXPECT_LT(std::chrono::steady_clock::now() - before, 1'500ms);
        thread_.call([this] { server_.reset(); });
    }
}

TEST_F(AgentServerTest, AConnectionBeyondAThousandReplacesTheOldest) {
    serve(true);
    auto silent = silent_clients(kMost, [this] { return connect(); });
    auto more = silent_clients(2, [this] { return connect(); });
    silent.front().wait_for_eof();
    silent.pop_front();
    silent.front().wait_for_eof();
    silent.pop_front();
    more.back().send("x\n");
    EXPECT_EQ(more.back().receive_to_eof(), "READY UP # <x>\n");
}

TEST_F(AgentServerTest, ClosesEveryConnectionWhenItsTimeIsUp) {
    EXPECT_EQ(AgentServer::kPatience, 2s);
    for (const bool by_request : {false, true}) {
        serve(by_request, kShortPatience);
        const auto before = std::chrono::steady_clock::now();
        auto clients = silent_clients(20, [this] { return connect(); });
        if (by_request)
            clients.back().send("half a line");
        for (auto& client : clients)
            client.wait_for_eof();
        const auto waited = std::chrono::steady_clock::now() - before;
        if (by_request) {
            EXPECT_GE(waited, kShortPatience);
        }
        EXPECT_LT(waited, AgentServer::kPatience);
        // Nothing is left to wait for either.
        support::eventually(
            [this] {
                return thread_.call(
                    [this] { return thread_.loop().timers().milliseconds_to_next() == -1; });
            },
            "no connection to be waited for");
        thread_.call([this] { server_.reset(); });
    }
}

TEST_F(AgentServerTest, ADroppedConnectionMayHaveAnEventInTheSameBatch) {
    serve(true);
    auto silent = silent_clients(kMost, [this] { return connect(); });
    EXPECT_TRUE(thread_.sleeps());
    std::list<TestClient> more;
    // The loop sees all of it at once: new clients first, then the end of those that make room.
    thread_.call([&] {
        more = silent_clients(10, [this] { return connect(); });
        for (int i = 0; i < 10; ++i) {
            silent.front().close();
            silent.pop_front();
        }
        return true;
    });
    for (auto& client : more) {
        client.send("x\n");
        EXPECT_EQ(client.receive_to_eof(), "READY UP # <x>\n");
    }
}

TEST_F(AgentServerTest, ClosesItsConnectionsWhenItEnds) {
    serve(true);
    auto silent = silent_clients(10, [this] { return connect(); });
    EXPECT_EQ(ask("x\n"), "READY UP # <x>\n");
    thread_.call([this] { server_.reset(); });
    for (auto& client : silent)
        client.wait_for_eof();
}

}  // namespace
}  // namespace agent
