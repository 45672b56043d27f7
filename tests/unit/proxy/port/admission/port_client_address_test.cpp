// The client's address in the startup packet that a server gets.

#include <chrono>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "patroni_proxy/postgres/client_address.h"
#include "unit/proxy/port/port_startup_fixture.h"

namespace proxy {
namespace {

using namespace std::chrono_literals;
using support::TestClient;

class PortClientAddressTest : public PortStartupTest {
  protected:
    static std::string rewritten(const TestClient& client) {
        return with_client_address(FakePostgres::startup(),
                                   "127.0.0.1:" + std::to_string(client.local_port()));
    }

    const PortSettings settings_{.client_in_application_name = true};
    const PortSettings holding_too_{.queue_timeout = 1h, .client_in_application_name = true};
};

TEST_F(PortClientAddressTest, IsAddedOnceThePacketIsComplete) {
    for (const auto& settings : {settings_, holding_too_}) {
        const std::size_t before = fake(1).received();
        ServedPort port(table_of({b1_}), settings);
        let_accept(b1_);
        auto client = port.connect();
        client.send(FakePostgres::ssl_request());
        EXPECT_EQ(client.receive(1), "N");
        const std::string packet = FakePostgres::startup();
        client.send(packet.substr(0, 10));
        client.send(packet.substr(10));
        EXPECT_EQ(answer_to(client), FakePostgres::welcome("b1"));
        EXPECT_EQ(fake(1).received_text().substr(before),
                  FakePostgres::ssl_request() + rewritten(client));
        client.send("x");
        fake(1).wait_for_received(before + 8 + rewritten(client).size() + 1);
        EXPECT_TRUE(fake(1).received_text().ends_with('x')) << "what follows passes as ever";
        EXPECT_EQ(port.records().at(0).application, "") << "the client's own word";
    }
}

TEST_F(PortClientAddressTest, WhatFollowsThePacketAtOnceStaysBehindIt) {
    ServedPort port(table_of({b1_}), settings_);
    auto client = port.connect();
    client.send(FakePostgres::startup() + "more");
    fake(1).wait_for_received(rewritten(client).size() + 4);
    EXPECT_EQ(fake(1).received_text(), rewritten(client) + "more");
}

TEST_F(PortClientAddressTest, ANextServerGetsItToo) {
    postgres1_.become(FakePostgres::State::starts);
    ServedPort port(table_of({b1_}), holding_too_);
    let_accept(b1_);  // it stops at this moment
    auto client = port.connect();
    client.send(FakePostgres::startup());
    port.wait_for_queued(1);
    EXPECT_THAT(fake(1).received_text(), testing::StartsWith(rewritten(client)));
    let_accept(b2_);
    port.use(table_of({b2_}));
    EXPECT_EQ(answer_to(client), FakePostgres::welcome("b2"));
    EXPECT_EQ(fake(2).received_text(), rewritten(client));
}

TEST_F(PortClientAddressTest, AHeldClientIsShownToo) {
    ServedPort port(table_of({}), holding_too_);
    auto whole = port.connect();
    whole.send(FakePostgres::startup());
    auto half = port.connect();
    half.send(FakePostgres::startup().substr(0, 10));
    port.wait_for_queued(2);
    let_accept(b1_);
    port.use(table_of({b1_}));
    EXPECT_EQ(answer_to(whole), FakePostgres::welcome("b1"));
    half.send(FakePostgres::startup().substr(10));
    EXPECT_EQ(answer_to(half), FakePostgres::welcome("b1"));
    EXPECT_EQ(fake(1).received_text(), rewritten(whole) + rewritten(half));
}

TEST_F(PortClientAddressTest, WhatAHeldClientSaidIsSentOnce) {
    const std::string bytes[]{"\x16\x03\x01 a TLS handshake", FakePostgres::startup() + "more"};
    for (const auto& said : bytes) {
        const std::size_t before = fake(1).received();
        ServedPort port(table_of({}), holding_too_);
        auto client = port.connect();
        client.send(said);
        port.wait_for_queued(1);
        let_accept(b1_);
        port.use(table_of({b1_}));
        fake(1).wait_for_received(before + said.size());
        client.send("and this");
        support::eventually([&] { return fake(1).received_text().ends_with("and this"); },
                            "what follows");
        const std::string got = fake(1).received_text().substr(before);
        EXPECT_EQ(got, (said.front() == '\x16' ? said : rewritten(client) + "more") + "and this");
    }
}

TEST_F(PortClientAddressTest, EverythingElsePassesUnchanged) {
    const std::string bytes[]{"\x16\x03\x01 a TLS handshake", "GET / HTTP/1.1\r\n\r\n",
                              FakePostgres::startup().substr(0, 10)};
    for (const auto& said : bytes) {
        const std::size_t before = fake(1).received();
        ServedPort port(table_of({b1_}), settings_);
        auto client = port.connect();
        client.send(said);
        client.half_close();  // an incomplete packet goes with the end
        fake(1).wait_for_received(before + said.size());
        EXPECT_EQ(fake(1).received_text().substr(before), said);
    }
}

TEST_F(PortClientAddressTest, ACancelRequestIsPassedOnAsItIs) {
    ServedPort port(table_of({b1_}), settings_);
    const std::string request = FakePostgres::cancel_request(32);
    auto client = port.connect();
    client.send(request.substr(0, 9));
    client.send(request.substr(9));
    client.wait_for_close();
    EXPECT_EQ(fake(1).received_text(), request);
}

}  // namespace
}  // namespace proxy
