// The end of a proxy that waits for its sessions.

#include <chrono>
#include <filesystem>
#include <future>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "logged.h"
#include "proxy_fixture.h"
#include "support/process/temp_dir.h"
#include "support/wait.h"

namespace proxy {
namespace {

using namespace std::chrono_literals;
using support::Closed;
using testing::EndsWith;
using testing::HasSubstr;

class ProxyDrainTest : public ProxyTest {
  protected:
    [[nodiscard]] Config config_with(std::chrono::milliseconds drain_timeout) const {
        auto changed = config();
        changed.drain_timeout = drain_timeout;
        return changed;
    }
    static bool is_ready(const std::future<void>& drained) {
        return drained.wait_for(0s) == std::future_status::ready;
    }
    static void wait_for(const std::future<void>& drained) {
        ASSERT_EQ(drained.wait_for(support::default_timeout), std::future_status::ready);
    }
};

TEST_F(ProxyDrainTest, ListensNoMoreAndEndsWithTheLastSession) {
    RunningProxy proxy(config_with(1h));
    auto first = session_on("b1", kLeader);
    auto second = session_on("b3", kOther);
    std::future<void> drained;
    const auto log = logged_during([&] { drained = proxy.drain(); });
    EXPECT_THAT(log, HasSubstr("draining: no new clients; 2 sessions have 1 h to end"));
    for (const auto port : {kLeader, kReplica, kOther})
        EXPECT_TRUE(refuses(port)) << port;
    expect_alive(first);
    expect_alive(second);
    first.close();
    support::eventually([&] { return proxy.report().sessions == 1; }, "one session");
    expect_alive(second);
    EXPECT_FALSE(is_ready(drained));
    second.close();
    wait_for(drained);
    EXPECT_EQ(proxy.report().sessions, 0U);
}

TEST_F(ProxyDrainTest, TheHttpApiGoesOnAndSaysSo) {
    RunningProxy proxy(config_with(1h));
    auto session = session_on("b1", kLeader);
    const auto drained = proxy.drain();
    EXPECT_THAT(http("/live"), EndsWith("\r\n\r\nOK\n"));
    EXPECT_THAT(http("/ready"), HasSubstr(" 503 "));
    EXPECT_THAT(http("/ready"), EndsWith("\r\n\r\ndraining\n"));
    EXPECT_THAT(http("/ready/main/rw"), EndsWith("\r\n\r\ndraining\n"));
    EXPECT_TRUE(proxy.report().draining);
    EXPECT_FALSE(proxy.report().ready);
    EXPECT_EQ(proxy.report().clusters[0].ports[0].sessions, 1U);
    EXPECT_TRUE(proxy.report().clusters[0].ports[0].listen.empty());
    // Eligibility counts for its sessions as ever.
    main_is("b2", "b1");
    EXPECT_THAT(update_clusters(), EndsWith("Updated 2 cluster(s)\n"));
    EXPECT_EQ(session.wait_for_close(), Closed::fin);
    wait_for(drained);
}

TEST_F(ProxyDrainTest, WithoutSessionsItIsDoneSoon) {
    RunningProxy proxy(config_with(1h));
    wait_for(proxy.drain());
    EXPECT_FALSE(proxy.report().draining);
}

TEST_F(ProxyDrainTest, EndsAtTheLatestWhenItsTimeIsOver) {
    RunningProxy proxy(config_with(50ms));
    auto session = session_on("b1", kLeader);
    wait_for(proxy.drain());
    expect_alive(session);  // its owner ends it once the drain is over
    proxy.stop();
    EXPECT_EQ(session.wait_for_close(), Closed::fin);
}

TEST_F(ProxyDrainTest, WaitsForSessionsOfPortsThatWereRemovedToo) {
    RunningProxy proxy(config_with(1h));
    auto session = session_on("b3", kOther);
    auto fewer = config_with(1h);
    fewer.clusters.pop_back();
    EXPECT_EQ(proxy.apply(fewer), "");
    const auto drained = proxy.drain();
    EXPECT_EQ(proxy.report().sessions, 1U);
    expect_alive(session);
    EXPECT_FALSE(is_ready(drained));
    session.close();
    wait_for(drained);
}

TEST_F(ProxyDrainTest, ItsUnixSocketGoesAtOnce) {
    const support::TempDir directory;
    const std::string path = directory.path() / ".s.PGSQL.6432";
    auto config = config_with(1h);
    config.clusters[0].ports[0].listen.push_back(net::ListenAddress::parse(path).value());
    RunningProxy proxy(config);
    EXPECT_TRUE(std::filesystem::exists(path));
    auto session = session_on("b1", kLeader);
    (void)proxy.drain();
    EXPECT_FALSE(std::filesystem::exists(path)) << "another proxy may take it over";
}

}  // namespace
}  // namespace proxy
