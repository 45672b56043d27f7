#include "patroni_proxy/proxy_service.h"

#include <csignal>
#include <filesystem>
#include <functional>
#include <string>
#include <sys/stat.h>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "logged.h"
#include "proxy_fixture.h"
#include "support/process/temp_dir.h"

namespace proxy {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

/// A proxy with one port, and its file; the test's thread is the main one.
class ProxyServiceTest : public ProxyTest {
  protected:
    ProxyServiceTest() {
        ::pthread_sigmask(SIG_SETMASK, nullptr, &mask_);
        daemons::block_signals();
        write(file());
    }
    ~ProxyServiceTest() override {
        daemons::log::configure({});
        ::pthread_sigmask(SIG_SETMASK, &mask_, nullptr);
    }

    [[nodiscard]] std::string file(const std::string& top = "workers: 1",
                                   std::uint16_t listen = kLeader) const {
        return top + "\nlisten_address: " + address(kAdmin).to_string() +
               "\ncluster_update_interval: 1h\nclusters:\n  main:\n    hosts: ['" +
               main_patroni_.url() + "']\n    ports:\n      rw: {listen: '" +
               address(listen).to_string() +
               "', roles: [leader], host_port: " + std::to_string(backends_[0]->port()) + "}\n";
    }
    void write(const std::string& text) const { (void)directory_.write("proxy.yaml", text); }
    /// In place of whatever is there.
    void write_anew(const std::string& text) const {
        std::filesystem::remove(path_);
        write(text);
    }
    /// To the main thread: others of this process were started before, by other tests
    /// too, and have not blocked it.
    void signal(int number) const { ::pthread_kill(main_, number); }

    /// What is logged while `task` runs beside a proxy that serves; it is ended by `end`.
    std::string logged_while_serving(const std::function<void()>& task, int end = SIGTERM) {
        return logged_during([&] {
            daemons::Service service({});
            ProxyService body(service.loop(), path_);
            std::thread other([&] {
                support::eventually([] { return !refuses(kLeader); }, "the proxy to listen");
                task();
                signal(end);
            });
            service.run(body);
            other.join();
        });
    }
    /// By its number: reloads are done one after the other.
    static void wait_for_reloads(std::size_t good, std::size_t failed) {
        support::eventually(
            [&] {
                const auto metrics = http("/metrics");
                return metrics.find("patroni_proxy_reloads_total " + std::to_string(good + failed) +
                                    "\n") != std::string::npos &&
                       metrics.find("patroni_proxy_reloads_failed_total " + std::to_string(failed) +
                                    "\n") != std::string::npos;
            },
            std::to_string(good) + " good reloads and " + std::to_string(failed) + " failed ones");
    }

    const support::TempDir directory_;
    const std::string path_ = directory_.path() / "proxy.yaml";

