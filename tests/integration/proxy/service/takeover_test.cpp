// The ports of a real HAProxy, taken over while clients connect, and given back.

#include <exception>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integration/proxy_under_test.h"
#include "support/sockets/socket.h"
#include "support/sockets/steady_clients.h"

using support::DaemonProcess;
using support::TestClient;
using testing::HasSubstr;

namespace {

/// A port that nobody else gets, and on which HAProxy, which sets SO_REUSEPORT, can listen.
class ReservedPort {
  public:
    ReservedPort() : fd_(support::make_tcp_socket(AF_INET)) {
        const int on = 1;
        ::setsockopt(fd_.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
        const support::SocketAddress any("127.0.0.1", 0);
        EXPECT_EQ(::bind(fd_.get(), any.get(), any.length()), 0);
    }
    [[nodiscard]] std::uint16_t number() const { return support::local_port(fd_.get()); }
    [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(number()); }

  private:
    support::Fd fd_;
};

/// The process that started this one; empty if there is none.
std::string parent_of(const std::string& process) {
    std::ifstream file("/proc/" + process + "/status");
    const std::string key = "PPid:\t";
    for (std::string line; std::getline(file, line);)
        if (line.starts_with(key))
            return line.substr(key.size());
    return {};
}

class Takeover : public testing::Test {
  protected:
    [[nodiscard]] std::string path(const std::string& name) const {
        return (directory_.path() / name).string();
    }
    /// With the port "master" on `address`.
    [[nodiscard]] std::string config(const std::string& address) const {
        return config_top("control: {socket: " + path("control.sock") +
                          "}\nhaproxy_socket: " + path("haproxy.sock") + "\n") +
               cluster_.section("c", {{"master", "roles: [leader], listen: \"" + address + "\""}});
    }
    /// HAProxy's file: one port, with a session's backend behind it.
    [[nodiscard]] std::string haproxy_config(const std::string& bind) const {
        const auto& backend = *cluster_.backends[0];
        return "global\n  stats socket " + path("admin.sock") +
               " level admin expose-fd listeners\n"
               "defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 1m\n"
               "  timeout server 1m\n"
               "listen w\n  bind " +
               bind + "\n  server b1 " + backend.ip() + ":" + std::to_string(backend.port()) + "\n";
    }
    [[nodiscard]] std::vector<std::string> haproxy(const std::string& bind) {
        return {"/usr/sbin/haproxy", "-db", "-f",
                directory_.write("haproxy.cfg", haproxy_config(bind))};
    }
    /// The process that was started, or a worker that it started.
    void wait_until_it_answers(const DaemonProcess& haproxy_process) const {
        const std::string own = std::to_string(haproxy_process.pid());
        support::eventually(
            [&] {
                const std::string info = show_info();
                const std::string key = "\nPid: ";
                const auto at = info.find(key);
                if (at == std::string::npos)
                    return false;
                const auto pid =
                    info.substr(at + key.size(), info.find('\n', at + 1) - at - key.size());
                return pid == own || parent_of(pid) == own;
            },
            "HAProxy to answer");
    }
    [[nodiscard]] std::string show_info() const try {
        auto client = TestClient::on_unix(path("admin.sock"));
        client.send("show info\n");
        return client.receive_to_eof();
    } catch (const std::exception&) {
        return {};  // it does not listen yet
    }
    [[nodiscard]] support::RunResult take_over(const std::vector<std::string>& more = {}) const {
        std::vector<std::string> argv{PROXY_BINARY,       "takeover",  "--haproxy",
                                      path("admin.sock"), "--control", path("control.sock")};
        argv.insert(argv.end(), more.begin(), more.end());
        return support::run(argv);
    }

