// The built agent with Debian's HAProxy and the files of contrib/haproxy, in front of a real
// cluster: which state each member has in HAProxy, and that no write reaches a standby, whatever is
// restarted.

#include <chrono>
#include <csignal>
#include <filesystem>
#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "haproxy_under_test.h"
#include "integration/real/testbed.h"
#include "support/process/daemon_process.h"
#include "support/process/psql_session.h"
#include "support/process/temp_dir.h"
#include "support/sockets/test_client.h"
#include "support/wait.h"

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using namespace std::chrono_literals;

namespace {

using support::eventually;

std::string address_of(int member) {
    return "127.0.0.1" + std::to_string(member);
}

std::string query(int member, const std::string& sql) {
    const auto result = support::psql_once(
        "host=" + address_of(member) + " user=postgres dbname=postgres", sql, 20s);
    if (result.status.code != 0)
        throw std::runtime_error(sql + ": " + result.err);
    return result.out;
}

/// An agent that a test can kill and start again.
class AgentUnderTest {
  public:
    AgentUnderTest(const std::string& contrib_file,
                   const std::vector<std::pair<std::string, std::string>>& replaced)
        : file_(directory_.write(
              "patroni_agent.yaml",
              "maintenance_file: " + maintenance_file() + "\n" + contrib(contrib_file, replaced))) {
        start();
    }

    void start() {
        process_ =
            std::make_unique<support::DaemonProcess>(std::vector<std::string>{AGENT_BINARY, file_});
        process_->wait_for_line("listening on");
    }
    void kill() {
        process_->signal(SIGKILL);
        process_->wait_for_exit();
    }
    void maintenance(const std::string& on_or_off) const {
        const auto result =
            support::run({AGENT_BINARY, "maintenance", "--file", maintenance_file(), on_or_off});
        EXPECT_EQ(result.status.code, 0) << result.err;
    }

  private:
    [[nodiscard]] std::string maintenance_file() const {
        return (directory_.path() / "maintenance").string();
    }

    support::TempDir directory_;
    std::string file_;
    std::unique_ptr<support::DaemonProcess> process_;
};

/// The agent of a database host, with the file in contrib, on the address of that host.
std::unique_ptr<AgentUnderTest> agent_on(int member) {
    return std::make_unique<AgentUnderTest>(
        "patroni_agent.yaml", std::vector<std::pair<std::string, std::string>>{
                                  {"[::]", address_of(member)}, {"localhost", address_of(member)}});
}

class RealAgent : public testing::Test {
  protected:
    // Synchronous, so that the next primary has every confirmed row. A primary that is started
    // again at once comes back within the ttl, also on a busy machine.
    Testbed testbed_{{"--synchronous-mode", "on", "--ttl", "40"}};

    void SetUp() override { query(1, "CREATE TABLE numbered (n int PRIMARY KEY)"); }

    static std::string server(int member) { return "primary/pg-node-" + std::to_string(member); }

    static void wait_for_state(const HaproxyUnderTest& haproxy, const std::string& server,
                               const std::string& state) {
        eventually([&] { return haproxy.states()[server] == state; }, server + " to be " + state);
    }

    /// Waits until HAProxy routes writes to this member.
    static void wait_for_primary(const HaproxyUnderTest& haproxy, int member,
                                 std::chrono::seconds timeout = 20s) {
        try {
            eventually([&] { return haproxy.states()[server(member)].substr(0, 2) == "UP"; },
                       timeout, "HAProxy to have p" + std::to_string(member) + " UP");
        } catch (const support::TimedOut& late) {
            throw std::runtime_error(late.what() + ("\n" + haproxy.output()));
        }
    }

    /// The next primary: the synchronous standby according to Patroni, which says so later than
    /// PostgreSQL does.
    static int synchronous_standby() {
        int found = 0;
        eventually(
            [&] {
                for (const int member : {1, 2, 3}) {
                    if (support::TestClient::connect_error(address_of(member), 8008) != 0)
                        continue;
                    support::TestClient patroni(address_of(member), 8008);
                    patroni.send("GET /sync HTTP/1.0\r\n\r\n");
                    if (patroni.receive_line().find(" 200 ") != std::string::npos)
                        found = member;
                }
                return found != 0;
            },
            30s, "a synchronous standby");
        return found;
    }

    static void wait_for_writes(const RowWriter& writer) {
        const std::size_t before = writer.written();
        eventually([&] { return writer.written() > before + 20; }, 20s, "rows to be written");
    }

