#include "daemon/service/service.h"

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <pthread.h>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/process/temp_dir.h"
#include "support/wait.h"

namespace daemons {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

/// A file system of one file, which hangs while a test wants it to.
class FakeFile {
  public:
    [[nodiscard]] ReadFile reader() const {
        return [shared = shared_](const std::string& path) {
            ++shared->reads;
            while (shared->hangs)
                std::this_thread::sleep_for(1ms);
            if (shared->is_bad)
                throw FileError(path + ": is bad");
            return std::string("good");
        };
    }
    /// A thread that hangs may outlive the test.
    struct Shared {
        std::atomic<bool> hangs{false};
        std::atomic<bool> is_bad{false};
        std::atomic<int> reads{0};
    };
    const std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
    ~FakeFile() { shared_->hangs = false; }
};

/// Reads one file and puts it in force once a test lets it.
class FakeBody final : public ServiceBody {
  public:
    Load loader() override {
        // The thread that reads may outlive the body: only what it returns refers to it.
        return [this, settings = log, told = warnings](const Inputs& inputs) {
            (void)inputs.read("file");
            return Loaded{settings, told, [this](std::function<void()> done) {
                              ++applications;
                              if (applies_at_once)
                                  done();
                              else
                                  applied = std::move(done);
                          }};
        };
    }
    void note_reload(const std::string& error) override { reloads.push_back(error); }
    void drain(Drain how, std::function<void()> drained) override {
        drains.push_back(how);
        if (drains_at_once)
            drained();
    }
    [[nodiscard]] bool drains_on_sigterm() const override { return sigterm_drains; }
    void stop() override { stopped = true; }
    void upgrade(const std::function<void(const Upgrade&)>& done) override { upgraded = done; }
    void ping(const std::shared_ptr<void>& token) override {
        ++pings;
        if (is_stuck)
            pinged = token;
    }

    LogConfig log;
    std::vector<std::string> warnings;
    bool applies_at_once = true;
    int applications = 0;
    std::function<void()> applied;
    std::vector<std::string> reloads;
    std::vector<Drain> drains;
    bool drains_at_once = true;
    bool sigterm_drains = false;
    bool stopped = false;
    std::function<void(const Upgrade&)> upgraded;  ///< once it was asked for
    int pings = 0;
    bool is_stuck = false;
    std::shared_ptr<void> pinged;  ///< while it is stuck
};

/// The test's thread is the main one; `steps` run on the loop, one after the other, each once what
/// it waits for is there.
class ServiceTest : public testing::Test {
  protected:
    struct Step {
        std::function<bool()> is_due;
        std::function<void()> act;
    };

    ServiceTest() { ::pthread_sigmask(SIG_SETMASK, nullptr, &mask_); }
    ~ServiceTest() override {
        log::configure({});
        ::pthread_sigmask(SIG_SETMASK, &mask_, nullptr);
    }

    void run(std::vector<Step> steps, std::chrono::milliseconds read_timeout = 1h) {
        Service service({.inputs = {.read = file_.reader()}, .read_timeout = read_timeout});
        service_ = &service;
        std::size_t next = 0;
        const auto deadline = std::chrono::steady_clock::now() + support::default_timeout;
        net::Timer* tick = nullptr;
        net::Timer timer(service.loop().timers(), [&] {
            if (std::chrono::steady_clock::now() > deadline) {
                ADD_FAILURE() << "step " << next << " was never due";
                return signal(SIGTERM);
            }
            if (next < steps.size() && steps[next].is_due())
                steps[next++].act();
            tick->arm(1ms);
        });
        tick = &timer;
        timer.arm(1ms);
        service.run(body_);
        EXPECT_EQ(next, steps.size());
    }
    static void signal(int number) { ::pthread_kill(::pthread_self(), number); }
    static std::function<void()> send(int number) {
        return [number] { signal(number); };
    }
    std::function<bool()> reading(int times) {
        return [this, times] { return file_.shared_->reads >= times; };
    }
    std::function<bool()> applied(int times) {
        return [this, times] { return body_.applications >= times; };
    }
    std::function<bool()> reloaded(std::size_t times) {
        return [this, times] { return body_.reloads.size() >= times; };
    }

    FakeFile file_;
    FakeBody body_;
    Service* service_ = nullptr;  ///< while it runs