  private:
    const pthread_t main_ = ::pthread_self();
    sigset_t mask_{};
};

TEST_F(ProxyServiceTest, ServesUntilASignalEndsIt) {
    for (const int end : {SIGTERM, SIGINT}) {
        const auto log =
            logged_while_serving([] { EXPECT_EQ(connect(kLeader).receive_line(), "b1"); }, end);
        EXPECT_THAT(log, HasSubstr("INFO stopping"));
        EXPECT_TRUE(refuses(kLeader));
    }
}

TEST_F(ProxyServiceTest, AReloadDoesWhatTheFileSaysNow) {
    const auto log = logged_while_serving([&] {
        auto session = session_on("b1", kLeader);
        write(file("workers: 1\nlog: {level: debug}", kSpare));
        signal(SIGHUP);
        wait_for_reloads(1, 0);
        (void)session_on("b1", kSpare);
        EXPECT_TRUE(refuses(kLeader));
        expect_alive(session);
    });
    EXPECT_THAT(log, HasSubstr("INFO reloaded"));
    EXPECT_THAT(log, HasSubstr("DEBUG "));
}

TEST_F(ProxyServiceTest, AFileThatCannotBeUsedChangesNothing) {
    const auto log = logged_while_serving([&] {
        auto session = session_on("b1", kLeader);
        write("clusters: 5\n");
        signal(SIGHUP);
        wait_for_reloads(0, 1);
        // One whose addresses are taken: of its log settings nothing stays either.
        const auto taken = net::bind_listening_socket(address(kSpare));
        write(file("workers: 1\nlog: {level: debug}", kSpare));
        signal(SIGHUP);
        wait_for_reloads(0, 2);
        expect_alive(session);
        (void)session_on("b1", kLeader);
    });
    EXPECT_EQ(count_of("reload failed, nothing has changed: ", log), 2U) << log;
    EXPECT_THAT(log, HasSubstr("proxy.yaml:1: clusters must be a mapping of keys to values"));
    EXPECT_THAT(log, HasSubstr("main/rw: " + address(kSpare).to_string() +
                               " cannot be listened on: Address already in use"));
    EXPECT_THAT(log.substr(log.rfind("reload failed")), Not(HasSubstr("DEBUG ")));
}

TEST_F(ProxyServiceTest, AReloadThatWaitsForANewClusterDelaysNobody) {
    other_patroni_.answer("/cluster", {.fault = support::Fault::stall});
    const std::string with_other = file() + "  other:\n    hosts: ['" + other_patroni_.url() +
                                   "']\n    ports:\n      rw: {listen: '" +
                                   address(kSpare).to_string() + "', roles: [leader]}\n";
    for (const bool answers : {true, false}) {
        write(file());
        const auto log = logged_while_serving([&] {
            write(with_other);
            const auto asked = other_patroni_.requests("/cluster");
            signal(SIGHUP);
            other_patroni_.wait_for_requests("/cluster", asked + 1);
            // It is not over, and requests are answered meanwhile.
            EXPECT_THAT(http("/metrics"), HasSubstr("patroni_proxy_reloads_total 0\n"));
            (void)session_on("b1", kLeader);
            if (answers)
                wait_for_reloads(1, 0);
        });
        // SIGTERM is heard meanwhile too.
        EXPECT_EQ(count_of("INFO reloaded", log), answers ? 1U : 0U) << log;
    }
}

TEST_F(ProxyServiceTest, AFileThatHangsDelaysNobody) {
    // Where a test cannot make a file system hang, reading may: see service_test.
    ASSERT_EQ(::mkfifo((path_ + ".fifo").c_str(), 0600), 0);
    const auto log = logged_while_serving([&] {
        auto session = session_on("b1", kLeader);
        std::filesystem::rename(path_ + ".fifo", path_);
        signal(SIGHUP);
        wait_for_reloads(0, 1);
        expect_alive(session);
        write_anew(file());
        signal(SIGHUP);
        wait_for_reloads(1, 1);
    });
    EXPECT_THAT(log, HasSubstr("proxy.yaml: is a FIFO; it must be a regular file"));
}

TEST_F(ProxyServiceTest, DrainsAndEnds) {
    const auto log = logged_during([&] {
        daemons::Service service({});
        ProxyService body(service.loop(), path_);
        std::thread other([&] {
            support::eventually([] { return !refuses(kLeader); }, "the proxy to listen");
            auto session = session_on("b1", kLeader);
            signal(SIGUSR1);
            support::eventually([] { return refuses(kLeader); }, "listening to end");
            expect_alive(session);
        });
        service.run(body);
        other.join();
    });
    EXPECT_THAT(log, HasSubstr("draining: no new clients; "));
    EXPECT_THAT(log, HasSubstr("INFO stopping"));
}

TEST_F(ProxyServiceTest, AReloadWhileItDrainsLetsNobodyInAgain) {
    const auto log = logged_while_serving([&] {
        auto session = session_on("b1", kLeader);
        signal(SIGUSR1);
        support::eventually([] { return refuses(kLeader); }, "listening to end");
        signal(SIGHUP);
        wait_for_reloads(0, 1);
        EXPECT_TRUE(refuses(kLeader));
        EXPECT_THAT(http("/ready"), EndsWith("\r\n\r\ndraining\n"));
        expect_alive(session);
    });
    EXPECT_THAT(log, HasSubstr("reload failed, nothing has changed: "));
}

TEST_F(ProxyServiceTest, WhatIsAskedForAfterItsEndIsNotDone) {
    // Signals arrive in the order of their numbers: SIGINT, SIGUSR1, SIGTERM.
    daemons::Service service({});
    ProxyService body(service.loop(), path_);
    for (const int number : {SIGINT, SIGUSR1, SIGTERM})
        signal(number);
    service.run(body);
    EXPECT_TRUE(refuses(kLeader));
}

}  // namespace
}  // namespace proxy