    /// Every confirmed row is on the final primary, and none was tried on a standby.
    static void check_rows(RowWriter& writer, int primary) {
        writer.stop();
        EXPECT_EQ(writer.hits_on_standbys(), 0U);
        const std::string all = "\n" + query(primary, "SELECT n FROM numbered ORDER BY n");
        std::vector<int> lost;
        for (const int number : writer.confirmed())
            if (all.find("\n" + std::to_string(number) + "\n") == std::string::npos)
                lost.push_back(number);
        EXPECT_THAT(lost, testing::IsEmpty());
        RecordProperty("rows", static_cast<int>(writer.confirmed().size()));
    }
};

TEST(Contrib, HaproxyTakesEveryFileWithoutAWarning) {
    std::size_t files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(CONTRIB_HAPROXY)) {
        if (entry.path().extension() != ".cfg")
            continue;
        ++files;
        const auto result = support::run({"/usr/sbin/haproxy", "-c", "-f", entry.path()});
        EXPECT_EQ(result.status.code, 0) << entry.path() << ": " << result.err;
        EXPECT_THAT(result.out + result.err, Not(HasSubstr("[WARNING]"))) << entry.path();
    }
    EXPECT_GE(files, 3U);
}

TEST_F(RealAgent, OnDatabaseHostsNoWriteReachesAStandbyWhateverIsRestarted) {
    std::vector<std::unique_ptr<AgentUnderTest>> agents;
    for (const int member : {1, 2, 3})
        agents.push_back(agent_on(member));
    HaproxyUnderTest haproxy("agent_on_database_hosts.cfg");
    StateWatch watch(haproxy);
    wait_for_primary(haproxy, 1);
    eventually([&] { return haproxy.states()["replicas/pg-node-3"].substr(0, 2) == "UP"; },
               "p3 to take reads");
    EXPECT_THAT(watch.seen("primary/pg-node-2"), ElementsAre("MAINT"));
    EXPECT_THAT(watch.seen("primary/pg-node-3"), ElementsAre("MAINT"));
    EXPECT_THAT(watch.seen("replicas/pg-node-1"), ElementsAre("MAINT"));

    RowWriter writer(HaproxyUnderTest::kAddress, 5000, "numbered");
    wait_for_writes(writer);

    // Reloads of HAProxy: while all is well, and in the middle of a switchover.
    haproxy.reload();
    wait_for_writes(writer);
    const int second = synchronous_standby();
    const int other = 5 - second;
    auto switchover = std::async(std::launch::async, [&] {
        return testbed_.run({"switchover", "--to", "p" + std::to_string(second)});
    });
    // In this thread: the process ends with the thread that started it.
    do
        haproxy.reload();
    while (switchover.wait_for(600ms) != std::future_status::ready);
    switchover.get();
    wait_for_primary(haproxy, second);
    wait_for_writes(writer);
    wait_for_state(haproxy, "primary/pg-node-1", "MAINT");
    EXPECT_THAT(watch.seen(server(second)), Not(Contains("DOWN")));
    EXPECT_THAT(watch.seen(server(other)), ElementsAre("MAINT"));

    // The primary's agent dies and is started again, which cuts no session.
    watch.forget();
    for (int i = 0; i < 3; ++i) {
        agents[static_cast<std::size_t>(second - 1)]->kill();
        agents[static_cast<std::size_t>(second - 1)]->start();
        std::this_thread::sleep_for(600ms);
    }
    EXPECT_THAT(watch.seen(server(second)), testing::Each(StartsWith("UP")));
    wait_for_writes(writer);

    // The primary crashes and comes back within Patroni's ttl: read-only at first.
    testbed_.run({"kill", "p" + std::to_string(second)});
    testbed_.run({"start", "p" + std::to_string(second)});
    wait_for_primary(haproxy, second);
    wait_for_writes(writer);
    EXPECT_THAT(watch.seen(server(1)), ElementsAre("MAINT"));
    EXPECT_THAT(watch.seen(server(other)), ElementsAre("MAINT"));

    // The primary is lost.
    const int third = synchronous_standby();
    testbed_.run({"kill", "p" + std::to_string(second)});
    wait_for_primary(haproxy, third, 100s);
    wait_for_writes(writer);
    EXPECT_THAT(watch.seen(server(third)), Not(Contains("DOWN")));
    EXPECT_THAT(watch.seen(server(6 - second - third)), ElementsAre("MAINT"));
    check_rows(writer, third);
}

