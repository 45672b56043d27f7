// docs/migration.md, followed with its own commands in front of a real cluster: HAProxy, the proxy
// beside it, the proxy in its place, and back. Its step 1, the agent, is what real_agent_test runs.

#include <chrono>
#include <csignal>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "haproxy_under_test.h"
#include "integration/real/testbed.h"
#include "support/process/daemon_process.h"
#include "support/process/psql_session.h"
#include "support/process/temp_dir.h"
#include "support/sockets/steady_clients.h"
#include "support/wait.h"

using namespace std::chrono_literals;
using testing::HasSubstr;

namespace {

constexpr std::uint16_t kWriters = 5000;  ///< as in httpchk_only.cfg

std::string read_guide() {
    std::stringstream text;
    text << std::ifstream(DOCS "/migration.md").rdbuf();
    return text.str();
}

/// The commands of the guide, run by a shell. A path in them stands for another one here.
class Guide {
  public:
    explicit Guide(std::map<std::string, std::string> paths)
        : paths_(std::move(paths)), page_(read_guide()) {}

    /// The line of the guide that begins like this, and what it shows below it, if it is an
    /// example.
    struct Example {
        std::string command;
        std::string output;
    };
    [[nodiscard]] Example example(const std::string& begin) const {
        std::istringstream lines(page_);
        Example found;
        for (std::string line; std::getline(lines, line);) {
            const std::string text = line.starts_with("    ") ? line.substr(4) : "";
            const std::string command = text.starts_with("$ ") ? text.substr(2) : text;
            if (found.command.empty() && command.starts_with(begin))
                found.command = command.substr(0, command.find("   "));
            else if (!found.command.empty() && (text.empty() || text.starts_with("$ ")))
                return found;
            else if (!found.command.empty())
                found.output += text + "\n";
        }
        throw std::runtime_error("docs/migration.md has no command " + begin);
    }

    /// Runs it with what is `added` to its end.
    [[nodiscard]] support::RunResult run(const std::string& begin,
                                         const std::string& added = {}) const {
        std::string command = example(begin).command + added;
        for (const auto& [path, here] : paths_)
            for (std::size_t at = 0; (at = command.find(path, at)) != std::string::npos;
                 at += here.size())
                command.replace(at, path.size(), here);
        auto result = support::run({"/bin/bash", "-c", command}, {}, 30s);
        EXPECT_EQ(result.status.code, 0) << command << "\n" << result.out << result.err;
        return result;
    }

  private:
    std::map<std::string, std::string> paths_;
    std::string page_;
};

std::string conninfo_of_writers() {
    return std::string("host=") + HaproxyUnderTest::kAddress + " port=" + std::to_string(kWriters) +
           " user=postgres dbname=postgres connect_timeout=10";
}

bool reaches_the_primary() {
    const auto result = support::psql_once(conninfo_of_writers(), "SELECT pg_is_in_recovery()");
    return result.status.code == 0 && result.out == "f\n";
}

TEST(RealMigration, TheGuideLeadsThereAndBack) {
    const Testbed testbed;
    const support::TempDir directory;
    HaproxyUnderTest haproxy("httpchk_only.cfg");
    const std::string file = (directory.path() / "patroni_proxy.yaml").string();
    const std::string control = (directory.path() / "control.sock").string();
    const std::string sockets = (directory.path() / "haproxy.sock").string();
    const Guide guide(
        {{"patroni_proxy ", std::string("PATRONI_PROXY_CONTROL=") + control + " " PROXY_BINARY " "},
         {"/etc/haproxy/haproxy.cfg", haproxy.file()},
         {"/run/haproxy/admin.sock", haproxy.socket()},
         {"/etc/patroni_proxy/patroni_proxy.yaml", file},
         {" patroni_proxy.yaml", " " + file},
         {">patroni_proxy.yaml", ">" + file}});

    // Step 0. The exit code says that there are findings.
    const auto doctor = guide.example("patroni_proxy doctor /etc");
    EXPECT_EQ(support::run({PROXY_BINARY, "doctor", haproxy.file()}).out, doctor.output);

    // Step 2: beside HAProxy.
    (void)guide.run("patroni_proxy import");
    (void)guide.run("sed -i 's/:5000\"/:6000\"/");
    EXPECT_EQ(guide.run("patroni_proxy --check").err + guide.run("patroni_proxy --check").out,
              file + ": good\n");
    (void)guide.run("patroni_proxy --once");
    std::ofstream(file, std::ios::app)
        << "\nlisten_address: \"127.0.0.21:8009\"\ncontrol: {socket: " << control
        << "}\nhaproxy_socket: " << sockets << "\n";
    support::DaemonProcess proxy({PROXY_BINARY, file});
    proxy.wait_for_line("main/replicas: listening on ");
    const auto agree = [&] {
        return support::run({PROXY_BINARY, "compare", "--haproxy", haproxy.socket(), file})
                   .status.code == 0;
    };
    support::eventually(agree, 30s, "HAProxy and the proxy to agree");

    // Step 3: in HAProxy's place.
    support::PsqlSession before(conninfo_of_writers());
    ASSERT_EQ(before.query("BEGIN").error, "");
    const support::SteadyClients clients(HaproxyUnderTest::kAddress, kWriters, 20ms);
    (void)guide.run("sed -i 's/:6000\"/:5000\"/");
    EXPECT_THAT(guide.run("patroni_proxy takeover").out,
                HasSubstr(std::string("the proxy accepts on ") + HaproxyUnderTest::kAddress));
    haproxy.stop_softly();  // systemctl stop, with the guide's KillSignal
    support::eventually(reaches_the_primary, "writers to reach the primary through the proxy");
    for (const std::string port : {"main/primary", "main/replicas"})
        EXPECT_EQ(support::run({PROXY_BINARY, "check", port, "--control", control}).status.code, 0);
    support::PsqlSession with_proxy(conninfo_of_writers());
    EXPECT_EQ(before.query("COMMIT").error, "") << "HAProxy keeps its sessions";
    EXPECT_EQ(before.query("\\q").error, "");
    haproxy.wait_until_it_ends();

    // And back.
    haproxy.start_on_sockets_of(sockets);
    proxy.signal(SIGUSR1);
    proxy.wait_for_line("draining: no new clients");
    support::eventually(reaches_the_primary, "writers to reach the primary through HAProxy");
    EXPECT_TRUE(with_proxy.alive()) << "the proxy keeps its sessions";
    (void)with_proxy.query("\\q");
    EXPECT_EQ(proxy.wait_for_exit(30s).code, 0) << proxy.output();
    clients.wait_for_more();
    EXPECT_EQ(clients.failed(), 0);
}

}  // namespace
