#include "support/fakes/fake_patroni.h"

#include <cerrno>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/sockets/test_client.h"

namespace support {
namespace {

TestClient ask(const FakePatroni& patroni, const std::string& path,
               const std::string& method = "GET") {
    TestClient client(patroni.ip(), patroni.port());
    client.send(method + " " + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
    return client;
}

std::string get(const FakePatroni& patroni, const std::string& path) {
    return ask(patroni, path).receive_to_eof();
}

std::string body_of(const std::string& answer) {
    return answer.substr(answer.find("\r\n\r\n") + 4);
}

TEST(FakePatroniTest, AnswersAsPatroniDoes) {
    FakePatroni patroni;
    patroni.answer_cluster("{}");
    const std::string answer = get(patroni, "/cluster");
    const std::string start = "HTTP/1.0 200 OK\r\nServer: BaseHTTP/0.6 Python/3.11.2\r\nDate: ";
    const std::string date = "Sat, 21 Nov 2026 00:06:02 GMT";
    EXPECT_EQ(answer.substr(0, start.size()), start);
    EXPECT_EQ(answer.substr(start.size() + date.size()),
              "\r\nContent-Type: application/json\r\n\r\n{}");

    const auto log = patroni.request_log();
    ASSERT_EQ(log.size(), 1U);
    EXPECT_EQ(log[0].method, "GET");
    EXPECT_EQ(log[0].path, "/cluster");
    EXPECT_EQ(log[0].headers, std::vector<std::string>{"Host: x"});
}

TEST(FakePatroniTest, ABareStatusForHeadAndOptions) {
    FakePatroni patroni("::1");
    patroni.answer("/replica", {.status = 200, .body = "{}"});
    patroni.answer_cluster("{}");
    EXPECT_EQ(ask(patroni, "/replica", "OPTIONS").receive_to_eof(), "HTTP/1.0 200 OK\r\n\r\n");
    EXPECT_EQ(ask(patroni, "/cluster", "HEAD").receive_to_eof(),
              "HTTP/1.0 503 Service Unavailable\r\n\r\n");
    EXPECT_EQ(patroni.url(), "http://[::1]:" + std::to_string(patroni.port()));
}

TEST(FakePatroniTest, TheQueryMayBeNamedOrNot) {
    FakePatroni patroni;
    patroni.answer("/replica", {.status = 503});
    patroni.answer("/replica?lag=1MB", {.status = 200});
    EXPECT_TRUE(get(patroni, "/replica?lag=1MB").starts_with("HTTP/1.0 200 OK"));
    EXPECT_TRUE(get(patroni, "/replica?lag=2MB").starts_with("HTTP/1.0 503 "));
    EXPECT_TRUE(get(patroni, "/nothing").starts_with("HTTP/1.0 404 Not Found"));
    EXPECT_EQ(patroni.requests("/replica"), 2U);
    EXPECT_EQ(patroni.requests("/replica?lag=1MB"), 1U);
}

TEST(FakePatroniTest, HeldRequestsTakeTheAnswerOfTheirRelease) {
    FakePatroni patroni;
    patroni.answer_cluster("old");
    patroni.hold("/cluster");
    auto one = ask(patroni, "/cluster");
    auto two = ask(patroni, "/cluster");
    patroni.wait_for_requests("/cluster", 2);
    EXPECT_EQ(one.closed_now(), std::nullopt);
    EXPECT_EQ(patroni.max_concurrent(), 2U);
    EXPECT_THROW(patroni.wait_for_answers("/cluster", 1, Milliseconds{10}), TimedOut);
    patroni.answer_cluster("new");
    patroni.release("/cluster");
    EXPECT_EQ(body_of(one.receive_to_eof()), "new");
    EXPECT_EQ(body_of(two.receive_to_eof()), "new");
    patroni.wait_for_answers("/cluster", 2);
}

TEST(FakePatroniTest, StallsUntilReleasedOrStopped) {
    FakePatroni patroni;
    patroni.answer_cluster("late");
    patroni.answer("/cluster", {.body = "late", .fault = Fault::stall});
    auto released = ask(patroni, "/cluster");
    patroni.wait_for_requests("/cluster", 1);
    EXPECT_EQ(released.closed_now(), std::nullopt);
    patroni.release("/cluster");
    EXPECT_EQ(body_of(released.receive_to_eof()), "late");

    auto stopped = ask(patroni, "/cluster");
    patroni.wait_for_requests("/cluster", 2);
    patroni.stop();
    EXPECT_EQ(stopped.receive_to_eof(), "");
}

TEST(FakePatroniTest, AStalledClientThatLeavesIsForgotten) {
    FakePatroni patroni;
    patroni.answer("/cluster", {.fault = Fault::stall});
    auto client = ask(patroni, "/cluster");
    patroni.wait_for_requests("/cluster", 1);
    client.close();
    patroni.wait_for_open_connections(0);
}

TEST(FakePatroniTest, CountsAConnectionUntilTheClientClosesIt) {
    FakePatroni patroni;
    auto client = ask(patroni, "/");
    client.wait_for_eof();
    patroni.wait_for_answers("/", 1);
    EXPECT_EQ(patroni.open_connections(), 1U);
    client.close();
    patroni.wait_for_open_connections(0);
}

TEST(FakePatroniTest, OneAfterTheOtherIsNotConcurrent) {
    FakePatroni patroni;
    for (int i = 0; i < 200; ++i)
        get(patroni, "/cluster");
    EXPECT_EQ(patroni.max_concurrent(), 1U);
}

TEST(FakePatroniTest, ClosesOrResetsWithoutAnswer) {
    FakePatroni patroni;
    patroni.answer("/cluster", {.fault = Fault::close_without_answer});
    EXPECT_EQ(get(patroni, "/cluster"), "");
    patroni.answer("/cluster", {.fault = Fault::reset});
    EXPECT_EQ(ask(patroni, "/cluster").wait_for_close(), Closed::reset);
    EXPECT_THROW(patroni.wait_for_answers("/cluster", 1, Milliseconds{10}), TimedOut);
}

TEST(FakePatroniTest, TruncatesWithAndWithoutContentLength) {
    FakePatroni patroni;
    patroni.answer("/cluster",
                   {.body = "0123456789", .fault = Fault::truncate, .truncate_after = 4});
    EXPECT_EQ(body_of(get(patroni, "/cluster")), "0123");
    patroni.answer("/cluster", {.body = "0123456789",
                                .fault = Fault::truncate,
                                .truncate_after = 4,
                                .with_content_length = true});
    const std::string answer = get(patroni, "/cluster");
    EXPECT_NE(answer.find("\r\nContent-Length: 10\r\n"), std::string::npos) << answer;
    EXPECT_EQ(body_of(answer), "0123");
}

TEST(FakePatroniTest, DripsWhatItIsTold) {
    FakePatroni patroni;
    patroni.answer("/cluster",
                   {.body = "01234", .fault = Fault::drip_body, .drip_interval = Milliseconds{5}});
    const auto start = Clock::now();
    EXPECT_EQ(body_of(get(patroni, "/cluster")), "01234");
    EXPECT_GE(Clock::now() - start, Milliseconds{20});

    patroni.answer(
        "/cluster",
        {.body = "01234", .fault = Fault::drip_headers, .drip_interval = Milliseconds{1000}});
    auto client = ask(patroni, "/cluster");
    EXPECT_EQ(client.receive(1), "H");  // the destructor need not wait for the rest
}

TEST(FakePatroniTest, EndlessAnswersEndWithTheirReaderOrTheirCap) {
    FakePatroni patroni;
    patroni.answer("/cluster", {.fault = Fault::endless_body});
    auto client = ask(patroni, "/cluster");
    EXPECT_EQ(client.receive(1'000'000).size(), 1'000'000U);
    client.close();
    patroni.wait_for_open_connections(0);

    patroni.answer("/cluster", {.fault = Fault::endless_headers, .endless_cap = 10'000});
    const std::string answer = get(patroni, "/cluster");
    EXPECT_GE(answer.size(), 10'000U);
    EXPECT_EQ(answer.find("\r\n\r\n"), std::string::npos);
}

TEST(FakePatroniTest, Delays) {
    FakePatroni patroni;
    patroni.answer("/cluster", {.body = "{}", .delay = Milliseconds{30}});
    const auto start = Clock::now();
    EXPECT_EQ(body_of(get(patroni, "/cluster")), "{}");
    EXPECT_GE(Clock::now() - start, Milliseconds{30});
}

TEST(FakePatroniTest, GoesAndComesBackOnItsPort) {
    FakePatroni patroni;
    patroni.answer_cluster("{}");
    TestClient silent(patroni.ip(), patroni.port());
    patroni.wait_for_open_connections(1);
    patroni.stop();
    silent.wait_for_eof();
    EXPECT_EQ(patroni.open_connections(), 0U);
    EXPECT_EQ(TestClient::connect_error(patroni.ip(), patroni.port()), ECONNREFUSED);
    patroni.start();
    EXPECT_EQ(body_of(get(patroni, "/cluster")), "{}");
}

TEST(FakePatroniTest, ServesManyAtOnce) {
    FakePatroni patroni;
    patroni.answer_cluster("{}");
    patroni.hold("/cluster");
    std::vector<TestClient> clients;
    clients.reserve(100);
    for (int i = 0; i < 100; ++i)
        clients.push_back(ask(patroni, "/cluster"));
    patroni.wait_for_requests("/cluster", 100);
    EXPECT_EQ(patroni.max_concurrent(), 100U);
    patroni.release("/cluster");
    for (auto& client : clients)
        EXPECT_EQ(body_of(client.receive_to_eof()), "{}");
}

}  // namespace
}  // namespace support
