// A Patroni that cannot reach its DCS goes on naming the leader it knew. Each member has a network
// namespace of its own here, with a node of etcd, so that a member can be cut off from the others
// while clients still reach it.

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <pwd.h>
#include <string>
#include <unistd.h>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/process/daemon_process.h"
#include "support/process/temp_dir.h"
#include "support/sockets/http_peer.h"
#include "support/sockets/network_namespace.h"
#include "testbed.h"

using support::DaemonProcess;
using support::NetworkNamespace;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t kMachines = 3;
constexpr support::Milliseconds kPatience{60'000};

std::string postgres_binaries() {
    std::string newest;
    for (const auto& entry : std::filesystem::directory_iterator("/usr/lib/postgresql"))
        newest = std::max(newest, entry.path().string() + "/bin");
    return newest;
}

/// A network, and on it etcd, Patroni and PostgreSQL.
class Machine {
  public:
    /// Plugged into `router`, through which it reaches the others.
    Machine(const NetworkNamespace& router, std::size_t number)
        : number_(std::to_string(number)), subnet_("10.98." + number_ + ".") {
        router.connect_to(network_, subnet_ + "1", ip(), "veth" + number_);
        network_.ip("route add default via " + subnet_ + "1");
        const passwd* account = ::getpwnam("postgres");
        if (account == nullptr ||
            ::chown(directory_.path().c_str(), account->pw_uid, account->pw_gid) != 0)
            throw std::runtime_error("cannot give a directory to user postgres");
    }
    ~Machine() {
        ask_patroni_to_end();
        patroni_.reset();
        // Left behind only by a Patroni that had to be killed.
        pid_t postmaster = 0;
        if (std::ifstream(directory_.path() / "data/postmaster.pid") >> postmaster)
            ::kill(postmaster, SIGKILL);
        if (etcd_)
            etcd_->signal(SIGKILL);
    }
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;

    [[nodiscard]] std::string name() const { return "p" + number_; }
    [[nodiscard]] std::string ip() const { return subnet_ + "2"; }
    [[nodiscard]] std::string store() const { return "http://" + ip() + ":2379"; }
    [[nodiscard]] std::string api() const { return "http://" + ip() + ":8008"; }

    void start_etcd(const std::string& all) {
        const std::string peer = "http://" + ip() + ":2380";
        etcd_ = start({"/usr/bin/etcd", "--name", name(), "--data-dir", directory_.path() / "etcd",
                       "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                       "--listen-client-urls", store(), "--advertise-client-urls", store(),
                       "--initial-cluster", all, "--heartbeat-interval", "300",
                       "--election-timeout", "3000"});
    }
    void start_patroni() {
        const std::string file = directory_.write("patroni.yml", patroni_settings());
        patroni_ = start({"/usr/bin/patroni", file});
    }
    /// It ends its PostgreSQL too, and takes a second for that.
    void ask_patroni_to_end() const {
        if (patroni_)
            patroni_->signal(SIGTERM);
    }
    /// From now on it and `other` cannot reach each other.
    void cut_off_from(const Machine& other) const {
        network_.ip("route add blackhole " + other.subnet_ + "0/24");
    }

  private:
    /// It ends in an orderly way even if this test is killed.
    [[nodiscard]] std::unique_ptr<DaemonProcess> start(std::vector<std::string> argv) const {
        const std::vector<std::string> before{
            "setpriv",          "--pdeathsig",      "TERM",
            "--reuid=postgres", "--regid=postgres", "--clear-groups"};
        argv.insert(argv.begin(), before.begin(), before.end());
        const NetworkNamespace::Visit here = network_.enter();
        return std::make_unique<DaemonProcess>(
            argv, support::ProcessOptions{.environment = {{"PATH", "/usr/bin:/bin"}},
                                          .working_directory = directory_.path()});
    }
    [[nodiscard]] std::string patroni_settings() const {
        const std::string directory = directory_.path();
        return "{scope: stale, name: " + name() + ", etcd3: {host: '" + ip() +
               ":2379'},\n"
               "restapi: {listen: '" +
               ip() + ":8008', connect_address: '" + ip() +
               ":8008'},\n"
               "bootstrap: {dcs: {loop_wait: 1, ttl: 20, retry_timeout: 3,\n"
               "  postgresql: {parameters: {shared_buffers: 16MB, fsync: 'off',\n"
               "    dynamic_shared_memory_type: mmap}}},\n"
               "  initdb: [{encoding: UTF8}, {locale: C.UTF-8}, no-sync]},\n"
               "postgresql: {listen: '" +
               ip() + ":5432', connect_address: '" + ip() + ":5432', data_dir: " + directory +
               "/data,\n  bin_dir: " + postgres_binaries() + ", pgpass: " + directory +
               "/pgpass,\n"
               "  authentication: {superuser: {username: postgres},\n"
               "    replication: {username: replicator}},\n"
               "  pg_hba: [local all all trust, host all all 10.98.0.0/16 trust,\n"
               "    host replication all 10.98.0.0/16 trust],\n"
               "  basebackup: [checkpoint: fast, no-sync],\n"
               "  parameters: {unix_socket_directories: " +
               directory + "}}}\n";
    }

    std::string number_;
    std::string subnet_;
    NetworkNamespace network_;
    support::TempDir directory_;
    std::unique_ptr<DaemonProcess> etcd_;
    std::unique_ptr<DaemonProcess> patroni_;
};

class RealStaleView : public testing::Test {
  protected:
    void SetUp() override {
        ASSERT_TRUE(NetworkNamespace::possible()) << "needs to be root, with network namespaces";
        home_ = std::make_unique<NetworkNamespace::Visit>(router_);
        std::ofstream("/proc/sys/net/ipv4/ip_forward") << "1\n";
        std::string peers;
        for (std::size_t i = 0; i < kMachines; ++i) {
            machines_[i] = std::make_unique<Machine>(router_, i + 1);
            peers += (peers.empty() ? "" : ",") + machines_[i]->name() + "=http://" +
                     machines_[i]->ip() + ":2380";
        }
        // These two elect etcd's leader before the third starts, which will be cut off.
        p1().start_etcd(peers);
        p2().start_etcd(peers);
        support::eventually(
            [&] { return curl(p1().store() + "/health").find("true") != std::string::npos; },
            kPatience, "etcd to choose its leading node");
        p3().start_etcd(peers);
        p1().start_patroni();
        wait_for(p1(), "/primary", "\"state\": \"running\"");
        p2().start_patroni();
        p3().start_patroni();
        for (const std::string replica : {"p2", "p3"})
            support::eventually(
                [&] {
                    return testing::Value(
                        curl(p1().api() + "/cluster"),
                        testing::ContainsRegex("\"name\": \"" + replica +
                                               "\"[^}]*\"state\": \"(running|streaming)\""
                                               "[^}]*\"lag\": 0"));
                },
                kPatience, replica + " to follow");
    }

    void TearDown() override {
        for (const auto& machine : machines_)
            if (machine)
                machine->ask_patroni_to_end();
    }

    Machine& p1() { return *machines_[0]; }
    Machine& p2() { return *machines_[1]; }
    Machine& p3() { return *machines_[2]; }

    static std::string curl(const std::string& url, const std::vector<std::string>& options = {}) {
        std::vector<std::string> argv{"curl", "-s", "--max-time", "30", url};
        argv.insert(argv.end(), options.begin(), options.end());
        return support::run(argv, {}, kPatience).out;
    }
    static void wait_for(const Machine& machine, const std::string& path, const std::string& text) {
        support::eventually(
            [&] { return curl(machine.api() + path).find(text) != std::string::npos; }, kPatience,
            machine.name() + " to say " + text);
    }
    static std::string leader_by(const Machine& machine) {
        const std::string answer = curl(machine.api() + "/cluster");
        for (const std::string name : {"p1", "p2", "p3"})
            if (testing::Value(answer, testing::ContainsRegex("\"name\": \"" + name +
                                                              "\", \"role\": \"leader\"")))
                return name;
        return "nobody: " + answer;
    }

    /// Patroni gives up if the candidate does not answer it in time, which happens on a busy
    /// machine.
    void switch_over_to_p2() {
        support::eventually(
            [&] {
                const std::string answer = curl(p1().api() + "/switchover",
                                                {"-d", R"({"leader": "p1", "candidate": "p2"})"});
                return answer.find("Successfully switched over") != std::string::npos ||
                       leader_by(p1()) == "p2";
            },
            kPatience, "Patroni to switch over from p1 to p2");
    }

    NetworkNamespace router_;
    std::unique_ptr<NetworkNamespace::Visit> home_;
    std::array<std::unique_ptr<Machine>, kMachines> machines_;
};

TEST_F(RealStaleView, OfAMemberWhoseStoreIsCutOffKeepsNoWriterFromTheNewLeader) {
    // p3 comes first: it is asked as long as it answers well.
    ProxyUnderTest proxy(
        "cluster_update_interval: 1\n"
        "listen_address: 127.0.0.1:0\n"
        "clusters:\n"
        "  real:\n"
        "    hosts: [\"" +
        p3().api() + "\", \"" + p1().api() + "\", \"" + p2().api() +
        "\"]\n"
        "    ports:\n"
        "      master: {listen: \"127.0.0.1:0\", roles: [leader], host_port: 5432}\n");
    EXPECT_EQ(who_answers(proxy, "master"), p1().ip() + "|f");
    p3().cut_off_from(p1());
    p3().cut_off_from(p2());

    switch_over_to_p2();
    support::eventually([&] { return who_answers(proxy, "master") == p2().ip() + "|f"; }, 10s,
                        "the leader port to reach p2");
    // p3 still serves this from its own node of etcd, and the proxy may ask it.
    EXPECT_EQ(leader_by(p3()), "p1");
    EXPECT_EQ(leader_by(p1()), "p2");
    // A proxy that starts now, and asks p3 first, is not misled either.
    ProxyUnderTest later(
        "cluster_update_interval: 1\n"
        "listen_address: 127.0.0.1:0\n"
        "clusters:\n"
        "  real:\n"
        "    hosts: [\"" +
        p3().api() + "\", \"" + p1().api() +
        "\"]\n"
        "    ports:\n"
        "      master: {listen: \"127.0.0.1:0\", roles: [leader]}\n");
    support::eventually([&] { return who_answers(later, "master") == p2().ip() + "|f"; }, 10s,
                        "the leader port of a new proxy to reach p2");
    EXPECT_EQ(leader_by(p3()), "p1") << "otherwise this test shows nothing";
}

}  // namespace
