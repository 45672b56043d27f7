// Operators change routing in front of a real cluster, with psql sessions as witnesses.

#include <atomic>
#include <chrono>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/process/temp_dir.h"
#include "support/sockets/test_client.h"
#include "testbed.h"

using support::psql_once;
using support::PsqlSession;
using support::TestClient;
using testing::HasSubstr;
using namespace std::chrono_literals;

namespace {

class RealControl : public testing::Test {
  protected:
    [[nodiscard]] std::string post(const std::string& target) const {
        auto client = TestClient::on_unix(dir_.path().string() + "/control.sock");
        client.send("POST " + target + " HTTP/1.0\r\n\r\n");
        return client.receive_to_eof();
    }

    /// Patroni's answer to a restart of its PostgreSQL, once that is over.
    static std::string restart(const std::string& address) {
        TestClient client(address, 8008, {.timeout = 60s});
        client.send(
            "POST /restart HTTP/1.0\r\nContent-Type: application/json\r\n"
            "Content-Length: 2\r\n\r\n{}");
        return client.receive_to_eof();
    }

    support::TempDir dir_;
    Testbed testbed_{};
    ProxyUnderTest proxy_{real_config(),
                          {.environment = {{"RUNTIME_DIRECTORY", dir_.path().string()}}}};
};

TEST_F(RealControl, ADrainLetsATransactionFinishAndTheNextOneGoElsewhere) {
    const auto session = session_on(proxy_, "replicas", "127.0.0.12");
    EXPECT_THAT(post("/members/real/p2/drain?why=kernel"), HasSubstr("\"changed\": true"));
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(who_answers(proxy_, "replicas"), "127.0.0.13|t");
    EXPECT_EQ(session->query("SELECT 1; COMMIT").error, "") << "its transaction goes on";
    EXPECT_TRUE(session->alive());
    EXPECT_THAT(post("/members/real/p2/ready"), HasSubstr("\"changed\": true"));
    (void)session_on(proxy_, "replicas", "127.0.0.12");
}

TEST_F(RealControl, AHoldHidesARestartOfThePrimaryFromWhoeverConnects) {
    ASSERT_EQ(psql_once(conninfo(proxy_, "master"), "CREATE TABLE t (n int)").status.code, 0);
    EXPECT_THAT(post("/ports/real/master/hold?for=5min"), HasSubstr("\"changed\": true"));
    std::atomic<int> written{0};
    std::string error;
    std::thread writer([&] {
        const auto result = psql_once(conninfo(proxy_, "master"), "INSERT INTO t VALUES (1)", 120s);
        written += result.status.code == 0 ? 1 : 0;
        error = result.err;
    });
    proxy_.wait_for_metric(R"(port_sessions_queued{cluster="real",port="master"})", 1);
    EXPECT_THAT(restart("127.0.0.11"), HasSubstr(" 200 "));
    EXPECT_EQ(written, 0);
    EXPECT_THAT(post("/ports/real/master/release"), HasSubstr("\"changed\": true"));
    writer.join();
    EXPECT_EQ(written, 1) << error;
}

TEST_F(RealControl, AFreezeKeepsWritersFromBothWhilePatroniSwitches) {
    EXPECT_EQ(who_answers(proxy_, "master"), "127.0.0.11|f");
    EXPECT_THAT(post("/clusters/real/freeze"), HasSubstr("\"changed\": true"));
    testbed_.run({"switchover", "--to", "p2"});
    support::eventually([&] { return who_answers(proxy_, "master").empty(); }, 20s,
                        "the former leader to be left alone by its own word");
    EXPECT_THAT(post("/clusters/real/unfreeze"), HasSubstr("\"changed\": true"));
    support::eventually([&] { return who_answers(proxy_, "master") == "127.0.0.12|f"; }, 20s,
                        "p2 to serve writers");
}

}  // namespace
