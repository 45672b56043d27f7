#include "patroni/rest/rest_client.h"

#include <chrono>
#include <cstdlib>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reply_text.h"
#include "support/fakes/fake_backend.h"
#include "support/fakes/fake_patroni.h"
#include "support/wait.h"
#include "unit/patroni/patience.h"

namespace patroni {
namespace {

using namespace std::chrono_literals;
using support::Answer;
using support::FakeBackend;
using support::FakePatroni;
using support::Fault;
using testing::HasSubstr;

Endpoint endpoint_of(const FakePatroni& patroni) {
    return Endpoint::parse(patroni.url()).value();
}

std::string text_of_get(const FakePatroni& patroni, RestClient::Timeouts timeouts = kPatient) {
    RestClient client(timeouts);
    return text_of(client.get(endpoint_of(patroni), "/cluster"));
}

TEST(RestClientTest, AnswersOfAnyStatusAreAnswers) {
    FakePatroni patroni;
    patroni.answer_cluster("{}");
    patroni.answer("/replica", {.status = 503, .body = "{\"state\": \"stopped\"}"});
    RestClient client(kPatient);
    const auto endpoint = endpoint_of(patroni);
    EXPECT_EQ(text_of(client.get(endpoint, "/cluster")), "200 OK: {}");
    EXPECT_EQ(text_of(client.get(endpoint, "/replica")),
              "503 Service Unavailable: {\"state\": \"stopped\"}");
    EXPECT_EQ(text_of(client.get(endpoint, "/nothing")), "404 Not Found: ");
}

TEST(RestClientTest, AsksForThePathWithHostAndOneConnectionEach) {
    FakePatroni patroni;
    RestClient client(kPatient);
    (void)client.get(endpoint_of(patroni), "/replica?lag=16MB");
    const auto log = patroni.request_log();
    ASSERT_EQ(log.size(), 1U);
    EXPECT_EQ(log[0].method, "GET");
    EXPECT_EQ(log[0].path, "/replica?lag=16MB");
    EXPECT_THAT(log[0].headers, testing::Contains("Host: " + patroni.address()));
    EXPECT_THAT(log[0].headers, testing::Contains("Connection: Close"));
}

TEST(RestClientTest, ClosesTheConnectionAfterEachRequest) {
    // Five idle connections block all of Patroni 4's REST API.
    FakePatroni patroni;
    patroni.answer_cluster("{}");
    patroni.answer("/stall", {.fault = Fault::stall});
    RestClient client(kImpatient);
    for (int i = 0; i < 3; ++i) {
        (void)client.get(endpoint_of(patroni), "/cluster");
        patroni.wait_for_open_connections(0);
    }
    (void)client.get(endpoint_of(patroni), "/stall");
    patroni.wait_for_open_connections(0);
}

TEST(RestClientTest, AsksIpv6AndNames) {
    FakePatroni v6("::1");
    v6.answer_cluster("six");
    EXPECT_EQ(text_of_get(v6), "200 OK: six");
    EXPECT_THAT(v6.request_log().at(0).headers, testing::Contains("Host: " + v6.address()));

    FakePatroni v4;
    v4.answer_cluster("four");
    RestClient client(kPatient);
    EXPECT_EQ(text_of(client.get({false, "localhost", v4.port()}, "/cluster")), "200 OK: four");
}

TEST(RestClientTest, ANameWithoutAnAddressIsAFailure) {
    // Longer than a part of a name may be, so that no server is asked.
    const std::string nowhere(64, 'x');
    RestClient client(kPatient);
    EXPECT_THAT(text_of(client.get({false, nowhere, 8008}, "/cluster")), HasSubstr(nowhere));
}

/// A client whose names have these addresses.
RestClient::Access with_addresses(const Result<Resolver::Addresses>& addresses,
                                  ResolvePrefer prefer = ResolvePrefer::any) {
    return {.resolver = std::make_shared<Resolver>(
                [addresses](const std::string&, Resolver::Family) { return addresses; }),
            .prefer = prefer};
}

TEST(RestClientTest, TriesTheNextAddressOfANameWhereOneRefuses) {
    FakePatroni patroni;
    patroni.answer_cluster("{}");
    RestClient client(kPatient, with_addresses(Resolver::Addresses{"127.0.0.2", "127.0.0.1"}));
    EXPECT_EQ(text_of(client.get({false, "pg1", patroni.port()}, "/cluster")), "200 OK: {}");
    EXPECT_THAT(patroni.request_log().at(0).headers,
                testing::Contains("Host: pg1:" + std::to_string(patroni.port())));
}

TEST(RestClientTest, ASilentAddressLeavesTimeForTheNextOne) {
    FakePatroni patroni;
    patroni.answer_cluster("{}");
    const FakeBackend silent({.ip = "127.0.0.2",
                              .port = patroni.port(),
                              .accept = support::BackendOptions::Accept::never});
    RestClient client({.connect = 200ms, .total = 60s},
                      with_addresses(Resolver::Addresses{"127.0.0.2", "127.0.0.1"}));
    EXPECT_EQ(text_of(client.get({false, "pg1", patroni.port()}, "/cluster")), "200 OK: {}");
}

TEST(RestClientTest, TellsWhatEachAddressSaidInThePreferredOrder) {
    FakePatroni patroni;
    patroni.stop();
    const Resolver::Addresses both{"127.0.0.1", "::1"};
    const std::string v4 = "127.0.0.1: connection refused";
    const std::string v6 = "::1: connection refused";
    const Endpoint endpoint{false, "pg1", patroni.port()};
    RestClient four(kPatient, with_addresses(both, ResolvePrefer::ipv4));
    EXPECT_EQ(text_of(four.get(endpoint, "/cluster")), v4 + "; " + v6);
    RestClient six(kPatient, with_addresses(both, ResolvePrefer::ipv6));
    EXPECT_EQ(text_of(six.get(endpoint, "/cluster")), v6 + "; " + v4);
}

TEST(RestClientTest, AHangingLookupTakesHalfTheConnectTimeAndEndsWithAbort) {
    std::promise<void> begun;
    auto end = std::make_shared<std::promise<void>>();
    const auto resolver = std::make_shared<Resolver>(
        [&begun, ended = end->get_future().share()](const std::string& host, Resolver::Family) {
            if (host == "pg2")
                begun.set_value();
            ended.wait();
            return Result<Resolver::Addresses>(Failure{"too late"});
        });
    RestClient hurried({.connect = 60ms, .total = 60s}, {.resolver = resolver});
    EXPECT_EQ(text_of(hurried.get({false, "pg1", 8008}, "/cluster")),
              "cannot resolve 'pg1': no answer within 30 ms");

    RestClient client(kPatient, {.resolver = resolver});
    auto reply = std::async(std::launch::async, [&] {
        return text_of(client.get({false, "pg2", 8008}, "/cluster"));
    });
    begun.get_future().wait();
    const auto start = support::Clock::now();
    client.abort();
    EXPECT_EQ(reply.get(), "shutting down");
    EXPECT_LT(support::Clock::now() - start, kSoon);
    end->set_value();
}

TEST(RestClientTest, AnInvalidAddressIsAFailure) {
    RestClient client(kPatient);
    EXPECT_THAT(text_of(client.get({false, "::x", 8008}, "/cluster")),
                HasSubstr("not a valid IP address"));
}

TEST(RestClientTest, ARefusedConnectionIsAFailure) {
    FakePatroni patroni;
    patroni.stop();
    EXPECT_THAT(text_of_get(patroni), HasSubstr("connection refused"));
}

TEST(RestClientTest, AHostThatAnswersNothingCostsTheConnectTimeout) {
    const FakeBackend silent({.accept = support::BackendOptions::Accept::never});
    RestClient client({.connect = 100ms, .total = 60s});
    const auto start = support::Clock::now();
    EXPECT_THAT(text_of(client.get({false, silent.ip(), silent.port()}, "/cluster")),
                HasSubstr("no answer within 100 ms"));
    EXPECT_LT(support::Clock::now() - start, kSoon);
}

TEST(RestClientTest, TheTotalTimeEndsAConnectToo) {
    const FakeBackend silent({.accept = support::BackendOptions::Accept::never});
    RestClient client(kImpatient);
    const auto start = support::Clock::now();
    EXPECT_EQ(text_of(client.get({false, silent.ip(), silent.port()}, "/cluster")),
              "no complete answer within 100 ms");
    EXPECT_LT(support::Clock::now() - start, kSoon);
}

struct SlowCase {
    std::string name;
    Answer answer;
};

TEST(RestClientTest, NoAnswerTakesMoreThanTheTotalTime) {
    const std::vector<SlowCase> cases{
        {"stall", {.fault = Fault::stall}},
        // Each byte comes soon enough for a timeout that counts from byte to byte.
        {"dripped headers", {.fault = Fault::drip_headers, .drip_interval = 50ms}},
        {"dripped body",
         {.body = std::string(1'000, 'x'), .fault = Fault::drip_body, .drip_interval = 50ms}},
    };
    for (const auto& [name, answer] : cases) {
        FakePatroni patroni;
        patroni.answer("/cluster", answer);
        const auto start = support::Clock::now();
        EXPECT_EQ(text_of_get(patroni, kImpatient), "no complete answer within 100 ms") << name;
        EXPECT_GE(support::Clock::now() - start, 100ms) << name;
        EXPECT_LT(support::Clock::now() - start, kSoon) << name;
    }
}

TEST(RestClientTest, ATimedOutRequestLeavesTheNextOneItsOwnTime) {
    FakePatroni patroni;
    patroni.answer("/stall", {.fault = Fault::stall});
    patroni.answer("/slow", {.body = "late", .delay = 50ms});
    RestClient client({.connect = 60s, .total = 500ms});
    EXPECT_EQ(text_of(client.get(endpoint_of(patroni), "/stall")),
              "no complete answer within 500 ms");
    EXPECT_EQ(text_of(client.get(endpoint_of(patroni), "/slow")), "200 OK: late");
}

TEST(RestClientTest, AnswersWithoutEndAreGivenUp) {
    FakePatroni patroni;
    patroni.answer("/cluster", {.fault = Fault::endless_body});
    patroni.answer("/headers", {.fault = Fault::endless_headers});
    RestClient client(kPatient);
    const auto start = support::Clock::now();
    EXPECT_THAT(text_of(client.get(endpoint_of(patroni), "/cluster")),
                HasSubstr("the answer is larger than 1 MiB"));
    EXPECT_THAT(text_of(client.get(endpoint_of(patroni), "/headers")),
                HasSubstr("the answer is not valid HTTP"));
    EXPECT_LT(support::Clock::now() - start, kSoon);
    patroni.wait_for_open_connections(0);
}

TEST(RestClientTest, AnAnswerThatIsNotHttpIsAFailure) {
    const auto reason_for = [](const std::string& greeting) {
        FakeBackend server({.name = greeting, .echo = false, .fin_after_greeting = true});
        RestClient client(kPatient);
        return text_of(client.get({false, server.ip(), server.port()}, "/cluster"));
    };
    EXPECT_EQ(reason_for("\x15\x03\x01"), "the server speaks TLS on this port: use https://");
    EXPECT_THAT(reason_for("SSH-2.0-OpenSSH_9.2"), HasSubstr("the answer is not valid HTTP"));
    EXPECT_THAT(reason_for("HTTP/1.0 200 OK\r\nX: " + std::string(100'000, 'x')),
                HasSubstr("the answer is not valid HTTP"));
}

TEST(RestClientTest, ABodyMayTakeOneMebibyteAndNoMore) {
    FakePatroni patroni;
    const std::string mebibyte(1024 * 1024, 'x');
    patroni.answer_cluster(mebibyte);
    EXPECT_EQ(text_of_get(patroni), "200 OK: " + mebibyte);
    patroni.answer_cluster(mebibyte + "x");
    EXPECT_THAT(text_of_get(patroni), HasSubstr("the answer is larger than 1 MiB"));
}

TEST(RestClientTest, ABodyShorterThanContentLengthIsAFailure) {
    FakePatroni patroni;
    patroni.answer("/cluster", {.body = "{\"members\": []}",
                                .fault = Fault::truncate,
                                .truncate_after = 5,
                                .with_content_length = true});
    EXPECT_THAT(text_of_get(patroni), HasSubstr("the answer was cut short"));
    patroni.answer("/cluster", {.body = "{\"members\": []}", .with_content_length = true});
    EXPECT_EQ(text_of_get(patroni), "200 OK: {\"members\": []}");
}

TEST(RestClientTest, AConnectionClosedOrResetWithoutAnAnswerIsAFailure) {
    // Patroni closes so when it has lost its DCS.
    FakePatroni patroni;
    patroni.answer("/cluster", {.fault = Fault::close_without_answer});
    EXPECT_THAT(text_of_get(patroni),
                HasSubstr("the server closed the connection without an answer"));
    patroni.answer("/cluster", {.fault = Fault::reset});
    EXPECT_THAT(text_of_get(patroni), HasSubstr("the server reset the connection"));
}

TEST(RestClientTest, AbortEndsAStalledRequestAtOnce) {
    FakePatroni patroni;
    patroni.answer("/cluster", {.fault = Fault::stall});
    RestClient client(kPatient);
    auto reply = std::async(std::launch::async,
                            [&] { return text_of(client.get(endpoint_of(patroni), "/cluster")); });
    patroni.wait_for_requests("/cluster", 1);
    const auto start = support::Clock::now();
    client.abort();
    EXPECT_EQ(reply.get(), "shutting down");
    EXPECT_LT(support::Clock::now() - start, kSoon);
}

TEST(RestClientTest, AbortEndsEveryLaterRequestAtOnce) {
    FakePatroni patroni;
    patroni.answer("/cluster", {.fault = Fault::stall});
    const FakeBackend silent({.accept = support::BackendOptions::Accept::never});
    const std::vector<Endpoint> endpoints{endpoint_of(patroni),
                                          {false, silent.ip(), silent.port()}};
    RestClient client(kPatient);
    client.abort();
    const auto start = support::Clock::now();
    // Often: the cut may come before the connect, while it is under way, or after it.
    for (int i = 0; i < 50; ++i)
        for (const auto& endpoint : endpoints)
            ASSERT_EQ(text_of(client.get(endpoint, "/cluster")), "shutting down");
    EXPECT_LT(support::Clock::now() - start, kSoon);
}

}  // namespace
}  // namespace patroni
