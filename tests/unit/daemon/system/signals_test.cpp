#include "daemon/system/signals.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <thread>
#include <unistd.h>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/loop/event_loop.h"

namespace daemons {
namespace {

/// Puts back what block_signals() changes in the process of the tests.
class SignalsTest : public testing::Test {
  protected:
    SignalsTest() {
        ::pthread_sigmask(SIG_SETMASK, nullptr, &mask_);
        ::sigaction(SIGPIPE, nullptr, &on_pipe_);
        // POCO blocks it before main(), but in the main thread alone.
        ::signal(SIGPIPE, SIG_DFL);
        sigset_t pipe{};
        sigaddset(&pipe, SIGPIPE);
        ::pthread_sigmask(SIG_UNBLOCK, &pipe, nullptr);
    }
    ~SignalsTest() override {
        ::sigaction(SIGPIPE, &on_pipe_, nullptr);
        ::pthread_sigmask(SIG_SETMASK, &mask_, nullptr);
    }

  private:
    sigset_t mask_{};
    struct sigaction on_pipe_ {};
};

/// What a reader on a loop is told, up to the given number of signals.
std::vector<int> next_signals(net::EventLoop& loop, std::size_t count) {
    std::vector<int> told;
    const SignalReader reader(loop, [&](int signal) {
        told.push_back(signal);
        if (told.size() == count)
            loop.stop();
    });
    loop.run();
    return told;
}

TEST_F(SignalsTest, WaitForTheReaderAndAreToldOnItsLoop) {
    block_signals();
    for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) {
        ::kill(::getpid(), number);  // before anybody reads: it would end an unprepared process
        net::EventLoop loop;
        EXPECT_EQ(next_signals(loop, 1), std::vector{number});
    }
}

TEST_F(SignalsTest, SeveralThatWaitAreAllTold) {
    block_signals();
    for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR1})
        ::kill(::getpid(), number);
    net::EventLoop loop;
    EXPECT_THAT(next_signals(loop, 4),
                testing::UnorderedElementsAre(SIGTERM, SIGINT, SIGHUP, SIGUSR1));
}

TEST_F(SignalsTest, ReachTheLoopAndNoThreadThatCameLater) {
    block_signals();
    net::EventLoop loop;
    std::thread later([] { ::kill(::getpid(), SIGHUP); });
    EXPECT_EQ(next_signals(loop, 1), std::vector{SIGHUP});
    later.join();
}

TEST_F(SignalsTest, WhatComesBetweenTwoReadersWaitsForTheSecond) {
    block_signals();
    net::EventLoop first_loop;
    {
        const SignalReader reader(first_loop, [](int /*signal*/) { FAIL() << "nothing was sent"; });
    }
    ::kill(::getpid(), SIGUSR1);
    net::EventLoop loop;
    EXPECT_EQ(next_signals(loop, 1), std::vector{SIGUSR1});
}

TEST_F(SignalsTest, ABrokenPipeIsAnErrno) {
    block_signals();
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe(pipe.data()), 0);
    ::close(pipe[0]);
    EXPECT_EQ(::write(pipe[1], "x", 1), -1);
    EXPECT_EQ(errno, EPIPE);
    ::close(pipe[1]);
}

}  // namespace
}  // namespace daemons