  private:
    sigset_t mask_{};
};

TEST_F(ServiceTest, AReloadThatHangsOnAFileIsOverWhenItsTimeIsAndChangesNothing) {
    run({{applied(1),
          [&] {
              file_.shared_->hangs = true;
              signal(SIGHUP);
          }},
         {reloaded(1),
          [&] {
              file_.shared_->hangs = false;
              signal(SIGHUP);
          }},
         {reloaded(2), send(SIGTERM)}},
        300ms);
    EXPECT_EQ(body_.applications, 2);
    ASSERT_EQ(body_.reloads.size(), 2U);
    EXPECT_EQ(body_.reloads[0],
              "file: cannot be read: its file system did not answer within 300 ms");
    EXPECT_EQ(body_.reloads[1], "");
}

TEST_F(ServiceTest, SignalsAreHeardWhileAFileHangs) {
    run({{applied(1),
          [&] {
              file_.shared_->hangs = true;
              signal(SIGHUP);
          }},
         {reading(2), send(SIGTERM)}});
    EXPECT_TRUE(body_.stopped);
    EXPECT_EQ(body_.applications, 1);
}

TEST_F(ServiceTest, SignalsAreHeardWhileTheStartHangs) {
    file_.shared_->hangs = true;
    for (const int number : {SIGTERM, SIGUSR1}) {
        const int reads = file_.shared_->reads;
        body_.stopped = false;
        run({{reading(reads + 1), send(number)}});
        EXPECT_TRUE(body_.stopped);
    }
    EXPECT_EQ(body_.applications, 0);
}

TEST_F(ServiceTest, AStartWhoseFileHangsFails) {
    file_.shared_->hangs = true;
    EXPECT_THROW(run({}, 20ms), std::runtime_error);
    file_.shared_->hangs = false;
    file_.shared_->is_bad = true;
    try {
        run({});
        ADD_FAILURE() << "it started";
    } catch (const std::runtime_error& error) {
        EXPECT_STREQ(error.what(), "file: is bad");
    }
}

TEST_F(ServiceTest, AnUpgradeThatFailsChangesNothingAndAReloadWaitsForIt) {
    std::vector<std::string> errors;
    run({{applied(1), send(SIGUSR2)},
         {[&] { return bool(body_.upgraded); },
          [&] {
              signal(SIGHUP);
              service_->upgrade([&](const std::string& error, const std::string& /*message*/) {
                  errors.push_back(error);
              });
          }},
         {[&] { return errors.size() == 1; },
          [&] {
              EXPECT_EQ(file_.shared_->reads, 1);
              body_.upgraded({"it is Friday", {}, 0});
          }},
         {reloaded(1), send(SIGTERM)}});
    EXPECT_EQ(errors, std::vector<std::string>{"an upgrade is under way"});
    EXPECT_EQ(body_.reloads, std::vector<std::string>{""});
}

TEST_F(ServiceTest, AReloadMeanwhileIsDoneAfterwardsAndOnce) {
    run({{applied(1),
          [&] {
              file_.shared_->hangs = true;
              signal(SIGHUP);
          }},
         {reading(2),
          [&] {
              signal(SIGHUP);
              signal(SIGHUP);
          }},
         {[] { return true; }, [&] { file_.shared_->hangs = false; }},
         {reloaded(2), send(SIGTERM)}});
    EXPECT_THAT(body_.reloads, ElementsAre("", ""));
    EXPECT_EQ(file_.shared_->reads, 3);
}

TEST_F(ServiceTest, WarningsOfAConfigurationAreLoggedAtTheStartAndByEachReload) {
    const support::TempDir directory;
    body_.log.settings.file = directory.path() / "log";
    body_.warnings = {"f.yaml:1: warning: odd"};
    run({{applied(1), send(SIGHUP)}, {reloaded(1), send(SIGTERM)}});
    EXPECT_TRUE(log::flush(support::default_timeout));
    std::ifstream file(body_.log.settings.file);
    std::size_t found = 0;
    for (std::string line; std::getline(file, line);)
        if (line.ends_with(" WARNING f.yaml:1: warning: odd"))
            ++found;
    EXPECT_EQ(found, 2U);
}

TEST_F(ServiceTest, TheLoopGoesOnUntilAReloadIsInForce) {
    run({{applied(1),
          [&] {
              body_.applies_at_once = false;
              signal(SIGHUP);
          }},
         {applied(2),
          [&] {
              EXPECT_TRUE(body_.reloads.empty());
              body_.applied();
          }},
         {reloaded(1), send(SIGTERM)}});
    EXPECT_THAT(body_.reloads, ElementsAre(""));
}

TEST_F(ServiceTest, EachWhoAsksForAReloadIsToldOfAFileReadAfterwards) {
    std::vector<std::string> told;
    const auto ask = [&](const std::string& name) {
        service_->reload([&told, name](const std::string& error) {
            told.push_back(name + (error.empty() ? ": good" : ": bad"));
        });
    };
    run({{applied(1),
          [&] {
              file_.shared_->hangs = true;
              ask("first");
          }},
         {reading(2),
          [&] {
              ask("second");
              ask("third");
              file_.shared_->hangs = false;
          }},
         {reloaded(2),
          [&] {
              file_.shared_->is_bad = true;
              ask("fourth");
          }},
         {reloaded(3), send(SIGTERM)}});
    EXPECT_THAT(told, ElementsAre("first: good", "second: good", "third: good", "fourth: bad"));
    EXPECT_EQ(file_.shared_->reads, 4);
}

TEST_F(ServiceTest, SigtermDrainsWhereTheBodyIsToAndTheSecondOneEnds) {
    body_.sigterm_drains = true;
    body_.drains_at_once = false;
    run({{applied(1), send(SIGTERM)},
         {[&] { return body_.drains.size() == 1; },
          [&] {
              EXPECT_FALSE(body_.stopped);
              signal(SIGTERM);
          }}});
    EXPECT_THAT(body_.drains, ElementsAre(ServiceBody::Drain::end_idle));
    EXPECT_TRUE(body_.stopped);
}

TEST_F(ServiceTest, SigtermEndsWhatIsIdleOfADrainThatWaits) {
    body_.sigterm_drains = true;
    body_.drains_at_once = false;
    run({{applied(1), send(SIGUSR1)},
         {[&] { return body_.drains.size() == 1; }, send(SIGTERM)},
         {[&] { return body_.drains.size() == 2; }, send(SIGINT)}});
    EXPECT_THAT(body_.drains, ElementsAre(ServiceBody::Drain::wait, ServiceBody::Drain::end_idle));
}

TEST_F(ServiceTest, SigtermEndsAtOnceWhereTheBodyIsNotToDrain) {
    body_.drains_at_once = false;
    run({{applied(1), send(SIGTERM)}});
    EXPECT_THAT(body_.drains, testing::IsEmpty());
    EXPECT_TRUE(body_.stopped);
}

TEST_F(ServiceTest, WhoAsksForAReloadThatNeverEndsIsToldSo) {
    std::string told;
    run({{applied(1),
          [&] {
              file_.shared_->hangs = true;
              service_->reload([&](const std::string& error) { told = error; });
          }},
         {reading(2), send(SIGTERM)}});
    EXPECT_EQ(told, "the daemon is ending");
}

TEST_F(ServiceTest, ALogLevelSetAtRunTimeLastsUntilTheNextReload) {
    run({{applied(1),
          [&] {
              service_->set_log_level(log::Level::error);
              EXPECT_EQ(service_->log_level(), log::Level::error);
              EXPECT_EQ(service_->log_level_set(), log::Level::error);
              EXPECT_FALSE(log::enabled(log::Level::info));
              signal(SIGHUP);
          }},
         {reloaded(1), [&] {
              EXPECT_TRUE(log::enabled(log::Level::info));
              EXPECT_FALSE(service_->log_level_set());
              signal(SIGTERM);
          }}});
}

TEST_F(ServiceTest, ThereIsNoSignOfLifeWhileAThreadIsStuckAndThereIsAfterwards) {
    // Each sign of life comes with a ping; with this they are a millisecond apart, as are steps.
    ::setenv("WATCHDOG_USEC", "2000", 1);  // NOLINT(concurrency-mt-unsafe): nobody reads it yet
    body_.is_stuck = true;
    int steps = 0;
    run({{[&] { return body_.pings > 0 && ++steps > 50; },
          [&] {
              EXPECT_EQ(body_.pings, 1);
              body_.is_stuck = false;
              body_.pinged.reset();
          }},
         {[&] { return body_.pings > 3; }, send(SIGTERM)}});
    ::unsetenv("WATCHDOG_USEC");  // NOLINT(concurrency-mt-unsafe): all its threads have ended
}

}  // namespace
}  // namespace daemons
