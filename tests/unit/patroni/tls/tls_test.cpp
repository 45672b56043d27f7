// Requests over TLS: names, versions, and connections that break off.

#include <chrono>
#include <future>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tls_fixture.h"

namespace patroni::tls_tests {
namespace {

using testing::HasSubstr;
using Clock = std::chrono::steady_clock;

TEST_F(TlsTest, AsksAnAddressAndSendsNoName) {
    FakePatroni patroni(server());
    patroni.answer_cluster("{}");
    EXPECT_EQ(get(patroni, trusting()), kAnswer);
    EXPECT_EQ(patroni.request_log().at(0).server_name, "");
    EXPECT_EQ(patroni.request_log().at(0).client_name, "");
}

TEST_F(TlsTest, AsksANameAndSendsIt) {
    FakePatroni patroni(server_for({"localhost"}));
    patroni.answer_cluster("{}");
    EXPECT_EQ(get(patroni, trusting(), "localhost"), kAnswer);
    EXPECT_EQ(patroni.request_log().at(0).server_name, "localhost");
}

TEST_F(TlsTest, TheDotThatEndsANameIsNoPartOfIt) {
    FakePatroni patroni(server_for({"pg1.example.com"}));
    patroni.answer_cluster("{}");
    const auto resolver = std::make_shared<Resolver>(
        [](const std::string& host, Resolver::Family) -> Result<Resolver::Addresses> {
            if (host != "pg1.example.com.")
                return Failure{"not asked for the whole name"};
            return Resolver::Addresses{"127.0.0.1"};
        });
    RestClient client(kPatient, {.tls = read_tls_credentials(trusting(), daemons::read_file),
                                 .resolver = resolver});
    EXPECT_EQ(text_of(client.get({true, "pg1.example.com.", patroni.port()}, "/cluster")), kAnswer);
    EXPECT_EQ(patroni.request_log().at(0).server_name, "pg1.example.com");
}

TEST_F(TlsTest, AsksAnIpv6Address) {
    FakePatroni patroni(server_for({"::1"}), "::1");
    patroni.answer_cluster("{}");
    EXPECT_EQ(get(patroni, trusting(), "::1"), kAnswer);
}

TEST_F(TlsTest, TakesAServerWithTls12) {
    TlsOptions options = server();
    options.only_tls_1_2 = true;
    EXPECT_EQ(get_from(options, trusting()), kAnswer);
}

TEST_F(TlsTest, ClosesTheConnectionAfterEachRequest) {
    FakePatroni patroni(server());
    patroni.answer_cluster("{}");
    RestClient client(kPatient, {.tls = read_tls_credentials(trusting(), daemons::read_file)});
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(text_of(client.get({true, "127.0.0.1", patroni.port()}, "/cluster")), kAnswer);
        patroni.wait_for_open_connections(0);
    }
}

TEST_F(TlsTest, RefusesTlsBefore12) {
    TlsOptions options = server();
    options.only_tls_1_1 = true;
    const std::string reason =
        "the server offers no TLS version that is allowed here: 1.2 or later";
    EXPECT_EQ(get_from(options, trusting()), reason);
    EXPECT_EQ(get_from(options, unchecked_), reason);
}

TEST_F(TlsTest, HttpsOnAPlainPortIsNamed) {
    FakePatroni plain;
    EXPECT_EQ(get(plain, trusting()), "the server does not speak TLS on this port: is it http://?");
    EXPECT_EQ(get(plain, unchecked_), "the server does not speak TLS on this port: is it http://?");
}

TEST_F(TlsTest, PlainHttpOnATlsPortIsNamed) {
    FakePatroni patroni(server());
    RestClient client(kPatient);
    EXPECT_THAT(
        text_of(client.get({false, "127.0.0.1", patroni.port()}, "/cluster")),
        AllOf(HasSubstr("the server reset the connection"), HasSubstr("is this port https://?")));
}

TEST_F(TlsTest, AnAnswerThatBreaksOffIsNoAnswer) {
    // Without TLS's own end anyone on the way could have cut it.
    TlsOptions options = server();
    options.close_notify = false;
    EXPECT_EQ(get_from(options, trusting()), "the answer was cut short");

    FakePatroni patroni(server());
    patroni.answer("/cluster", {.body = "{}", .fault = Fault::reset});
    EXPECT_THAT(get(patroni, trusting()), HasSubstr("the server reset the connection"));
    patroni.answer("/cluster", {.body = "{}", .fault = Fault::close_without_answer});
    EXPECT_THAT(get(patroni, trusting()),
                HasSubstr("the server closed the connection without an answer"));
}

TEST_F(TlsTest, NoHandshakeOrAnswerTakesMoreThanTheTotalTime) {
    for (const auto handshake : {TlsOptions::Handshake::stall, TlsOptions::Handshake::drip}) {
        TlsOptions options = server();
        options.handshake = handshake;
        FakePatroni patroni(options);
        const auto start = Clock::now();
        EXPECT_EQ(get(patroni, trusting(), "127.0.0.1", kImpatient),
                  "no complete answer within 100 ms");
        EXPECT_GE(Clock::now() - start, 100ms);
        EXPECT_LT(Clock::now() - start, kSoon);
    }
    FakePatroni patroni(server());
    patroni.answer("/cluster", {.body = std::string(1'000, 'x'), .fault = Fault::drip_body});
    EXPECT_EQ(get(patroni, trusting(), "127.0.0.1", kImpatient),
              "no complete answer within 100 ms");
}

TEST_F(TlsTest, ADrippedHandshakeThatEndsInTimeIsVerified) {
    TlsOptions options = server();
    options.handshake = TlsOptions::Handshake::drip;
    options.drip_interval = 0ms;
    EXPECT_EQ(get_from(options, trusting()), kAnswer);
    EXPECT_THAT(get_from(options, trusting(), "localhost"), HasSubstr("not for localhost"));
}

TEST_F(TlsTest, AbortEndsAHandshakeAtOnce) {
    TlsOptions options = server();
    options.handshake = TlsOptions::Handshake::stall;
    FakePatroni patroni(options);
    RestClient client(kPatient, {.tls = read_tls_credentials(trusting(), daemons::read_file)});
    auto reply = std::async(std::launch::async, [&] {
        return text_of(client.get({true, "127.0.0.1", patroni.port()}, "/cluster"));
    });
    patroni.wait_for_open_connections(1);
    const auto start = Clock::now();
    client.abort();
    EXPECT_EQ(reply.get(), "shutting down");
    EXPECT_LT(Clock::now() - start, kSoon);
}

TEST_F(TlsTest, ABodyMayTakeOneMebibyteAndNoMore) {
    FakePatroni patroni(server());
    const std::string mebibyte(1024 * 1024, 'x');
    patroni.answer_cluster(mebibyte);
    EXPECT_EQ(get(patroni, trusting()), "200 OK: " + mebibyte);
    patroni.answer("/cluster", {.fault = Fault::endless_body});
    EXPECT_THAT(get(patroni, trusting()), HasSubstr("the answer is larger than 1 MiB"));
}

}  // namespace
}  // namespace patroni::tls_tests
