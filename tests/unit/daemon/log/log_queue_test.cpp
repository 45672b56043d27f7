#include "daemon/log/log_queue.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/log/log.h"
#include "daemon/log/log_throttle.h"
#include "support/process/temp_dir.h"
#include "support/sockets/fd.h"
#include "support/wait.h"

// What becomes of events whose target takes none.
namespace daemons {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr auto kPatient = support::default_timeout;

/// A FIFO as the log's file, with us as the reader.
class LogFifoTest : public testing::Test {
  protected:
    LogFifoTest() {
        EXPECT_EQ(::mkfifo(fifo_.c_str(), 0600), 0);
        reader_ = support::Fd(::open(fifo_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
        log::configure({.file = fifo_});
    }
    ~LogFifoTest() override {
        reader_.close();
        log::configure({});
        EXPECT_TRUE(log::flush(kPatient));
    }

    /// Reads on until a line with `text` has come.
    void read_until(const std::string& text) {
        bool found = false;
        std::size_t from = 0;  // megabytes may come: each byte is searched once
        while (true) {
            found = found || text_.find(text, from) != std::string::npos;
            if (found && text_.back() == '\n')
                return;
            from = text_.size() - std::min(text_.size(), text.size());
            pollfd entry{reader_.get(), POLLIN, 0};
            ASSERT_EQ(::poll(&entry, 1, static_cast<int>(kPatient.count())), 1) << text;
            std::array<char, 65536> buffer;
            const ssize_t n = ::read(reader_.get(), buffer.data(), buffer.size());
            ASSERT_GT(n, 0);
            text_.append(buffer.data(), static_cast<std::size_t>(n));
        }
    }
    [[nodiscard]] std::uint64_t events() const { return what_follows("INFO event").size(); }
    /// How many were lost, as each of the lines about it says.
    [[nodiscard]] std::vector<std::string> losses() const {
        return what_follows("WARNING log: events were lost count=");
    }

    /// The rest of each line that has `start`.
    [[nodiscard]] std::vector<std::string> what_follows(const std::string& start) const {
        std::vector<std::string> rests;
        for (auto at = text_.find(start); at != std::string::npos; at = text_.find(start, at)) {
            at += start.size();
            rests.push_back(text_.substr(at, text_.find('\n', at) - at));
        }
        return rests;
    }

    support::TempDir directory_;
    std::string fifo_ = directory_.path() / "fifo";
    support::Fd reader_;
    std::string text_;
    const std::uint64_t dropped_before_ = log::dropped();
};

TEST_F(LogFifoTest, DropsCountsAndReportsWhatABlockedTargetCannotTake) {
    constexpr std::uint64_t kEvents = 20'000;
    for (std::uint64_t i = 0; i < kEvents; ++i)
        log::info({"test"}, "event");
    const auto dropped = log::dropped() - dropped_before_;
    EXPECT_GT(dropped, kEvents / 4);  // a pipe takes 64 KiB and the queue 8,192 events
    EXPECT_FALSE(log::flush(std::chrono::milliseconds(1)));
    read_until("events were lost");
    EXPECT_THAT(losses(), ElementsAre(std::to_string(dropped)));
    EXPECT_EQ(events() + dropped, kEvents);
    log::info({"test"}, "it goes on");
    read_until("it goes on");
    EXPECT_EQ(log::dropped() - dropped_before_, dropped);
}

TEST_F(LogFifoTest, KeepsAFewMegabytesAtMost) {
    constexpr std::uint64_t kEvents = 800;
    const std::string megabytes(16'000, 'x');
    for (std::uint64_t i = 0; i < kEvents; ++i)
        log::info({"test"}, "event " + megabytes);
    const auto dropped = log::dropped() - dropped_before_;
    EXPECT_GT(dropped, kEvents / 4);
    read_until("events were lost");
    EXPECT_EQ(events() + dropped, kEvents);
    EXPECT_LT(text_.size(), 9'000'000U);
}

TEST_F(LogFifoTest, SeveralThreadsLoseNothingUncounted) {
    constexpr std::uint64_t kThreads = 4;
    constexpr std::uint64_t kEach = 5'000;
    for (int gap = 0; gap < 3; ++gap) {
        const auto dropped_before = log::dropped();
        std::vector<std::jthread> threads;
        for (std::uint64_t i = 0; i < kThreads; ++i)
            threads.emplace_back([] {
                for (std::uint64_t event = 0; event < kEach; ++event)
                    log::info({"test"}, "event");
            });
        threads.clear();
        text_.clear();
        ASSERT_NO_FATAL_FAILURE(read_until("events were lost"));
        const auto dropped = log::dropped() - dropped_before;
        EXPECT_THAT(losses(), ElementsAre(std::to_string(dropped)));
        EXPECT_EQ(events() + dropped, kThreads * kEach);
    }
}

TEST_F(LogFifoTest, CountsAndReportsWhatCannotBeWritten) {
    reader_.close();
    log::info({"test"}, "nobody reads this");  // SIGPIPE would end us
    log::info({"test"}, "nor this");
    EXPECT_TRUE(log::flush(kPatient));
    EXPECT_EQ(log::dropped() - dropped_before_, 2U);
    reader_ = support::Fd(::open(fifo_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    log::info({"test"}, "event");
    read_until("events were lost");
    EXPECT_EQ(events(), 1U);
    EXPECT_THAT(losses(), ElementsAre("2"));
    EXPECT_THAT(text_, AllOf(Not(HasSubstr("nobody")), Not(HasSubstr("nor"))));
}

TEST_F(LogFifoTest, TheFirstFailureIsNamedOnStderrAndEachAsTheProblem) {
    reader_.close();
    testing::internal::CaptureStderr();
    log::info({"test"}, "lost");
    log::info({"test"}, "lost as well");
    EXPECT_TRUE(log::flush(kPatient));
    const std::string problem = "the log file '" + fifo_ + "': Broken pipe";
    EXPECT_THAT(testing::internal::GetCapturedStderr(),
                testing::MatchesRegex(
                    "[-0-9:. ]+ ERROR log: lines are lost, because they cannot be written to " +
                    problem + "\n"));
    EXPECT_EQ(log::problem(), problem);
    reader_ = support::Fd(::open(fifo_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    log::info({"test"}, "event");
    EXPECT_TRUE(log::flush(kPatient));
    EXPECT_EQ(log::problem(), "");
}

TEST_F(LogFifoTest, AFifoThatNobodyReadsCannotBeOpened) {
    reader_.close();
    EXPECT_THROW(log::configure({.file = fifo_}), std::runtime_error);
}

TEST(LogQueue, GivesABurstAtOnceAndInItsOrder) {
    log::LogQueue queue;
    for (int i = 0; i < 700; ++i)
        EXPECT_TRUE(queue.push({.event = "test", .line = std::to_string(i)}));
    std::vector<log::Entry> entries;
    std::vector<std::string> taken;
    std::size_t times = 0;
    for (; taken.size() < 700; ++times) {
        queue.take(entries);
        for (const auto& entry : entries)
            taken.push_back(entry.record.line);
    }
    EXPECT_EQ(times, 2U);
    for (int i = 0; i < 700; ++i)
        EXPECT_EQ(taken.at(static_cast<std::size_t>(i)), std::to_string(i));
}

TEST(LogQueue, GivesLittleMoreThanIsWrittenAtOnce) {
    log::LogQueue queue;
    for (int i = 0; i < 3; ++i)
        EXPECT_TRUE(queue.push({.event = "test", .line = std::string(50'000, 'x')}));
    std::vector<log::Entry> entries;
    queue.take(entries);
    EXPECT_EQ(entries.size(), 2U);
    queue.take(entries);
    EXPECT_EQ(entries.size(), 1U);
}

TEST(LogThread, TakesNoSignals) {
    log::configure({});
    EXPECT_TRUE(log::flush(kPatient));  // it has begun
    int found = 0;
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
        std::string name;
        std::ifstream(task.path() / "comm") >> name;
        if (name != "log")
            continue;
        ++found;
        std::ifstream status(task.path() / "status");
        const std::string text{std::istreambuf_iterator<char>(status), {}};
        const std::string blocked = "SigBlk:\t";
        const auto at = text.find(blocked);
        ASSERT_NE(at, std::string::npos);
        const auto mask = std::stoull(text.substr(at + blocked.size()), nullptr, 16);
        for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGUSR1, SIGALRM, SIGCHLD})
            EXPECT_TRUE((mask >> static_cast<unsigned>(number - 1)) & 1U) << number;
    }
    EXPECT_EQ(found, 1);
}

// Death tests run in a process that begins anew.
// NOLINTBEGIN(concurrency-mt-unsafe): exit() is what is tested

TEST(LogDeathTest, WhatIsLoggedJustBeforeTheExitIsWritten) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(
        {
            for (int i = 0; i < 1000; ++i)
                log::info({"test"}, "on the way");
            log::error({"test"}, "last words");
            std::exit(7);
        },
        testing::ExitedWithCode(7), "last words");
}

TEST(LogDeathTest, RepeatedLinesAreCountedAtTheExitToo) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(
        {
            LogThrottle throttle(std::chrono::hours{1});
            for (int i = 0; i < 3; ++i)
                throttle.log(log::Level::warning, {"test"}, [] { return "refused"; });
            std::exit(7);
        },
        testing::ExitedWithCode(7), "WARNING refused \\(2 more like this within [^)]+\\)");
}

/// A stderr that takes nothing more, as of a supervisor that hangs.
void block_stderr() {
    std::array<int, 2> pipe{};
    if (::pipe2(pipe.data(), O_NONBLOCK) != 0)
        std::exit(1);
    const std::string full(4096, '.');
    while (::write(pipe[1], full.data(), full.size()) > 0) {
    }
    ::fcntl(pipe[1], F_SETFL, 0);
    ::dup2(pipe[1], STDERR_FILENO);
}

TEST(LogDeathTest, AHangingTargetDelaysTheExitAMomentAtMost) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(
        {
            ::alarm(30);  // far more than the second it may take, and the end of a test that hangs
            block_stderr();
            for (int i = 0; i < 20'000; ++i)
                log::info({"test"}, "event");
            std::exit(log::dropped() > 0 ? 7 : 8);
        },
        testing::ExitedWithCode(7), "");
}

// NOLINTEND(concurrency-mt-unsafe)

}  // namespace
}  // namespace daemons
