#include "daemon/system/side_thread.h"

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <stdexcept>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

namespace daemons {
namespace {

using namespace std::chrono_literals;

/// Work that hangs until the test lets it go on; what it holds is its own.
class Hanging {
  public:
    [[nodiscard]] SideThread::Work work(std::function<void()> done) const {
        return [let_go = let_go_, done = std::move(done)]() -> SideThread::Done {
            let_go.wait();
            return done;
        };
    }
    void let_go() { promise_.set_value(); }

  private:
    std::promise<void> promise_;
    std::shared_future<void> let_go_ = promise_.get_future().share();
};

TEST(SideThreadTest, WorksElsewhereAndIsDoneOnTheLoop) {
    net::EventLoop loop;
    SideThread side(loop);
    std::thread::id worked;
    std::thread::id done;
    side.start([&]() -> SideThread::Done {
        worked = std::this_thread::get_id();
        return [&] {
            done = std::this_thread::get_id();
            EXPECT_FALSE(side.is_busy());
            loop.stop();
        };
    });
    EXPECT_TRUE(side.is_busy());
    loop.run();
    EXPECT_EQ(done, std::this_thread::get_id());
    EXPECT_NE(worked, done);
}

TEST(SideThreadTest, WorkThatHangsIsLeftBehindAndTheNextIsDone) {
    Hanging hanging;
    net::EventLoop loop;
    SideThread side(loop);
    bool late = false;
    side.start(hanging.work([&] { late = true; }));
    side.abandon();
    EXPECT_FALSE(side.is_busy());
    // The loop goes on meanwhile, and what hung comes back before it ends.
    side.start([&]() -> SideThread::Done {
        return [&] {
            hanging.let_go();
            side.start([&]() -> SideThread::Done { return [&] { loop.stop(); }; });
        };
    });
    loop.run();
    EXPECT_FALSE(late);
}

TEST(SideThreadTest, ItsEndDoesNotWaitForWorkThatHangs) {
    Hanging hanging;
    const auto begin = std::chrono::steady_clock::now();
    {
        net::EventLoop loop;
        SideThread side(loop);
        side.start(hanging.work([] { ADD_FAILURE() << "its loop is gone"; }));
    }
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
    hanging.let_go();
}

TEST(SideThreadTest, FinishWaitsForWorkButNotForOneThatHangs) {
    net::EventLoop loop;
    SideThread side(loop);
    std::atomic<bool> worked = false;
    side.start([&worked] {
        worked = true;
        return [] { ADD_FAILURE() << "its result is dropped"; };
    });
    EXPECT_TRUE(side.finish(10s));
    EXPECT_TRUE(worked);
    EXPECT_FALSE(side.is_busy());
    Hanging hanging;
    side.start(hanging.work([] {}));
    EXPECT_FALSE(side.finish(10ms));
    hanging.let_go();
}

TEST(SideThreadTest, ThreadsThatHangDoNotAddUp) {
    Hanging hanging;
    net::EventLoop loop;
    SideThread side(loop);
    int started = 0;
    EXPECT_THROW(
        for (; started < 100; ++started) {
            side.start(hanging.work([] {}));
            side.abandon();
        },
        std::runtime_error);
    EXPECT_EQ(started, 8);
    hanging.let_go();
}

}  // namespace
}  // namespace daemons
