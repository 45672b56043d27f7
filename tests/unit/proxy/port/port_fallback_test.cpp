// What becomes of the sessions of a port that falls back.

#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "port_server_fixture.h"
#include "unit/proxy/logged.h"

namespace proxy {
namespace {

using support::Closed;
using support::TestClient;

class PortFallbackTest : public PortServerTest {
  protected:
    /// b1 leads, and nobody else serves.
    [[nodiscard]] BackendTablePtr falling_back() const {
        BackendTable table;
        table.eligible = table.fallback = {b1_};
        table.falls_back = true;
        return std::make_shared<const BackendTable>(std::move(table));
    }
    /// b2 serves; b1 still could as a fallback, unless the port closes.
    [[nodiscard]] BackendTablePtr back(OnReturn on_return) const {
        BackendTable table;
        table.eligible = {b2_};
        table.excluded = {{"b1", "it is the leader"}};
        if (on_return == OnReturn::keep)
            table.fallback = {b1_};
        else
            table.fallback_excluded = {{"b1", "b2 serves again (fallback_return: close)"}};
        return std::make_shared<const BackendTable>(std::move(table));
    }
};

TEST_F(PortFallbackTest, SessionsThatFellBackStayAndNewOnesReturn) {
    ServedPort port(falling_back());
    auto fallen = port.connect();
    EXPECT_EQ(member_of(fallen), "b1");
    port.use(back(OnReturn::keep));
    expect_alive(fallen);
    auto next = port.connect();
    EXPECT_EQ(member_of(next), "b2");
    // And when it falls back once more.
    port.use(falling_back());
    expect_alive(fallen);
    EXPECT_EQ(next.wait_for_close(), Closed::fin);
}

TEST_F(PortFallbackTest, SessionsThatFellBackEndWithTheReasonIfThePortCloses) {
    const auto log = logged_during([&] {
        ServedPort port(falling_back());
        auto fallen = port.connect();
        EXPECT_EQ(member_of(fallen), "b1");
        port.use(back(OnReturn::close));
        EXPECT_EQ(fallen.wait_for_close(), Closed::fin);
        port.wait_for_sessions(0);
        EXPECT_EQ(b1_->connections, 0U);
    });
    EXPECT_EQ(
        count_of("the member may no longer serve: b2 serves again (fallback_return: close)", log),
        1U)
        << log;
}

TEST_F(PortFallbackTest, ASessionServedByRolesIsNotKeptByTheFallback) {
    // Its client was promised what `roles` say: a leader must not turn into a standby under it.
    ServedPort port(table_of({b1_}));
    auto regular = port.connect();
    EXPECT_EQ(member_of(regular), "b1");
    port.use(falling_back());
    EXPECT_EQ(regular.wait_for_close(), Closed::fin);
    auto fallen = port.connect();
    EXPECT_EQ(member_of(fallen), "b1");
}

TEST_F(PortFallbackTest, ASessionThatFellBackCountsAsServedByRolesOnceItsMemberIsEligibleByThem) {
    ServedPort port(falling_back());
    auto session = port.connect();
    EXPECT_EQ(member_of(session), "b1");
    port.use(table_of({b1_}));
    expect_alive(session);
    port.use(falling_back());
    EXPECT_EQ(session.wait_for_close(), Closed::fin);
}

TEST_F(PortFallbackTest, WithoutTheFallbackItsSessionsEnd) {
    ServedPort port(falling_back());
    auto fallen = port.connect();
    EXPECT_EQ(member_of(fallen), "b1");
    port.use(table_of({}));
    EXPECT_EQ(fallen.wait_for_close(), Closed::fin);
}

TEST_F(PortFallbackTest, AConnectingSessionFollowsThePortBackToRoles) {
    b1_ = hangs_;
    ServedPort port(falling_back());
    auto client = port.connect();
    wait_for_connections(b1_, 1);
    port.use(back(OnReturn::close));
    EXPECT_EQ(member_of(client), "b2");
    // It came to b2 by roles, and nothing of its first choice is left.
    port.use(table_of({}));
    EXPECT_EQ(client.wait_for_close(), Closed::fin);
}

}  // namespace
}  // namespace proxy
