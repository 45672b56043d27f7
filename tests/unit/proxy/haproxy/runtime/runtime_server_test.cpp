#include "patroni_proxy/haproxy/runtime/runtime_server.h"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <poll.h>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/sockets/socket.h"
#include "support/sockets/test_client.h"
#include "unit/net/loop/loop_thread.h"

namespace proxy::haproxy {
namespace {

using support::TestClient;
using testing::HasSubstr;
using testing::StartsWith;

/// A server on a loop of its own that says the command's words back. It keeps the reply to "later"
/// until release(), and accepts nobody after "leave".
class RuntimeServerTest : public testing::Test {
  protected:
    void SetUp() override {
        thread_.call([this] {
            server_.emplace(thread_.loop(), socket_,
                            [this](const Words& command, const std::string& /*client*/,
                                   const RuntimeServer::Reply& reply) {
                                ++ran_;
                                if (command.front() == "later") {
                                    later_.push_back(reply);
                                    return;
                                }
                                if (command.front() == "leave")
                                    server_->stop_accepting();
                                std::string text;
                                for (const auto& word : command)
                                    text += "<" + word + ">";
                                reply(command.front() == "nothing" ? "" : text + "\n");
                            });
        });
    }
    void TearDown() override {
        thread_.call([this] { server_.reset(); });
        EXPECT_TRUE(thread_.sleeps());
    }
    [[nodiscard]] TestClient connect() const { return {"127.0.0.1", socket_->address().port()}; }
    [[nodiscard]] std::string ask(const std::string& text) const {
        TestClient client = connect();
        client.send(text);
        return client.receive_to_eof();
    }
    /// False until "later" has come.
    bool release() {
        bool any = false;
        thread_.call([&] {
            any = !later_.empty();
            for (const auto& reply : std::exchange(later_, {}))
                reply("now\n");
        });
        return any;
    }

