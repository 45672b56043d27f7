#include "daemon/signals.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <thread>
#include <unistd.h>

#include <gtest/gtest.h>

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

TEST_F(SignalsTest, WaitForItAndAreTold) {
    block_signals();
    for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
        ::kill(::getpid(), number);  // before anybody waits: it would end an unprepared process
        EXPECT_EQ(wait_for_signal(), number);
    }
}

TEST_F(SignalsTest, ReachTheWaitingThreadAndNoOtherThatCameLater) {
    block_signals();
    std::thread later([] { ::kill(::getpid(), SIGHUP); });
    EXPECT_EQ(wait_for_signal(), SIGHUP);
    later.join();
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
