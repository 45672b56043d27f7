// Clients that find no backend get a PostgreSQL error with the reason.

#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "patroni_proxy/postgres/postgres_messages.h"
#include "unit/proxy/port/served_port.h"
#include "unit/proxy/postgres/postgres_bytes.h"

namespace proxy {
namespace {

using namespace std::chrono_literals;

TEST(PortRefusalTest, AClientIsToldWhetherOrNotItWasHeldBefore) {
    for (const auto queue_timeout : {0ms, 50ms}) {
        ServedPort port(table_of({}),
                        {.queue_timeout = queue_timeout, .no_backend = NoBackend::postgres_error});
        auto client = port.connect();
        client.send(ssl_request());
        EXPECT_EQ(client.receive(1), "N");
        client.send(startup_packet());
        const Answer answer = read_answer(client.receive_to_eof());
        EXPECT_EQ(answer.sqlstate, kCannotConnectNow) << queue_timeout.count() << " ms";
    }
}

TEST(PortRefusalTest, AClientIsToldWhichLimitIsReached) {
    const support::FakeBackend fake;
    const struct {
        PortSettings settings;
        std::string says;
    } cases[]{
        {{.max_connections = 1}, "the port has reached max_connections for c/p (roles: leader)"},
        {{.max_connections_per_backend = 1},
         "no backends available for c/p (roles: leader): all reachable members have reached "
         "max_connections_per_backend (1)"},
    };
    for (auto [settings, says] : cases) {
        settings.no_backend = NoBackend::postgres_error;
        settings.roles = "leader";
        ServedPort port(table_of({backend_for(fake)}), settings);
        auto first = port.connect();
        EXPECT_NE(first.receive_line(), "");
        auto client = port.connect();
        client.send(startup_packet());
        const Answer answer = read_answer(client.receive_to_eof());
        EXPECT_EQ(answer.sqlstate, kTooManyConnections);
        EXPECT_EQ(answer.message, says);
    }
}

TEST(PortRefusalTest, TheFirstRefusalUnderEachTableIsReported) {
    ServedPort port(table_of({}));
    const auto refuse_some = [&] {
        for (int i = 0; i < 3; ++i)
            port.connect().wait_for_close();
    };
    refuse_some();
    EXPECT_EQ(port.troubles(), (std::vector<std::string>{"- refused"}));
    port.use(table_of({}));
    refuse_some();
    EXPECT_EQ(port.troubles(), (std::vector<std::string>{"- refused", "- refused"}));
}

}  // namespace
}  // namespace proxy
