#include "patroni_agent/maintenance_switch.h"

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <sys/stat.h>
#include <thread>

#include <gtest/gtest.h>

#include "support/process/temp_dir.h"
#include "support/wait.h"

namespace agent {
namespace {

using namespace std::chrono_literals;

class MaintenanceSwitchTest : public testing::Test {
  protected:
    /// Serves the loop until it holds.
    void serve_until(const std::function<bool()>& is_it) {
        const auto deadline = std::chrono::steady_clock::now() + support::default_timeout;
        net::Timer* tick = nullptr;
        bool held = false;
        net::Timer timer(loop_->timers(), [&] {
            held = is_it();
            if (held || std::chrono::steady_clock::now() > deadline)
                return loop_->stop();
            tick->arm(1ms);
        });
        tick = &timer;
        timer.arm(1ms);
        loop_->run();
        EXPECT_TRUE(held);
    }

    const std::unique_ptr<net::EventLoop> loop_ = std::make_unique<net::EventLoop>();
};

TEST_F(MaintenanceSwitchTest, IsOnWhileTheFileExistsWhateverItIs) {
    const support::TempDir directory;
    const std::string fifo = directory.path() / "fifo";
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    MaintenanceSwitch maintenance(*loop_);
    EXPECT_FALSE(maintenance.is_known());
    maintenance.use(fifo, false);
    serve_until([&] { return maintenance.is_known(); });
    EXPECT_TRUE(maintenance.is_on());
}

TEST_F(MaintenanceSwitchTest, IsKnownAtOnceWhereItIsAlwaysOn) {
    MaintenanceSwitch maintenance(*loop_);
    maintenance.use("/nonexistent", true);
    EXPECT_TRUE(maintenance.is_known());
    EXPECT_TRUE(maintenance.is_on());
}

TEST_F(MaintenanceSwitchTest, AFileSystemThatHangsChangesNothingAndBlocksNobody) {
    struct Shared {
        std::atomic<bool> hangs{true};
        std::atomic<int> looks{0};
    };
    // The thread that hangs may outlive the test.
    const auto shared = std::make_shared<Shared>();
    MaintenanceSwitch maintenance(
        *loop_,
        [shared](const std::string&) -> patroni::Result<bool> {
            ++shared->looks;
            while (shared->hangs)
                std::this_thread::sleep_for(1ms);
            return true;
        },
        20ms);
    maintenance.use("file", false);
    EXPECT_FALSE(maintenance.is_known());
    serve_until([&] { return maintenance.is_known(); });
    EXPECT_FALSE(maintenance.is_on());
    EXPECT_EQ(shared->looks, 1);  // one at a time
    shared->hangs = false;
}

TEST_F(MaintenanceSwitchTest, IsFollowedOnceTheFileSystemAnswersAgain) {
    struct Shared {
        std::atomic<bool> hangs{true};
    };
    const auto shared = std::make_shared<Shared>();
    MaintenanceSwitch maintenance(
        *loop_,
        [shared](const std::string&) -> patroni::Result<bool> {
            while (shared->hangs)
                std::this_thread::sleep_for(1ms);
            return true;
        },
        20ms);
    maintenance.use("file", false);
    serve_until([&] {
        if (maintenance.is_known())
            shared->hangs = false;
        return maintenance.is_on();
    });
}

}  // namespace
}  // namespace agent