TEST_F(RealAgent, BesideHaproxyTheAgentMayDieAndMembersBePutInMaintenance) {
    AgentUnderTest agent("patroni_agent_beside.yaml", {{"10.0.0.", "127.0.0."}});
    HaproxyUnderTest haproxy("agent_beside_haproxy.cfg");
    StateWatch watch(haproxy);
    wait_for_primary(haproxy, 1);
    EXPECT_THAT(watch.seen("primary/pg-node-2"), ElementsAre("MAINT"));
    EXPECT_THAT(watch.seen("primary/pg-node-3"), ElementsAre("MAINT"));
    RowWriter writer(HaproxyUnderTest::kAddress, 5000, "numbered");
    wait_for_writes(writer);

    const int second = synchronous_standby();
    testbed_.run({"switchover", "--to", "p" + std::to_string(second)});
    wait_for_primary(haproxy, second);
    wait_for_writes(writer);
    EXPECT_THAT(watch.seen(server(5 - second)), ElementsAre("MAINT"));

    // Without its agent HAProxy loses the primary at the next role change, and finds no other.
    const int third = synchronous_standby();
    wait_for_state(haproxy, server(third), "MAINT");
    agent.kill();
    watch.forget();
    testbed_.run({"switchover", "--to", "p" + std::to_string(third)});
    wait_for_state(haproxy, server(second), "DOWN");
    haproxy.reload();
    std::this_thread::sleep_for(1s);
    EXPECT_THAT(watch.seen(server(third)), ElementsAre("MAINT"));
    agent.start();
    wait_for_primary(haproxy, third);
    wait_for_writes(writer);

    // In maintenance mode PostgreSQL runs on while Patroni dies and comes back. HAProxy's own check
    // would mark it DOWN and end its sessions. Without that check no session ends, but no new one
    // begins.
    auto session =
        std::make_unique<support::PsqlSession>("host=" + std::string(HaproxyUnderTest::kAddress) +
                                               " port=5000 user=postgres dbname=postgres");
    ASSERT_TRUE(session->query("BEGIN").alive);
    HeldSession held(std::move(session));
    testbed_.run({"pause"});
    EXPECT_EQ(haproxy.command("disable health " + server(third)), "\n");
    testbed_.run({"kill", "p" + std::to_string(third), "--patroni-only"});
    wait_for_state(haproxy, server(third), "DRAIN (agent)");
    testbed_.run({"start", "p" + std::to_string(third)});
    EXPECT_EQ(haproxy.command("enable health " + server(third)), "\n");
    wait_for_primary(haproxy, third);
    EXPECT_TRUE(held.untouched());
    testbed_.run({"resume"});

    agent.maintenance("on");
    wait_for_state(haproxy, server(third), "MAINT");
    agent.maintenance("off");
    wait_for_primary(haproxy, third);
    wait_for_writes(writer);
    check_rows(writer, third);
}

/// The primary proves itself all the time, while nobody answers GET /cluster for longer than the
/// agent's stale_after.
TEST(RealAgentOutage, OfEtcdLeavesTheWritersOfFailsafeModeAlone) {
    Testbed testbed({"--loop-wait", "10", "--ttl", "30"});
    const auto set = support::run({"curl", "-sS", "-X", "PATCH", "-d", R"({"failsafe_mode": true})",
                                   "http://127.0.0.11:8008/config"});
    ASSERT_THAT(set.out, HasSubstr("failsafe_mode")) << set.err;
    eventually(
        [] {
            return support::run({"curl", "-sS", "http://127.0.0.11:8008/failsafe"})
                       .out.find("p2") != std::string::npos;
        },
        40s, "Patroni to use failsafe_mode");
    const AgentUnderTest agent("patroni_agent_beside.yaml", {{"10.0.0.", "127.0.0."}});
    const HaproxyUnderTest haproxy("agent_beside_haproxy.cfg");
    eventually([&] { return haproxy.states()["primary/pg-node-1"].starts_with("UP"); }, 20s,
               "HAProxy to have p1 UP");
    auto session =
        std::make_unique<support::PsqlSession>("host=" + std::string(HaproxyUnderTest::kAddress) +
                                               " port=5000 user=postgres dbname=postgres");
    ASSERT_TRUE(session->query("BEGIN").alive);
    HeldSession writer(std::move(session));
    StateWatch watch(haproxy);
    testbed.run({"kill", "etcd"});
    // Some polls of three hosts that hang, and four times the stale_after of a leader.
    std::this_thread::sleep_for(20s);
    EXPECT_THAT(watch.seen("primary/pg-node-1"), testing::Each(StartsWith("UP")));
    EXPECT_TRUE(writer.untouched());
    testbed.run({"start", "etcd"});
}

}  // namespace
