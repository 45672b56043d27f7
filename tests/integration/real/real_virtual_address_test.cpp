// Two hosts with a proxy each and a virtual address between them, which real keepalived moves by
// contrib/keepalived/keepalived.conf: how many connects fail meanwhile.

#include <cerrno>
#include <chrono>
#include <csignal>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integration/proxy_under_test.h"
#include "support/process/child_process.h"
#include "support/process/output_reader.h"
#include "support/process/temp_dir.h"
#include "support/sockets/network_namespace.h"

using support::Clock;
using support::NetworkNamespace;
using support::TestClient;
using namespace std::chrono_literals;

namespace {

constexpr char kVirtual[] = "10.99.0.100";
constexpr std::uint16_t kPort = 6432;

std::string with(std::string text, const std::string& from, const std::string& to) {
    const auto at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

/// One of the two: with a Patroni and a backend of its own, whose name tells a client where it is.
class Host {
  public:
    Host(const std::string& name, const std::string& ip, const std::string& other_ip, int priority)
        : ip_(ip) {
        const auto visit = network_.enter();
        patroni_ = std::make_unique<support::FakePatroni>();
        backend_ = std::make_unique<support::FakeBackend>(support::BackendOptions{.name = name});
        patroni_->answer_cluster(support::ClusterJson()
                                     .member({.name = "p1",
                                              .role = "leader",
                                              .state = "running",
                                              .api_url = patroni_->url() + "/patroni",
                                              .host = backend_->ip(),
                                              .port = backend_->port(),
                                              .timeline = 1})
                                     .str());
        patroni_->answer("/primary",
                         {.body = R"({"state": "running", "role": "primary", "timeline": 1})"});
        write_keepalived_conf(other_ip, priority);
    }

    [[nodiscard]] const NetworkNamespace& network() const { return network_; }
    [[nodiscard]] const std::string& ip() const { return ip_; }
    void start_proxy() {
        const auto visit = network_.enter();
        proxy_.emplace(config_top("freebind: true\n") + "  my_cluster:\n    hosts: [\"" +
                           patroni_->url() + "\"]\n    ports: {master: {listen: \"" + kVirtual +
                           ":" + std::to_string(kPort) + "\", roles: [leader]}}\n",
                       ProxyStart{.environment = {{"RUNTIME_DIRECTORY", dir_.path().string()}}});
    }
    void kill_proxy() {
        proxy_->daemon().signal(SIGKILL);
        (void)proxy_->daemon().wait_for_exit();
        proxy_.reset();
    }
    void start_keepalived() {
        const auto visit = network_.enter();
        const std::string dir = dir_.path();
        // The pid files of all its children: it ends where another one has any of them locked.
        keepalived_ = std::make_unique<support::ChildProcess>(std::vector<std::string>{
            "keepalived", "--dont-fork", "--log-console", "--vrrp", "--use-file",
            dir + "/keepalived.conf", "--pid", dir + "/keepalived.pid", "--vrrp_pid",
            dir + "/vrrp.pid", "--checkers_pid", dir + "/checkers.pid", "--bfd_pid",
            dir + "/bfd.pid"});
        output_ = std::make_unique<support::OutputReader>(keepalived_->take_output(),
                                                          keepalived_->take_error());
    }
    /// As an administrator stops it: it gives the address up.
    void stop_keepalived() {
        keepalived_->signal(SIGTERM);
        (void)keepalived_->wait(10s);
    }
    [[nodiscard]] std::string keepalived_said() const { return output_->text(); }

  private:
    void write_keepalived_conf(const std::string& other_ip, int priority) {
        std::ifstream file(CONTRIB_KEEPALIVED "/keepalived.conf");
        EXPECT_TRUE(file);
        std::ostringstream text;
        text << file.rdbuf();
        std::string conf = text.str();
        conf = with(conf, "interface eth0", "interface veth");
        conf = with(conf, "/usr/bin/patroni_proxy check",
                    PROXY_BINARY " check --control " + dir_.path().string() + "/control.sock");
        conf = with(conf, "priority 100", "priority " + std::to_string(priority));
        conf = with(conf, "10.0.0.21", ip_);
        conf = with(conf, "        10.0.0.22", "        " + other_ip);
        conf = with(conf, "        10.0.0.100/24", std::string("        ") + kVirtual + "/24");
        (void)dir_.write("keepalived.conf", conf);
    }

    const std::string ip_;
    support::TempDir dir_;
    NetworkNamespace network_;
    std::unique_ptr<support::FakePatroni> patroni_;
    std::unique_ptr<support::FakeBackend> backend_;
    std::optional<ProxyUnderTest> proxy_;
    std::unique_ptr<support::ChildProcess> keepalived_;
    std::unique_ptr<support::OutputReader> output_;
};

class VirtualAddress : public testing::Test {
  protected:
    struct Connects {
        int good = 0;
        int failed = 0;
        std::chrono::milliseconds longest_gap{0};  ///< without a good one
    };

    void SetUp() override {
        ASSERT_TRUE(NetworkNamespace::possible()) << "needs to be root, with network namespaces";
        first_ = std::make_unique<Host>("first", "10.99.0.21", "10.99.0.22", 100);
        second_ = std::make_unique<Host>("second", "10.99.0.22", "10.99.0.21", 90);
        // A switch, to which the client is connected as well.
        clients_.ip("link add br0 type bridge");
        clients_.ip("addr add 10.99.0.1/24 dev br0");
        clients_.ip("link set br0 up");
        for (const auto& [host, name] : {std::pair(first_.get(), "one"), {second_.get(), "two"}}) {
            clients_.connect_to(host->network(), "10.98.0.1", host->ip(), name);
            clients_.ip(std::string("addr flush dev ") + name);
            clients_.ip(std::string("link set ") + name + " master br0");
        }
        for (auto* host : {first_.get(), second_.get()}) {
            host->start_proxy();
            host->start_keepalived();
        }
        EXPECT_GT(connect_until("first").good, 0);
    }
    void TearDown() override {
        if (!HasFailure())
            return;
        for (const auto* host : {first_.get(), second_.get()}) {
            std::cout << "keepalived of " << host->ip() << ":\n" << host->keepalived_said();
        }
    }
    /// Whose backend answers; empty: the connect failed.
    static std::string served_by() {
        try {
            TestClient client(kVirtual, kPort, {.timeout = 500ms});
            return client.receive_line();
        } catch (const std::exception&) {
            return {};
        }
    }
    /// Connects every 20 ms, until this host has answered ten times in a row.
    Connects connect_until(const std::string& host) {
        const auto visit = clients_.enter();
        Connects connects;
        const auto begin = Clock::now();
        auto good_at = begin;
        for (int in_a_row = 0; in_a_row < 10 && Clock::now() - begin < 30s;) {
            const std::string by = served_by();
            const auto now = Clock::now();
            ++(by.empty() ? connects.failed : connects.good);
            if (!by.empty()) {
                connects.longest_gap =
                    std::max(connects.longest_gap,
                             std::chrono::duration_cast<std::chrono::milliseconds>(now - good_at));
                good_at = now;
            }
            in_a_row = by == host ? in_a_row + 1 : 0;
            std::this_thread::sleep_for(20ms);  // the client's own pace
        }
        EXPECT_EQ(served_by(), host);
        return connects;
    }
    static void tell(const std::string& what, const Connects& connects) {
        std::cout << what << ": " << connects.failed << " of " << connects.failed + connects.good
                  << " connects failed, none succeeded for " << connects.longest_gap.count()
                  << " ms\n";
    }

    NetworkNamespace clients_;
    std::unique_ptr<Host> first_;
    std::unique_ptr<Host> second_;
};

TEST_F(VirtualAddress, MovesWithTheProxyAndReturns) {
    first_->kill_proxy();
    const Connects failover = connect_until("second");
    tell("the proxy is killed", failover);
    EXPECT_LT(failover.longest_gap, 8s);

    first_->start_proxy();
    const Connects back = connect_until("first");
    tell("it is back", back);
    EXPECT_LT(back.longest_gap, 5s);

    first_->stop_keepalived();
    const Connects stopped = connect_until("second");
    tell("keepalived is stopped", stopped);
    EXPECT_LT(stopped.longest_gap, 5s);
}

}  // namespace
