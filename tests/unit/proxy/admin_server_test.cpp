#include "patroni_proxy/admin_server.h"

#include <condition_variable>
#include <future>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/listening_socket.h"
#include "net/socket_address.h"
#include "support/test_client.h"
#include "support/wait.h"

namespace proxy {
namespace {

using support::TestClient;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

/// A server whose updates of the clusters the test ends.
class AdminServerTest : public testing::Test {
  protected:
    /// Sends a request; the answer is still to be read.
    [[nodiscard]] TestClient ask(const std::string& method, const std::string& path) const {
        TestClient client("127.0.0.1", port_);
        client.send(method + " " + path + " HTTP/1.1\r\nHost: proxy\r\nConnection: close\r\n\r\n");
        return client;
    }
    /// The whole answer, head and body.
    [[nodiscard]] std::string answer(const std::string& method, const std::string& path) const {
        return ask(method, path).receive_to_eof();
    }

    AdminServer::UpdateDone next_update() {
        std::unique_lock lock(mutex_);
        support::wait_until(
            lock, changed_, support::default_timeout, [&] { return !updates_.empty(); },
            "an update to be asked for", [] { return std::string(); });
        auto update = updates_.front();
        updates_.erase(updates_.begin());
        return update;
    }
    std::size_t updates_waiting() {
        const std::lock_guard lock(mutex_);
        return updates_.size();
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<AdminServer::UpdateDone> updates_;
    const net::ListeningSocket socket_ =
        net::bind_listening_socket(*net::SocketAddress::parse("127.0.0.1:0"));
    const std::uint16_t port_ = socket_.address().port();
    AdminServer server_{socket_, [this](AdminServer::UpdateDone done) {
                            const std::lock_guard lock(mutex_);
                            updates_.push_back(std::move(done));
                            changed_.notify_all();
                        }};
};

MATCHER_P2(IsAnswer, status, body, "") {
    return testing::ExplainMatchResult(AllOf(StartsWith("HTTP/1.1 " + std::string(status) + "\r\n"),
                                             EndsWith("\r\n\r\n" + std::string(body))),
                                       arg, result_listener);
}

TEST_F(AdminServerTest, TheRootIsOk) {
    EXPECT_THAT(answer("GET", "/"), IsAnswer("200 OK", "OK"));
    EXPECT_THAT(answer("GET", "/?from=monitoring"), IsAnswer("200 OK", "OK"));
    EXPECT_THAT(answer("OPTIONS", "/"), StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(answer("GET", "/"), HasSubstr("Content-Type: text/plain"));
}

TEST_F(AdminServerTest, HeadOfTheRootHasNoBody) {
    EXPECT_THAT(answer("HEAD", "/"), IsAnswer("200 OK", ""));
}

TEST_F(AdminServerTest, UpdateClustersAnswersOnceTheTablesAreInForce) {
    for (const std::string method : {"GET", "POST"}) {
        auto client = ask(method, "/update_clusters");
        const auto done = next_update();
        EXPECT_EQ(client.closed_now(), std::nullopt) << "it has been answered already";
        done(2, "");
        EXPECT_THAT(client.receive_to_eof(), IsAnswer("200 OK", "Updated 2 cluster(s)\n"));
    }
}

TEST_F(AdminServerTest, UpdateClustersNamesWhatFailed) {
    auto client = ask("GET", "/update_clusters");
    next_update()(1, "main: http://10.0.0.1:8008: Connection refused");
    EXPECT_THAT(client.receive_to_eof(),
                IsAnswer("502 Bad Gateway",
                         "Updated 1 cluster(s); failed: main: http://10.0.0.1:8008: Connection "
                         "refused\n"));
}

TEST_F(AdminServerTest, AnUpdateThatTakesLongKeepsNobodyWaiting) {
    auto first = ask("GET", "/update_clusters");
    const auto first_done = next_update();
    EXPECT_THAT(answer("GET", "/"), IsAnswer("200 OK", "OK"));
    auto second = ask("GET", "/update_clusters");
    next_update()(1, "");
    EXPECT_THAT(second.receive_to_eof(), IsAnswer("200 OK", "Updated 1 cluster(s)\n"));
    first_done(3, "");
    EXPECT_THAT(first.receive_to_eof(), IsAnswer("200 OK", "Updated 3 cluster(s)\n"));
}

TEST_F(AdminServerTest, AClientThatDoesNotWaitLeavesTheOthersAlone) {
    for (int i = 0; i < 3; ++i) {
        ask("GET", "/update_clusters").close();
        next_update()(1, "");
    }
    EXPECT_THAT(answer("GET", "/"), IsAnswer("200 OK", "OK"));
}

TEST_F(AdminServerTest, OtherPathsAreNotFound) {
    for (const std::string path : {"/nothing", "/update_clusters/", "//", "/update", "/OK"})
        EXPECT_THAT(answer("GET", path), IsAnswer("404 Not Found", "Not Found\n")) << path;
    EXPECT_THAT(answer("DELETE", "/nothing"), StartsWith("HTTP/1.1 404 Not Found\r\n"));
}

TEST_F(AdminServerTest, OtherMethodsAreToldWhichAreAllowed) {
    for (const std::string method : {"POST", "PUT", "DELETE", "PATCH"})
        EXPECT_THAT(answer(method, "/"), AllOf(StartsWith("HTTP/1.1 405 Method Not Allowed\r\n"),
                                               HasSubstr("Allow: GET, HEAD, OPTIONS\r\n")))
            << method;
    for (const std::string method : {"HEAD", "OPTIONS", "PUT", "DELETE"})
        EXPECT_THAT(answer(method, "/update_clusters"),
                    AllOf(StartsWith("HTTP/1.1 405 Method Not Allowed\r\n"),
                          HasSubstr("Allow: GET, POST\r\n")))
            << method;
    EXPECT_EQ(updates_waiting(), 0U);
}

}  // namespace
}  // namespace proxy
