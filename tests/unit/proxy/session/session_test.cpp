#include "patroni_proxy/session/session.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/proxy/logged.h"
#include "unit/proxy/port/served_port.h"

namespace proxy {
namespace {

using support::BackendOptions;
using support::Closed;
using support::FakeBackend;
using testing::HasSubstr;

TEST(SessionTest, MovesBytesBothWays) {
    const FakeBackend p1({.name = "p1"});
    const ServedPort port(table_of({backend_for(p1)}));
    auto client = port.connect();
    EXPECT_EQ(client.receive_line(), "p1");
    client.send("select 1");
    EXPECT_EQ(client.receive(8), "select 1");
    EXPECT_EQ(p1.received_text(), "select 1");
}

TEST(SessionTest, WhatTheClientSentWhileConnectingIsNotLost) {
    FakeBackend p1({.accept = BackendOptions::Accept::refuse});
    const FakeBackend p2({.greeting = false});
    const ServedPort port(table_of({backend_for(p1), backend_for(p2)}));
    auto client = port.connect();
    client.send("startup packet");
    client.half_close();
    EXPECT_EQ(client.receive_to_eof(), "startup packet");
}

TEST(SessionTest, PassesAHalfCloseFromEitherSide) {
    FakeBackend p1({.greeting = false, .close_on_eof = false});
    const auto backend = backend_for(p1);
    const ServedPort port(table_of({backend}));

    auto first = port.connect();
    first.half_close();
    p1.wait_for_eofs(1);
    p1.send_all("last rows");
    p1.half_close_all();
    EXPECT_EQ(first.receive_to_eof(), "last rows");

    auto second = port.connect();
    p1.wait_for_accepted(2);
    p1.half_close_all();
    EXPECT_EQ(second.receive_to_eof(), "");
    EXPECT_EQ(backend->connections, 0U);
    second.send("still heard");
    p1.wait_for_received(11);
    second.half_close();
    port.wait_for_sessions(0);
}

TEST(SessionTest, CountsAsAConnectionFromConnectingToTheEnd) {
    const FakeBackend silent({.accept = BackendOptions::Accept::never});
    const auto connecting = backend_for(silent);
    const ServedPort silent_port(table_of({connecting}));
    const auto waiting = silent_port.connect();
    wait_for_connections(connecting, 1);

    const FakeBackend p1;
    const auto backend = backend_for(p1);
    const ServedPort port(table_of({backend}));
    auto client = port.connect();
    (void)client.receive_line();
    EXPECT_EQ(backend->connections, 1U);
    client.half_close();
    wait_for_connections(backend, 0);
    port.wait_for_sessions(0);
}

TEST(SessionTest, TriesTheNextBackendIfOneRefuses) {
    const FakeBackend refusing({.name = "p1", .accept = BackendOptions::Accept::refuse});
    const FakeBackend p2({.name = "p2"});
    const auto first = backend_for(refusing);
    const auto second = backend_for(p2);
    // The one that refuses has fewer connections each time, and is asked first.
    second->connections = 10;
    const ServedPort port(table_of({first, second}));
    auto client = port.connect();
    EXPECT_EQ(client.receive_line(), "p2");
    EXPECT_EQ(first->connections, 0U);
    EXPECT_EQ(second->connections, 11U);
}

TEST(SessionTest, EndsIfEveryBackendRefuses) {
    const FakeBackend p1({.accept = BackendOptions::Accept::refuse});
    const FakeBackend p2({.accept = BackendOptions::Accept::refuse});
    const auto first = backend_for(p1);
    const auto second = backend_for(p2);
    const ServedPort port(table_of({first, second}));
    EXPECT_EQ(port.connect().wait_for_close(), Closed::fin);
    port.wait_for_sessions(0);
    EXPECT_EQ(first->connections, 0U);
    EXPECT_EQ(second->connections, 0U);
}

TEST(SessionTest, EndsAtOnceWithoutAnEligibleBackend) {
    const ServedPort port(table_of({}));
    EXPECT_EQ(port.connect().wait_for_close(), Closed::fin);
    port.wait_for_sessions(0);
}

TEST(SessionTest, EndsWithItsBackend) {
    FakeBackend p1;
    const auto backend = backend_for(p1);
    const ServedPort port(table_of({backend}));
    auto client = port.connect();
    (void)client.receive_line();
    p1.stop();
    EXPECT_EQ(client.receive_to_eof(), "");
    client.close();
    wait_for_connections(backend, 0);
    port.wait_for_sessions(0);
}

TEST(SessionTest, PassesAResetFromEitherSide) {
    FakeBackend p1;
    const auto backend = backend_for(p1);
    const ServedPort port(table_of({backend}));

    auto first = port.connect();
    (void)first.receive_line();
    first.reset();
    p1.wait_for_resets(1);

    auto second = port.connect();
    (void)second.receive_line();
    p1.reset_all();
    EXPECT_EQ(second.wait_for_close(), Closed::reset);
    wait_for_connections(backend, 0);
    port.wait_for_sessions(0);
}

TEST(SessionTest, ReachesABackendOverIpv6) {
    const FakeBackend p1({.name = "six", .ip = "::1"});
    const ServedPort port(table_of({backend_for(p1)}));
    EXPECT_EQ(port.connect().receive_line(), "six");
}

TEST(SessionTest, ARunningSessionSurvivesThatItsBackendRefusesOthers) {
    FakeBackend p1({.name = "p1"});
    const ServedPort port(table_of({backend_for(p1)}));
    auto client = port.connect();
    (void)client.receive_line();
    p1.refuse();
    EXPECT_EQ(port.connect().wait_for_close(), Closed::fin);
    client.send("alive");
    EXPECT_EQ(client.receive(5), "alive");
}

TEST(SessionTest, LogsItsEndWithAddressesAndBytes) {
    const FakeBackend p1({.name = "p1"});
    ServedPort port(table_of({backend_for(p1)}));
    std::string client_address;
    const auto log = logged_during([&] {
        auto client = port.connect();
        client_address = "127.0.0.1:" + std::to_string(client.local_port());
        (void)client.receive_line();
        client.send("select");
        (void)client.receive(6);
        client.half_close();
        (void)client.wait_for_close();
        port.wait_for_sessions(0);
    });
    EXPECT_THAT(log, HasSubstr("INFO c/p: session ended: closed by the client client=" +
                               client_address + " proxy=127.0.0.1:"));
    EXPECT_THAT(log, HasSubstr(" backend=" + p1.address() +
                               " member=p1 reason=client_closed from_client=6 from_backend=9 "
                               "seconds=0."));
}

TEST(SessionTest, LogsOnlyFailedSessionsIfSoConfigured) {
    FakeBackend p1({.name = "p1"});
    ServedPort port(table_of({backend_for(p1)}), {.log_sessions = false});
    const auto log = logged_during([&] {
        for (const bool orderly : {true, false}) {
            auto client = port.connect();
            (void)client.receive_line();
            if (orderly)
                client.half_close();
            else
                port.use(table_of({}));
            (void)client.wait_for_close();
            port.wait_for_sessions(0);
        }
    });
    EXPECT_EQ(count_of("session ended", log), 1U) << log;
    EXPECT_THAT(log, HasSubstr("session ended: the member may no longer serve: no longer in "
                               "Patroni's answer"));
}

TEST(SessionTest, LogsTheFirstRefusalUnderEachTable) {
    ServedPort port(table_of({}));
    const auto log = logged_during([&] {
        for (int i = 0; i < 3; ++i)
            (void)port.connect().wait_for_close();
        port.use(table_of({}));
        (void)port.connect().wait_for_close();
    });
    EXPECT_EQ(count_of(" refused: no backends available: Patroni names no member", log), 2U) << log;
}

}  // namespace
}  // namespace proxy
