// Clients that say by a header on whose behalf they come, and backends that are told so.

#include <chrono>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/proxy/logged.h"
#include "unit/proxy/port/port_server_fixture.h"
#include "unit/proxy/postgres/postgres_bytes.h"

namespace proxy {
namespace {

using namespace std::chrono_literals;
using support::Closed;
using support::TestClient;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kHeader = "PROXY TCP4 192.0.2.7 192.0.2.1 40000 5432\r\n";

class PortHeaderTest : public PortServerTest {
  protected:
    static PortSettings settings(AcceptProxy accept, const std::string& from = "127.0.0.0/8") {
        return {.proxy_protocol = accept,
                .proxy_protocol_from = {net::Network::parse(from).value()}};
    }
    static std::string client_of(ServedPort& port) {
        const auto records = port.records();
        return records.size() == 1 ? records.front().client.to_string()
                                   : std::to_string(records.size()) + " sessions";
    }
};

TEST_F(PortHeaderTest, TheAddressInTheHeaderIsTheClients) {
    const auto source = net::SocketAddress::parse("192.0.2.7:40000").value();
    const auto destination = net::SocketAddress::parse("192.0.2.1:5432").value();
    for (const auto accept : {AcceptProxy::required, AcceptProxy::optional})
        for (const auto version : {SendProxy::v1, SendProxy::v2}) {
            ServedPort port(table_of({b1_}), settings(accept));
            auto client = port.connect();
            client.send(proxy_header(version, source, destination) + "startup");
            EXPECT_EQ(member_of(client), "b1");
            EXPECT_EQ(client.receive(7), "startup") << "what follows is the session's";
            EXPECT_EQ(client_of(port), "192.0.2.7:40000");
        }
}

TEST_F(PortHeaderTest, ComesInPieces) {
    ServedPort port(table_of({b1_}), settings(AcceptProxy::required));
    for (std::size_t cut = 1; cut < kHeader.size(); cut += 9) {
        auto client = port.connect();
        client.send(kHeader.substr(0, cut));
        (void)port.tally();  // a turn of the loop: the first piece may have been read alone
        client.send(kHeader.substr(cut) + "startup");
        EXPECT_EQ(member_of(client), "b1") << cut;
        EXPECT_EQ(client.receive(7), "startup");
    }
}

TEST_F(PortHeaderTest, AHealthCheckOfTheBalancerSpeaksForItself) {
    ServedPort port(table_of({b1_}), settings(AcceptProxy::required));
    auto client = port.connect();
    client.send(local_proxy_header(SendProxy::v2));
    EXPECT_EQ(member_of(client), "b1");
    EXPECT_THAT(client_of(port), StartsWith("127.0.0.1:"));
}

TEST_F(PortHeaderTest, AllowIsAboutTheAddressInTheHeader) {
    auto limited = settings(AcceptProxy::required);
    limited.allow = {net::Network::parse("192.0.2.0/28").value()};
    ServedPort port(table_of({b1_}), limited);
    auto client = port.connect();
    client.send(kHeader);
    EXPECT_EQ(member_of(client), "b1");
    auto stranger = port.connect();
    const auto log = logged_during([&] {
        stranger.send("PROXY TCP4 192.0.2.77 192.0.2.1 40000 5432\r\n");
        EXPECT_EQ(stranger.wait_for_close(), Closed::fin);
    });
    EXPECT_THAT(log, HasSubstr("client 192.0.2.77:40000 refused: the client's address is not "));
    EXPECT_EQ(port.refused(SessionEnd::not_allowed), 1U);
}

TEST_F(PortHeaderTest, WithoutAValidHeaderAClientIsRefused) {
    ServedPort port(table_of({b1_}), settings(AcceptProxy::required));
    for (const auto& bytes : {startup_packet(), std::string("PROXY TCP5 \r\n")}) {
        auto client = port.connect();
        client.send(bytes);
        (void)client.wait_for_close();
    }
    auto leaves = port.connect();
    leaves.send("PROXY ");
    leaves.half_close();
    (void)leaves.wait_for_close();
    EXPECT_EQ(port.refused(SessionEnd::bad_header), 3U);
    EXPECT_EQ(fake(1).accepted(), 0U);
    EXPECT_EQ(port.process().open, 0U);
    EXPECT_EQ(port.port().places.taken(), 0U);
}

TEST_F(PortHeaderTest, OnlyBalancersAreBelieved) {
    ServedPort required(table_of({b1_}), settings(AcceptProxy::required, "10.0.0.0/8"));
    auto client = required.connect();
    client.send(kHeader);
    (void)client.wait_for_close();
    EXPECT_EQ(required.refused(SessionEnd::bad_header), 1U);
    ServedPort optional(table_of({b1_}), settings(AcceptProxy::optional, "10.0.0.0/8"));
    client = optional.connect();
    client.send(kHeader);
    EXPECT_EQ(member_of(client), "b1");
    EXPECT_EQ(client.receive(kHeader.size()), kHeader) << "PostgreSQL may judge it";
    EXPECT_THAT(client_of(optional), StartsWith("127.0.0.1:"));
}

TEST_F(PortHeaderTest, WhereItIsOptionalClientsMaySpeakForThemselves) {
    ServedPort port(table_of({b1_}), settings(AcceptProxy::optional));
    auto client = port.connect();
    client.send(startup_packet());
    EXPECT_EQ(member_of(client), "b1");
    EXPECT_EQ(client.receive(startup_packet().size()), startup_packet());
    EXPECT_THAT(client_of(port), StartsWith("127.0.0.1:"));
}

TEST_F(PortHeaderTest, EndsWithItsPortWhileItWaits) {
    ServedPort port(table_of({b1_}), settings(AcceptProxy::required));
    auto client = port.connect();
    port.wait_for_sessions(1);
    port.end_sessions(SessionEnd::proxy_stopped);
    EXPECT_EQ(client.wait_for_close(), Closed::fin);
    port.wait_for_sessions(0);
}

TEST_F(PortHeaderTest, BackendsAreToldWhoTheClientIs) {
    for (const auto version : {SendProxy::v1, SendProxy::v2}) {
        auto both = settings(AcceptProxy::required);
        both.send_proxy = version;
        const support::FakeBackend pooler({.greeting = false});
        ServedPort port(table_of({backend_for(pooler)}), both);
        auto client = port.connect();
        client.send(kHeader + "startup");
        const std::string said =
            proxy_header(version, net::SocketAddress::parse("192.0.2.7:40000").value(),
                         net::SocketAddress::parse("192.0.2.1:5432").value()) +
            "startup";
        pooler.wait_for_received(said.size());
        EXPECT_EQ(pooler.received_text(), said);
    }
}

TEST_F(PortHeaderTest, TheProxysOwnQuestionsHaveAHeaderToo) {
    const support::FakeBackend pooler({.greeting = false, .echo = false});
    ServedPort port(table_of({backend_for(pooler)}),
                    {.queue_timeout = 1h, .send_proxy = SendProxy::v1});
    auto client = port.connect();
    port.wait_for_queued(1);
    pooler.wait_for_received(20);
    EXPECT_THAT(pooler.received_text(), StartsWith("PROXY UNKNOWN\r\n" + std::string(2, '\0')));
}

}  // namespace
}  // namespace proxy
