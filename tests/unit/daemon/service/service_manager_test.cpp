#include "daemon/service/service_manager.h"

#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/log/log.h"
#include "support/process/temp_dir.h"
#include "support/sockets/fd.h"
#include "support/wait.h"

namespace daemons {
namespace {

using namespace std::chrono_literals;
using testing::MatchesRegex;

std::int64_t monotonic_microseconds() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1'000;
}

/// systemd's end of the protocol: a datagram socket that the environment names.
class ServiceManagerTest : public testing::Test {
  protected:
    ServiceManagerTest() : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
        EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        ::setenv("NOTIFY_SOCKET", path_.c_str(), 1);
    }
    ~ServiceManagerTest() override {
        for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"})
            ::unsetenv(name);
    }

    /// The next message; empty if there is none. It is there as soon as the call has returned.
    [[nodiscard]] std::string told() const {
        std::array<char, 8'192> buffer{};
        const auto size = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
        return size < 0 ? "" : std::string(buffer.data(), static_cast<std::size_t>(size));
    }

  private:
    support::TempDir directory_;
    const std::string path_ = directory_.path() / "notify";
    support::Fd socket_;
};

TEST_F(ServiceManagerTest, IsToldInItsOwnWords) {
    service_manager::ready();
    EXPECT_EQ(told(), "READY=1");
    service_manager::stopping();
    EXPECT_EQ(told(), "STOPPING=1");
    service_manager::watchdog_alive();
    EXPECT_EQ(told(), "WATCHDOG=1");
    EXPECT_EQ(told(), "");
}

TEST_F(ServiceManagerTest, HearsNothingOfAProcessThatIsNotTheMainOneYet) {
    service_manager::keep_silent();
    service_manager::ready();
    service_manager::watchdog_alive();
    EXPECT_EQ(told(), "");
    service_manager::take_over();
    EXPECT_EQ(told(), "READY=1");
    service_manager::watchdog_alive();
    EXPECT_EQ(told(), "WATCHDOG=1");
}

TEST_F(ServiceManagerTest, AReloadHasTheTimeOfItsBeginning) {
    const auto before = monotonic_microseconds();
    service_manager::reloading();
    const auto after = monotonic_microseconds();
    const std::string message = told();
    ASSERT_THAT(message, MatchesRegex("RELOADING=1\nMONOTONIC_USEC=[0-9]+"));
    const auto at = std::stoll(message.substr(message.rfind('=') + 1));
    EXPECT_GE(at, before);
    EXPECT_LE(at, after);
}

TEST_F(ServiceManagerTest, WhereNoneAskedNothingHappens) {
    ::unsetenv("NOTIFY_SOCKET");
    EXPECT_TRUE(log::flush(support::default_timeout));  // of other tests
    testing::internal::CaptureStderr();
    service_manager::ready();
    service_manager::reloading();
    service_manager::stopping();
    service_manager::watchdog_alive();
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
    EXPECT_EQ(service_manager::watchdog_interval(), std::nullopt);
    EXPECT_EQ(told(), "");
}

TEST_F(ServiceManagerTest, OneThatIsGoneIsAWarning) {
    ::setenv("NOTIFY_SOCKET", "/nowhere/notify", 1);
    testing::internal::CaptureStderr();
    service_manager::ready();
    EXPECT_TRUE(log::flush(support::default_timeout));
    EXPECT_THAT(testing::internal::GetCapturedStderr(),
                testing::HasSubstr("cannot notify systemd 'READY=1': No such file"));
}

TEST_F(ServiceManagerTest, WatchdogWantsASignOfLifeTwiceInItsTime) {
    EXPECT_EQ(service_manager::watchdog_interval(), std::nullopt);
    ::setenv("WATCHDOG_USEC", "30000000", 1);
    EXPECT_EQ(service_manager::watchdog_interval(), 15s);
    ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
    EXPECT_EQ(service_manager::watchdog_interval(), 15s);
    ::setenv("WATCHDOG_USEC", "10", 1);  // never 0: nobody could keep that
    EXPECT_EQ(service_manager::watchdog_interval(), 1ms);
}

TEST_F(ServiceManagerTest, WatchdogOfAnotherProcessOrNonsenseIsNone) {
    ::setenv("WATCHDOG_USEC", "30000000", 1);
    ::setenv("WATCHDOG_PID", "1", 1);
    EXPECT_EQ(service_manager::watchdog_interval(), std::nullopt);
    ::unsetenv("WATCHDOG_PID");
    for (const char* nonsense : {"", "x", "0", "-5"}) {
        ::setenv("WATCHDOG_USEC", nonsense, 1);
        EXPECT_EQ(service_manager::watchdog_interval(), std::nullopt) << nonsense;
    }
}

}  // namespace
}  // namespace daemons