    net::LoopThread thread_;
    const RuntimeServer::Socket socket_ = std::make_shared<const net::ListeningSocket>(
        net::bind_listening_socket(*net::ListenAddress::parse("127.0.0.1:0")));
    std::vector<RuntimeServer::Reply> later_;  // the loop's thread only
    std::size_t ran_ = 0;                      // the loop's thread only
    std::optional<RuntimeServer> server_;
};

TEST_F(RuntimeServerTest, AnswersOneLineAndCloses) {
    EXPECT_EQ(ask("show info\n"), "<show><info>\n\n");
    EXPECT_EQ(ask("a\nb\n"), "<a>\n\n");
    EXPECT_EQ(ask("nothing\n"), "\n");
    EXPECT_EQ(ask("\n"), "\n");
}

TEST_F(RuntimeServerTest, AnswersEachCommandOfALineInABlockOfItsOwn) {
    EXPECT_EQ(ask("show info;show stat\n"), "<show><info>\n\n<show><stat>\n\n");
}

// As HAProxy 3.2 was seen to answer, letter by letter.
TEST_F(RuntimeServerTest, PromptKeepsTheConnection) {
    EXPECT_EQ(ask("prompt\nshow version\nfoo\n\nnothing\nquit\n"),
              "\n> <show><version>\n\n> <foo>\n\n> \n> \n> ");
}

TEST_F(RuntimeServerTest, TheTimeoutOfAClientCanBeSet) {
    EXPECT_EQ(ask("set timeout cli 60\n"), "\n");
    EXPECT_EQ(ask("set timeout cli 5m\n"), "\n");
    EXPECT_EQ(ask("set timeout cli x\n"), "Invalid timeout value.\n\n");
    EXPECT_EQ(ask("set timeout cli\n"), "Invalid timeout value.\n\n");
    EXPECT_EQ(ask("set timeout\n"), "'set timeout' only supports 'cli'.\n\n");
}

TEST_F(RuntimeServerTest, AClientThatSendsNoMoreGetsItsAnswer) {
    TestClient client = connect();
    client.send("show info\n");
    client.half_close();
    EXPECT_EQ(client.receive_to_eof(), "<show><info>\n\n");
    TestClient silent = connect();
    silent.send("show info");
    silent.half_close();
    EXPECT_EQ(silent.receive_to_eof(), "");
}

TEST_F(RuntimeServerTest, CommandsWaitForTheAnswerBefore) {
    TestClient client = connect();
    client.send("prompt\nlater\nshow info\nquit\n");
    while (!release()) {
    }
    EXPECT_EQ(client.receive_to_eof(), "\n> now\n\n> <show><info>\n\n> ");
}

TEST_F(RuntimeServerTest, AReplyForAClientOrServerThatIsGoneIsDropped) {
    {
        TestClient client = connect();
        client.send("later\n");
        thread_.call([] {});
    }
    std::vector<RuntimeServer::Reply> kept;
    do
        thread_.call([&] { kept = later_; });
    while (kept.empty());
    thread_.call([&] {
        server_.reset();
        kept.front()("now\n");
        later_.clear();
    });
}

TEST_F(RuntimeServerTest, ManyCommandsInALineAreAllAnswered) {
    std::string line;
    std::string answers;
    for (int i = 0; i < 100; ++i) {
        line += "a;";
        answers += "<a>\n\n";
    }
    EXPECT_EQ(ask(line + "\n"), answers + "\n");
}

TEST_F(RuntimeServerTest, ClientsWithManyCommandsLeaveTheLoopToOthersAfterAFew) {
    constexpr int kClients = 20;
    constexpr int kCommands = 50;
    std::string line;
    std::string answers;
    for (int i = 0; i < kCommands; ++i) {
        line += "a;";
        answers += "<a>\n\n";
    }
    // Posted again in each turn of the loop.
    std::size_t most = 0;
    std::size_t seen = 0;
    bool ends = false;
    std::function<void()> look = [&] {
        most = std::max(most, ran_ - std::exchange(seen, ran_));
        if (!ends)
            thread_.loop().post(look);
    };
    std::vector<TestClient> clients;
    for (int i = 0; i < kClients; ++i)
        clients.push_back(connect());
    std::promise<void> all_sent;
    thread_.loop().post([&] {
        all_sent.get_future().wait();
        look();
    });
    for (auto& client : clients)
        client.send(line + "\n");
    all_sent.set_value();
    for (auto& client : clients)
        EXPECT_EQ(client.receive_to_eof(), answers + "\n");
    thread_.call([&] { ends = true; });
    thread_.call([] {});  // `look` was called for the last time
    EXPECT_LE(most, 8U) << "four of one client, and four of the next";
}

TEST_F(RuntimeServerTest, ALineWithoutEndClosesTheConnection) {
    TestClient client = connect();
    client.send(std::string(64 * 1024, 'x'));
    client.wait_for_close();
}

// As in an upgrade, which begins amid a batch of events.
TEST_F(RuntimeServerTest, LeavesToTheNextProcessWhoConnectsInTheBatchInWhichItStops) {
    TestClient tool = connect();
    tool.send("prompt\n");
    EXPECT_EQ(tool.receive(3), "\n> ");
    std::promise<void> stands_still;
    std::promise<void> both_wait;
    thread_.loop().post([&] {
        stands_still.set_value();
        both_wait.get_future().wait();
    });
    stands_still.get_future().wait();
    tool.send("leave\n");
    const TestClient late = connect();
    both_wait.set_value();
    EXPECT_EQ(tool.receive(11), "<leave>\n\n> ");
    EXPECT_TRUE(thread_.sleeps());
    EXPECT_TRUE(support::wait_ready(socket_->get(), POLLIN,
                                    support::Clock::now() + support::default_timeout))
        << "nobody is left to accept";
}

TEST_F(RuntimeServerTest, OneClientMoreReplacesTheOneThatIsSilentForLongest) {
    std::vector<TestClient> clients;
    for (int i = 0; i < 32; ++i)
        clients.push_back(connect());
    EXPECT_EQ(ask("show info\n"), "<show><info>\n\n");
    EXPECT_EQ(clients.front().receive_to_eof(), "");
    clients.back().send("show info\n");
    EXPECT_EQ(clients.back().receive_to_eof(), "<show><info>\n\n");
}

TEST_F(RuntimeServerTest, ALongTimeoutDoesNotMakeASilentClientOutliveAnother) {
    std::vector<TestClient> patient;
    for (int i = 0; i < 32; ++i) {
        patient.push_back(connect());
        patient.back().send("prompt\nset timeout cli 1h\n");
        EXPECT_EQ(patient.back().receive(6), "\n> \n> ");
    }
    TestClient honest = connect();
    honest.send("prompt\n");
    EXPECT_EQ(honest.receive(3), "\n> ");
    EXPECT_EQ(patient.front().receive_to_eof(), "");
    EXPECT_EQ(ask("show info\n"), "<show><info>\n\n");
    honest.send("show info\nquit\n");
    EXPECT_EQ(honest.receive_to_eof(), "<show><info>\n\n> ");
}

}  // namespace
}  // namespace proxy::haproxy