    FakeCluster cluster_{1};
    support::TempDir directory_;
};

/// With the option that starts HAProxy as a master with a worker, as units do, or without.
class TakeoverOfProcess : public Takeover, public testing::WithParamInterface<const char*> {
  protected:
    [[nodiscard]] std::vector<std::string> haproxy_process(const std::string& bind) {
        auto argv = haproxy(bind);
        if (*GetParam() != '\0')
            argv.insert(argv.begin() + 1, GetParam());
        return argv;
    }
};
INSTANTIATE_TEST_SUITE_P(WithAndWithoutAMaster, TakeoverOfProcess, testing::Values("", "-W"),
                         [](const auto& tested) {
                             return *tested.param == '\0' ? "OneProcess" : "MasterAndWorker";
                         });

TEST_P(TakeoverOfProcess, NobodyIsRefusedOnTheWayThereAndBack) {
    const ReservedPort reserved;
    const auto port = reserved.number();
    const std::string address = reserved.address();
    DaemonProcess before(haproxy_process(address));
    wait_until_it_answers(before);
    ProxyUnderTest proxy(config("127.0.0.1:0"));
    TestClient with_haproxy("127.0.0.1", port);
    EXPECT_EQ(with_haproxy.receive_line(), "b1");
    const support::SteadyClients clients("127.0.0.1", port);

    proxy.write_config(config(address));
    const auto taken = take_over();
    EXPECT_EQ(taken.status.code, 0) << taken.err;
    EXPECT_THAT(taken.out, HasSubstr("the proxy accepts on " + address + "\nHAProxy (process " +
                                     std::to_string(before.pid())));
    clients.wait_for_more();
    EXPECT_TRUE(still_echoes(with_haproxy)) << "its session finishes there";
    with_haproxy.close();
    // How it ends is its own: a worker of HAProxy 2.6 was seen to crash at its very end.
    (void)before.wait_for_exit();
    TestClient with_proxy("127.0.0.1", port);
    EXPECT_EQ(with_proxy.receive_line(), "b1");
    clients.wait_for_more();

    auto argv = haproxy_process(address);
    argv.insert(argv.end(),
                {"-x", path("haproxy.sock"), "-sf", std::to_string(proxy.daemon().pid())});
    DaemonProcess after(argv);
    proxy.daemon().wait_for_line("draining: no new clients");
    wait_until_it_answers(after);
    clients.wait_for_more();
    EXPECT_TRUE(still_echoes(with_proxy));
    with_proxy.close();
    EXPECT_EQ(proxy.daemon().wait_for_exit().code, 0);
    clients.wait_for_more();
    EXPECT_EQ(clients.failed(), 0);
}

TEST_F(Takeover, WithoutAnAddressInCommonHaproxyGoesOn) {
    const ReservedPort port;
    DaemonProcess before(haproxy(port.address()));
    wait_until_it_answers(before);
    ProxyUnderTest proxy(config("127.0.0.1:0"));
    const auto taken = take_over();
    EXPECT_EQ(taken.status.code, 1);
    EXPECT_THAT(taken.err, HasSubstr("nothing was taken over: the proxy's configuration listens "
                                     "on none of HAProxy's addresses"));
    EXPECT_TRUE(before.running());
    TestClient client("127.0.0.1", port.number());
    EXPECT_EQ(client.receive_line(), "b1");
}

TEST_F(Takeover, AFailedReloadTakesNothing) {
    const ReservedPort port;
    DaemonProcess before(haproxy(port.address()));
    wait_until_it_answers(before);
    ProxyUnderTest proxy(config("127.0.0.1:0"));
    proxy.write_config("typo");
    const auto taken = take_over();
    EXPECT_EQ(taken.status.code, 1);
    EXPECT_THAT(taken.err, HasSubstr("the file needs 'clusters'"));
    EXPECT_TRUE(before.running());
}

TEST_F(Takeover, AHaproxyThatDoesNotExposeItsSocketsIsTold) {
    ProxyUnderTest proxy(config("127.0.0.1:0"));
    const ReservedPort port;
    std::string file = haproxy_config(port.address());
    const std::string option = " expose-fd listeners";
    file.erase(file.find(option), option.size());
    DaemonProcess before({"/usr/sbin/haproxy", "-db", "-f", directory_.write("haproxy.cfg", file)});
    wait_until_it_answers(before);
    const auto taken = take_over();
    EXPECT_EQ(taken.status.code, 1);
    EXPECT_THAT(taken.err, HasSubstr("needs `level admin` and `expose-fd listeners`"));
}

}  // namespace
