#include "patroni_proxy/admin/admin_server.h"

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/socket/listening_socket.h"
#include "net/socket/socket_address.h"
#include "patroni_proxy/report/metrics_text.h"
#include "patroni_proxy/report/status_json.h"
#include "support/sockets/test_client.h"
#include "support/wait.h"
#include "unit/proxy/report/sample_report.h"

namespace proxy {
namespace {

using support::TestClient;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

/// A server whose updates of the clusters the test ends, and which reports the sample.
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

    AdminRequests::UpdateDone next_update() {
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
    std::vector<AdminRequests::UpdateDone> updates_;

  protected:
    const AdminServer::Socket socket_ = std::make_shared<const net::ListeningSocket>(
        net::bind_listening_socket(*net::ListenAddress::parse("127.0.0.1:0")));
    const std::uint16_t port_ = socket_->address().port();
    ProxyReport report_ = sample_report();
    std::atomic<std::size_t> reports_{0};
    AdminServer server_{
        socket_,
        {.update_clusters =
             [this](AdminRequests::UpdateDone done) {
                 const std::lock_guard lock(mutex_);
                 updates_.push_back(std::move(done));
                 changed_.notify_all();
             },
         .report =
             [this](const AdminRequests::ReportDone& done) {
                 ++reports_;
                 done(report_);
             },
         .list_sessions = [](const SessionFilter& /*filter*/, const SessionWriter& write,
                             const AdminRequests::SessionsDone& done) { done(write({})); }}};
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

TEST_F(AdminServerTest, LivesWithoutAskingAnybody) {
    EXPECT_THAT(answer("GET", "/live"), IsAnswer("200 OK", "OK\n"));
    EXPECT_THAT(answer("HEAD", "/live"), IsAnswer("200 OK", ""));
    EXPECT_EQ(reports_, 0U);
}

TEST_F(AdminServerTest, IsReadyAsTheReportSays) {
    EXPECT_THAT(answer("GET", "/ready"), IsAnswer("503 Service Unavailable", "it drains\n"));
    EXPECT_THAT(answer("HEAD", "/ready"), IsAnswer("503 Service Unavailable", ""));
    report_.ready = true;
    EXPECT_THAT(answer("GET", "/ready"), IsAnswer("200 OK", "OK\n"));
    EXPECT_THAT(answer("GET", "/ready?from=lb"), IsAnswer("200 OK", "OK\n"));
    EXPECT_THAT(answer("GET", "/ready/main/master"), IsAnswer("200 OK", "OK\n"));
    EXPECT_THAT(answer("GET", "/ready/main/slave"), IsAnswer("404 Not Found", "no such port\n"));
    EXPECT_THAT(answer("GET", "/readyness"), IsAnswer("404 Not Found", "Not Found\n"));
}

TEST_F(AdminServerTest, AHealthCheckOfHaproxyIsAnsweredAsAGet) {
    // `option httpchk /ready` without more sends exactly this.
    const auto check = [this](const std::string& path) {
        TestClient client("127.0.0.1", port_);
        client.send("OPTIONS " + path + " HTTP/1.0\r\n\r\n");
        return client.receive_to_eof();
    };
    const auto status = [](const std::string& code) { return HasSubstr(" " + code + "\r\n"); };
    EXPECT_THAT(check("/"), status("200 OK"));
    EXPECT_THAT(check("/live"), status("200 OK"));
    EXPECT_THAT(check("/ready"), status("503 Service Unavailable"));
    report_.ready = true;
    EXPECT_THAT(check("/ready"), status("200 OK"));
    EXPECT_THAT(check("/ready/main/master"), status("200 OK"));
    EXPECT_THAT(check("/ready/main/slave"), status("404 Not Found"));
}

TEST_F(AdminServerTest, StatusIsTheReportAsJson) {
    EXPECT_THAT(answer("GET", "/status"), AllOf(IsAnswer("200 OK", status_json(report_)),
                                                HasSubstr("Content-Type: application/json\r\n")));
}

TEST_F(AdminServerTest, MetricsAreTheReportAsText) {
    EXPECT_THAT(answer("GET", "/metrics"),
                AllOf(IsAnswer("200 OK", metrics_text(report_)),
                      HasSubstr("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n")));
}

TEST_F(AdminServerTest, MetricsAreOpenMetricsForThoseWhoAskForIt) {
    TestClient prometheus("127.0.0.1", port_);
    prometheus.send(
        "GET /metrics HTTP/1.1\r\nHost: proxy\r\n"
        "Accept: application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5\r\n"
        "Connection: close\r\n\r\n");
    EXPECT_THAT(
        prometheus.receive_to_eof(),
        AllOf(IsAnswer("200 OK", metrics_text(report_, daemons::MetricsFormat::openmetrics)),
              HasSubstr("Content-Type: application/openmetrics-text; version=1.0.0; "
                        "charset=utf-8\r\n")));
}

TEST_F(AdminServerTest, OtherPathsAreNotFound) {
    for (const std::string path : {"/nothing", "/update_clusters/", "//", "/update", "/OK"})
        EXPECT_THAT(answer("GET", path), IsAnswer("404 Not Found", "Not Found\n")) << path;
    EXPECT_THAT(answer("DELETE", "/nothing"), StartsWith("HTTP/1.1 404 Not Found\r\n"));
}

TEST_F(AdminServerTest, OtherMethodsAreToldWhichAreAllowed) {
    for (const std::string path : {"/", "/live", "/ready", "/ready/main/master"})
        for (const std::string method : {"POST", "PUT", "DELETE", "PATCH"})
            EXPECT_THAT(answer(method, path),
                        AllOf(StartsWith("HTTP/1.1 405 Method Not Allowed\r\n"),
                              HasSubstr("Allow: GET, HEAD, OPTIONS\r\n")))
                << method << ' ' << path;
    for (const std::string method : {"HEAD", "OPTIONS", "PUT", "DELETE"})
        EXPECT_THAT(answer(method, "/update_clusters"),
                    AllOf(StartsWith("HTTP/1.1 405 Method Not Allowed\r\n"),
                          HasSubstr("Allow: GET, POST\r\n")))
            << method;
    for (const std::string path : {"/status", "/metrics"})
        for (const std::string method : {"POST", "OPTIONS", "PUT", "DELETE"})
            EXPECT_THAT(answer(method, path),
                        AllOf(StartsWith("HTTP/1.1 405 Method Not Allowed\r\n"),
                              HasSubstr("Allow: GET, HEAD\r\n")))
                << method << ' ' << path;
    EXPECT_EQ(reports_, 0U);
    EXPECT_EQ(updates_waiting(), 0U);
}

TEST_F(AdminServerTest, AnswersAsHaproxysStatisticsPage) {
    EXPECT_THAT(answer("GET", "/;csv"),
                AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("\r\n\r\n# pxname,svname,"),
                      HasSubstr("\nmain:master,FRONTEND,")));
    EXPECT_THAT(answer("GET", "/stats;csv;norefresh"), HasSubstr("\nmain:master,BACKEND,"));
    EXPECT_THAT(answer("GET", "/stats"), HasSubstr("HAProxy version 0.1.0, "));
    EXPECT_THAT(answer("POST", "/stats"), StartsWith("HTTP/1.1 405"));
}

TEST_F(AdminServerTest, MetricsUseHaproxysNamesIfAskedTo) {
    EXPECT_THAT(answer("GET", "/metrics"), Not(HasSubstr("haproxy_")));
    EXPECT_THAT(answer("GET", "/metrics?haproxy"),
                AllOf(HasSubstr("\npatroni_proxy_ready "),
                      HasSubstr("\nhaproxy_frontend_current_sessions{proxy=\"main:master\"} 3\n")));
}

TEST_F(AdminServerTest, BrowsersGetThePage) {
    TestClient browser("127.0.0.1", port_);
    browser.send(
        "GET / HTTP/1.1\r\nHost: proxy\r\nAccept: text/html,*/*;q=0.8\r\n"
        "Connection: close\r\n\r\n");
    EXPECT_THAT(browser.receive_to_eof(),
                AllOf(HasSubstr("Content-Type: text/html"), HasSubstr("main: p1 leads")));
    EXPECT_THAT(answer("GET", "/"), EndsWith("\r\n\r\nOK"));
}

}  // namespace
}  // namespace proxy
