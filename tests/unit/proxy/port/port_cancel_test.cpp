// Where a port sends cancel requests.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "port_startup_fixture.h"

namespace proxy {
namespace {

using namespace std::chrono_literals;
using support::BackendOptions;
using support::Closed;
using support::FakeBackend;

class PortCancelTest : public PortStartupTest {};

TEST_F(PortCancelTest, ACancelRequestReachesEveryMemberThatMayRunTheQuery) {
    ServedPort port(table_of({b1_}));
    auto on_b1 = session(port);
    port.use(table_of({b2_}, {b1_}));
    auto on_b2 = session(port);
    for (const std::size_t key_size : {4U, 32U, 256U}) {
        const std::string request = FakePostgres::cancel_request(key_size);
        auto client = port.connect();
        client.send(request);
        wait_for_cancel(fake(1), request);
        wait_for_cancel(fake(2), request);
        EXPECT_EQ(client.wait_for_close(), Closed::fin);
    }
    port.wait_for_sessions(2);
    EXPECT_EQ(b1_->connections, 1U);
    EXPECT_EQ(b2_->connections, 1U);
    EXPECT_EQ(
        port.tally().members.at("b2").ended[static_cast<std::size_t>(SessionEnd::cancel_request)],
        3U);
}

TEST_F(PortCancelTest, EndsOnceEveryServerHasActed) {
    ServedPort port(table_of({b1_, b2_}));
    auto on_one = session(port);
    auto on_other = session(port);
    fake(1).answer_by([](const std::string& /*asked*/) { return std::string{}; });
    auto client = port.connect();
    client.send(FakePostgres::cancel_request());
    wait_for_cancel(fake(1), FakePostgres::cancel_request());
    wait_for_cancel(fake(2), FakePostgres::cancel_request());
    fake(2).wait_for_sessions(1);  // it has closed its own
    EXPECT_FALSE(client.closed_now());
    fake(1).close_all();
    EXPECT_EQ(client.wait_for_close(), Closed::fin);
}

TEST_F(PortCancelTest, AServerThatNeverActsDelaysItByTheConnectTimeout) {
    ServedPort port(table_of({b1_}), {.connect_timeout = 100ms});
    auto on_b1 = session(port);
    fake(1).answer_by([](const std::string& /*asked*/) { return std::string{}; });
    auto client = port.connect();
    client.send(FakePostgres::cancel_request());
    EXPECT_EQ(client.wait_for_close(), Closed::fin);
    port.wait_for_sessions(1);
}

TEST_F(PortCancelTest, IsPassedOnWithoutAnEligibleBackend) {
    for (const PortSettings& settings : {PortSettings{}, PortSettings{.queue_timeout = 1h},
                                         PortSettings{.no_backend = NoBackend::postgres_error}}) {
        ServedPort port(table_of({b1_}), settings);
        auto on_b1 = session(port);
        port.use(table_of({}, {b1_}));
        auto client = port.connect();
        const std::string request = FakePostgres::cancel_request();
        client.send(request);
        EXPECT_EQ(client.wait_for_close(), Closed::fin);
        wait_for_cancel(fake(1), request);
        EXPECT_EQ(port.port().queued, 0U);
        on_b1.close();
        port.wait_for_sessions(0);
    }
}

TEST_F(PortCancelTest, ReachesMembersWithoutSessionsHere) {
    FakeBackend third({.name = "b3", .greeting = false, .echo = false});
    const FakePostgres postgres3(third, FakePostgres::State::accepts);
    ServedPort port(table_of({b1_}, {b2_}, {backend_for(third), b1_}));
    const std::string request = FakePostgres::cancel_request();
    auto client = port.connect();
    client.send(request);
    for (const FakeBackend* backend : {&fake(1), &fake(2), &third})
        wait_for_cancel(*backend, request);
    EXPECT_EQ(client.wait_for_close(), Closed::fin);
    port.wait_for_sessions(0);
    (void)port.tally();  // and so that turn is over
    EXPECT_EQ(port.process().open, 0U);
    EXPECT_EQ(fake(1).received_text(), request) << "once";
}

TEST_F(PortCancelTest, AMemberWithoutSessionsThatIsDownDelaysItByASecondAtMost) {
    const FakeBackend down({.accept = BackendOptions::Accept::never});
    ServedPort port(table_of({b1_}, {backend_for(down)}), {.connect_timeout = 1h});
    auto client = port.connect();
    const auto begin = support::Clock::now();
    client.send(FakePostgres::cancel_request());
    EXPECT_EQ(client.wait_for_close(), Closed::fin);
    EXPECT_LT(support::Clock::now() - begin, 5s);
    wait_for_cancel(fake(1), FakePostgres::cancel_request());
}

TEST_F(PortCancelTest, AFloodLeavesTheDescriptorsToSessions) {
    ServedPort port(table_of({b1_}, {b2_}));
    auto on_b1 = session(port);
    port.process().max_open = 2;  // that, and the request itself
    const std::string request = FakePostgres::cancel_request();
    auto client = port.connect();
    client.send(request);
    EXPECT_EQ(client.wait_for_close(), Closed::fin);
    port.wait_for_sessions(1);
    (void)port.tally();  // and so that turn is over
    EXPECT_EQ(port.process().open, 1U);
    EXPECT_THAT(fake(1).received_text(), testing::HasSubstr(request));
    EXPECT_EQ(fake(2).accepted(), 0U);
}

TEST_F(PortCancelTest, AFloodLeavesThemWhereEveryMemberHasSessionsToo) {
    const std::string request = FakePostgres::cancel_request();
    const auto times_received = [&] {
        const std::string text = fake(1).received_text() + fake(2).received_text();
        std::size_t times = 0;
        for (auto at = text.find(request); at != std::string::npos; at = text.find(request, at + 1))
            ++times;
        return times;
    };
    // A client of the full port has no connection to a member yet.
    for (const std::uint64_t max_connections : {0U, 2U}) {
        ServedPort port(table_of({b1_, b2_}), {.max_connections = max_connections});
        auto on_one = session(port);
        auto on_other = session(port);
        for (const std::size_t members : {1U, 2U}) {
            port.process().max_open = 2 + members;
            const std::size_t before = times_received();
            auto client = port.connect();
            client.send(request);
            EXPECT_EQ(client.wait_for_close(), Closed::fin);
            port.wait_for_sessions(2);
            (void)port.tally();  // and so that turn is over
            EXPECT_EQ(times_received() - before, members) << max_connections;
            EXPECT_EQ(port.process().open, 2U);
        }
        on_one.close();
        on_other.close();
        port.wait_for_sessions(0);
    }
}

TEST_F(PortCancelTest, NeedsNoPlaceOnAFullPort) {
    for (const auto queue_timeout : {0ms, 3'600'000ms}) {
        ServedPort port(table_of({b1_}), {.queue_timeout = queue_timeout, .max_connections = 1});
        auto on_b1 = session(port);
        const std::string request = FakePostgres::cancel_request();
        auto client = port.connect();
        client.send(request);
        EXPECT_EQ(client.wait_for_close(), Closed::fin);
        wait_for_cancel(fake(1), request);
        EXPECT_EQ(port.port().places.taken(), 1U);
    }
}

TEST_F(PortCancelTest, IsRecognisedInPiecesWhileTheClientIsHeld) {
    const std::string request = FakePostgres::cancel_request(32);
    for (std::size_t cut = 1; cut < request.size(); cut += 5) {
        ServedPort port(table_of({}, {b1_}), holding_);
        auto client = port.connect();
        port.wait_for_queued(1);
        client.send(request.substr(0, cut));
        (void)port.tally();  // a turn of the loop: the first piece may have been read alone
        client.send(request.substr(cut));
        EXPECT_EQ(client.wait_for_close(), Closed::fin) << cut;
        wait_for_cancel(fake(1), request);
        EXPECT_EQ(port.port().queued, 0U);
    }
}

}  // namespace
}  // namespace proxy
