#include "patroni_proxy/postgres/startup.h"

#include <cstddef>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "patroni_proxy/postgres/postgres_messages.h"
#include "postgres_bytes.h"

namespace proxy {

std::ostream& operator<<(std::ostream& out, Startup::Next next) {
    switch (next) {
        case Startup::Next::further:
            return out << "further";
        case Startup::Next::more:
            return out << "more";
        case Startup::Next::enough:
            return out << "enough";
        case Startup::Next::cancel:
            return out << "cancel";
        case Startup::Next::not_ready:
            return out << "not_ready";
    }
    return out << "Next " << static_cast<int>(next);
}

std::ostream& operator<<(std::ostream& out, Startup::Awaits awaits) {
    switch (awaits) {
        case Startup::Awaits::request:
            return out << "request";
        case Startup::Awaits::encryption:
            return out << "encryption";
        case Startup::Awaits::answer:
            return out << "answer";
    }
    return out << "Awaits " << static_cast<int>(awaits);
}

namespace {

using namespace std::string_literals;
using Next = Startup::Next;
using Awaits = Startup::Awaits;

enum class Side { client, backend };

struct Step {
    Side from;
    std::string bytes;
    Next next;
    // After `enough` nobody asks for them.
    Awaits awaits = Awaits::request;
    std::string request{};
};

void expect_step(Startup& startup, const Step& step, const std::string& what) {
    const Next next =
        step.from == Side::client ? startup.on_client(step.bytes) : startup.on_backend(step.bytes);
    EXPECT_EQ(next, step.next) << what;
    if (next == Next::enough)
        return;
    EXPECT_EQ(startup.awaits(), step.awaits) << what;
    EXPECT_EQ(startup.request(), step.request) << what;
}

struct Case {
    const char* what;
    std::vector<Step> steps;
};

void expect_steps(bool keeps, const std::vector<Case>& cases) {
    for (const auto& [what, steps] : cases) {
        Startup startup(keeps);
        EXPECT_EQ(startup.awaits(), Awaits::request) << what;
        EXPECT_EQ(startup.request(), "") << what;
        for (std::size_t i = 0; i < steps.size(); ++i)
            expect_step(startup, steps[i], what + ", step "s + std::to_string(i + 1));
    }
}

const std::string kSsl = ssl_request();
const std::string kGss = gss_request();
const std::string kCancel = cancel_request();
const std::string kStartup = startup_packet();
const std::string kAuthenticated = message_of('R', four_bytes(0));
const std::string kNotReady = shutting_down();
const std::string kTls = "\x16\x03\x01\x02\x00"s;

constexpr auto kClient = Side::client;
constexpr auto kBackend = Side::backend;

// What follows holds wherever a request is sent, whether the startup packet is kept or not.
const std::vector<Case> kEither{
    {"encryption",
     {{kClient, kSsl, Next::further, Awaits::encryption, kSsl}, {kBackend, "S", Next::enough}}},
    {"encryption by GSSAPI",
     {{kClient, kGss, Next::further, Awaits::encryption, kGss}, {kBackend, "G", Next::enough}}},
    {"no encryption, and more than that",
     {{kClient, kSsl, Next::further, Awaits::encryption, kSsl},
      {kBackend, "N" + kNotReady, Next::enough}}},
    {"an error instead of a word on encryption",
     {{kClient, kSsl, Next::further, Awaits::encryption, kSsl},
      {kBackend, kNotReady, Next::enough}}},
    {"a cancel request at once", {{kClient, kCancel, Next::cancel, Awaits::request, kCancel}}},
    {"a cancel request in two pieces",
     {{kClient, kCancel.substr(0, 7), Next::further, Awaits::request, kCancel.substr(0, 7)},
      {kClient, kCancel.substr(7), Next::cancel, Awaits::request, kCancel}}},
    {"a cancel request after a no to encryption",
     {{kClient, kSsl, Next::further, Awaits::encryption, kSsl},
      {kBackend, "N", Next::further},
      {kClient, kCancel, Next::cancel, Awaits::request, kCancel}}},
    {"a cancel request and more", {{kClient, kCancel + "more", Next::enough}}},
    {"a startup packet and more", {{kClient, kStartup + "more", Next::enough}}},
    {"a client that begins TLS before it may",
     {{kClient, kSsl, Next::further, Awaits::encryption, kSsl}, {kClient, kTls, Next::enough}}},
    {"a client that sends it with its request", {{kClient, kSsl + kTls, Next::enough}}},
    {"a client that ends at once", {{kClient, "", Next::enough}}},
    {"a client that ends within a request",
     {{kClient, kSsl.substr(0, 4), Next::further, Awaits::request, kSsl.substr(0, 4)},
      {kClient, "", Next::enough}}},
    {"a client that does not wait for a word on encryption",
     {{kClient, kSsl, Next::further, Awaits::encryption, kSsl}, {kClient, "", Next::enough}}},
    {"a server that speaks first", {{kBackend, "220 ready\r\n", Next::enough}}},
    {"a server that speaks first, and refuses", {{kBackend, kNotReady, Next::enough}}},
    {"a server that speaks within a request",
     {{kClient, kStartup.substr(0, 9), Next::further, Awaits::request, kStartup.substr(0, 9)},
      {kBackend, kNotReady, Next::enough}}},
    {"another protocol", {{kClient, "GET / HTTP/1.1\r\n\r\n", Next::enough}}},
    {"zeros", {{kClient, std::string(8, '\0'), Next::enough}}},
    {"what turns out to be no request",
     {{kClient, "\0\0"s, Next::further, Awaits::request, "\0\0"s},
      {kClient, "garbage", Next::enough}}},
    {"TLS from the first byte on", {{kClient, kTls, Next::enough}}},
};

TEST(StartupTest, WhatAppliesWithAndWithoutKeeping) {
    expect_steps(true, kEither);
    expect_steps(false, kEither);
}

TEST(StartupTest, KeepsTheStartupPacketUntilItIsAnswered) {
    const Step sent{kClient, kStartup, Next::further, Awaits::answer, kStartup};
    const Step refused{kBackend, kNotReady, Next::not_ready, Awaits::answer, kStartup};
    const Step asks_ssl{kClient, kSsl, Next::further, Awaits::encryption, kSsl};
    const Step asks_gss{kClient, kGss, Next::further, Awaits::encryption, kGss};
    const Step no{kBackend, "N", Next::further};
    const std::string too_many =
        message_of('E', "SFATAL\0VFATAL\0C53300\0Msorry, too many clients already\0\0"s);
    expect_steps(true,
                 {
                     {"accepted", {sent, {kBackend, kAuthenticated, Next::enough}}},
                     {"not ready", {sent, refused}},
                     // As often as there are servers to try.
                     {"not ready, then accepted",
                      {sent,
                       refused,
                       refused,
                       refused,
                       refused,
                       refused,
                       {kBackend, kAuthenticated, Next::enough}}},
                     {"a newer protocol declined, and not ready",
                      {sent,
                       {kBackend, only_protocol_30() + kNotReady, Next::not_ready, Awaits::answer,
                        kStartup}}},
                     {"refused for good", {sent, {kBackend, too_many, Next::enough}}},
                     {"a no to SSL, then not ready", {asks_ssl, no, sent, refused}},
                     {"a no to both, then not ready", {asks_gss, no, asks_ssl, no, sent, refused}},
                     {"a no to both, then accepted",
                      {asks_ssl, no, asks_gss, no, sent, {kBackend, kAuthenticated, Next::enough}}},
                     {"a client that goes on before the answer",
                      {sent, {kClient, message_of('p', "secret\0"s), Next::enough}}},
                     {"a client that ends before the answer", {sent, {kClient, "", Next::enough}}},
                     {"a client that ends before the answer of the next server",
                      {sent, refused, {kClient, "", Next::enough}}},
                 });
}

TEST(StartupTest, AnAnswerInPiecesIsKeptUntilItIsClear) {
    const std::string too_many =
        message_of('E', "SFATAL\0VFATAL\0C53300\0Msorry, too many clients already\0\0"s);
    const struct {
        std::string answer;
        Next next;
    } cases[]{
        {kNotReady, Next::not_ready},
        {only_protocol_30() + kNotReady, Next::not_ready},
        {too_many, Next::enough},
        {only_protocol_30() + too_many, Next::enough},
    };
    for (const auto& [answer, next] : cases)
        for (std::size_t first = 1; first < answer.size() - 1; ++first) {
            Startup startup(true);
            ASSERT_EQ(startup.on_client(kStartup), Next::further);
            ASSERT_EQ(startup.on_backend(answer.substr(0, first)), Next::more) << first;
            ASSERT_EQ(startup.on_backend(answer.substr(first, 1)), Next::more) << first;
            ASSERT_EQ(startup.on_backend(answer.substr(first + 1)), next) << first;
            EXPECT_EQ(startup.take_answer(), answer);
            EXPECT_EQ(startup.take_answer(), "");
        }
}

TEST(StartupTest, AnAnswerThatCannotBeARefusalIsNotKept) {
    for (const std::string& answer :
         {"R"s, "EFATAL:  could not fork\n\0"s, "E\0\1\0\0"s, "v\0\1\0\0"s, "x"s}) {
        Startup startup(true);
        ASSERT_EQ(startup.on_client(kStartup), Next::further);
        EXPECT_EQ(startup.on_backend(answer), Next::enough) << answer;
    }
}

TEST(StartupTest, AServerThatEndsWithinItsAnswerHasNotAnswered) {
    Startup startup(true);
    ASSERT_EQ(startup.on_client(kStartup), Next::further);
    ASSERT_EQ(startup.on_backend(kNotReady.substr(0, 9)), Next::more);
    EXPECT_EQ(startup.on_backend(""), Next::not_ready);
}

TEST(StartupTest, KnowsWhetherTheClientMayStillCancel) {
    const struct {
        const char* what;
        std::string bytes;
        bool hears;
        bool speaks_on;
    } cases[]{
        {"nothing", "", true, false},
        {"half a request", kStartup.substr(0, 9), true, false},
        {"a startup packet", kStartup, false, false},
        {"a request for encryption", kSsl, false, false},
        {"a startup packet and more", kStartup + "more", false, true},
        {"another protocol", "GET / HTTP/1.1", false, true},
        {"TLS", kTls, false, true},
    };
    for (const auto& [what, bytes, hears, speaks_on] : cases) {
        Startup startup(true);
        if (!bytes.empty())
            (void)startup.on_client(bytes);
        EXPECT_EQ(startup.hears_client(), hears) << what;
        EXPECT_EQ(startup.speaks_on(), speaks_on) << what;
    }
}

TEST(StartupTest, KnowsWhetherTheClientSpeaksTlsAtOnce) {
    for (const bool keeps : {true, false})
        for (const auto& [bytes, speaks_tls] : std::vector<std::pair<std::string, bool>>{
                 {kTls, true}, {kStartup, false}, {kSsl + kTls, false}, {"GET /", false}}) {
            Startup startup(keeps);
            EXPECT_FALSE(startup.speaks_tls());
            (void)startup.on_client(bytes);
            EXPECT_EQ(startup.speaks_tls(), speaks_tls) << bytes;
        }
}

TEST(StartupTest, WithoutKeepingItEndsWithTheStartupPacket) {
    const Step asks_ssl{kClient, kSsl, Next::further, Awaits::encryption, kSsl};
    expect_steps(
        false, {
                   {"plain", {{kClient, kStartup, Next::enough}}},
                   {"after a no to encryption",
                    {asks_ssl, {kBackend, "N", Next::further}, {kClient, kStartup, Next::enough}}},
               });
}

TEST(StartupTest, PutsARequestTogetherFromPieces) {
    for (std::size_t first = 1; first < kStartup.size() - 1; ++first)
        for (std::size_t second = first + 1; second < kStartup.size(); ++second) {
            Startup startup(true);
            std::size_t from = 0;
            for (const auto to : {first, second}) {
                const std::string piece = kStartup.substr(from, to - from);
                expect_step(
                    startup,
                    {kClient, piece, Next::further, Awaits::request, kStartup.substr(0, to)},
                    "cut at " + std::to_string(to));
                from = to;
            }
            expect_step(startup,
                        {kClient, kStartup.substr(from), Next::further, Awaits::answer, kStartup},
                        "the last piece");
        }
}

TEST(StartupTest, WithholdsWhatIsIncomplete) {
    for (const bool keeps : {true, false}) {
        Startup startup(keeps, true);
        EXPECT_TRUE(startup.is_withholding());
        EXPECT_EQ(startup.on_client(kSsl.substr(0, 3)), Next::more);
        EXPECT_EQ(startup.on_client(kSsl.substr(3)), Next::further);
        EXPECT_EQ(startup.request(), kSsl);
        EXPECT_FALSE(startup.is_withholding());
        EXPECT_EQ(startup.on_backend("N"), Next::further);
        EXPECT_TRUE(startup.is_withholding());
        EXPECT_EQ(startup.on_client(kStartup.substr(0, 9)), Next::more);
        EXPECT_TRUE(startup.is_withholding());
        EXPECT_EQ(startup.on_client(kStartup.substr(9)), keeps ? Next::further : Next::enough);
        EXPECT_EQ(startup.request(), kStartup);
        EXPECT_FALSE(startup.is_withholding());
    }
}

TEST(StartupTest, KeepsAtMostOneRequest) {
    const std::string longest = request_of(kProtocol30, kMaxRequest);
    Startup startup(true);
    for (std::size_t size = 1; size < longest.size(); ++size)
        ASSERT_EQ(startup.on_client({&longest[size - 1], 1}), Next::further) << size;
    EXPECT_EQ(startup.on_client({&longest.back(), 1}), Next::further);
    EXPECT_EQ(startup.awaits(), Awaits::answer);
    EXPECT_EQ(startup.request(), longest);
    // One that would be longer is known from its head.
    EXPECT_EQ(Startup(true).on_client(request_of(kProtocol30, kMaxRequest + 1).substr(0, 8)),
              Next::enough);
}

TEST(StartupTest, AServerThatClosesWithoutAnAnswerIsNotReadyThreeTimes) {
    const Step asks{kClient, kSsl, Next::further, Awaits::encryption, kSsl};
    const Step no{kBackend, "N", Next::further};
    const Step sends{kClient, kStartup, Next::further, Awaits::answer, kStartup};
    const struct {
        const char* what;
        std::vector<Step> steps;
        std::string request;  // what the next server must be sent
        Awaits awaits;
    } cases[]{
        {"after a request for encryption", {asks}, kSsl, Awaits::encryption},
        {"after the startup packet", {sends}, kStartup, Awaits::answer},
        {"after all of it", {asks, no, sends}, kStartup, Awaits::answer},
    };
    for (const auto& [what, steps, request, awaits] : cases) {
        std::vector<Step> all = steps;
        all.insert(all.end(), 3, {kBackend, "", Next::not_ready, awaits, request});
        all.push_back({kBackend, "", Next::enough});
        expect_steps(true, {{what, all}});
    }
}

TEST(StartupTest, TheThreeTimesAreCountedOverAllServers) {
    const Step end_within{kBackend, "", Next::not_ready, Awaits::encryption, kSsl};
    const Step end_after{kBackend, "", Next::not_ready, Awaits::answer, kStartup};
    const Step refused{kBackend, kNotReady, Next::not_ready, Awaits::answer, kStartup};
    expect_steps(true, {{"two and one",
                         {{kClient, kSsl, Next::further, Awaits::encryption, kSsl},
                          end_within,
                          end_within,
                          {kBackend, "N", Next::further},
                          {kClient, kStartup, Next::further, Awaits::answer, kStartup},
                          end_after,
                          // One that says why counts for itself.
                          refused,
                          {kBackend, "", Next::enough}}}});
}

TEST(StartupTest, AServerMayCloseWhileItWaitsForTheClient) {
    const Step asks{kClient, kSsl, Next::further, Awaits::encryption, kSsl};
    const Step no{kBackend, "N", Next::further};
    const std::string half = kStartup.substr(0, 20);
    const Step sends_half{kClient, half, Next::further, Awaits::request, half};
    const Step end{kBackend, "", Next::enough};
    expect_steps(true, {
                           {"before anything", {end}},
                           {"within a request", {sends_half, end}},
                           {"after its no to encryption", {asks, no, end}},
                       });
}

TEST(StartupTest, WithoutKeepingNoServerIsTriedAgain) {
    const Step asks{kClient, kSsl, Next::further, Awaits::encryption, kSsl};
    const Step no{kBackend, "N", Next::further};
    const Step end{kBackend, "", Next::enough};
    expect_steps(false, {
                            {"before anything", {end}},
                            {"after a request for encryption", {asks, end}},
                            {"after its no to encryption", {asks, no, end}},
                        });
    // Its packet may have been read while the client was held.
    Startup startup(false);
    EXPECT_EQ(startup.on_client(kStartup), Next::enough);
    EXPECT_EQ(startup.on_backend(kNotReady), Next::enough);
}

TEST(StartupTest, WhatIsKeptOnlyLaterIsSentToTheNextServerToo) {
    Startup startup(false);
    startup.keep();
    EXPECT_EQ(startup.on_client(kStartup), Next::further);
    EXPECT_EQ(startup.on_backend(kNotReady), Next::not_ready);
    EXPECT_EQ(startup.request(), kStartup);
}

}  // namespace
}  // namespace proxy
