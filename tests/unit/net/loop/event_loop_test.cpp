#include "net/loop/event_loop.h"

#include <cerrno>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <sys/eventfd.h>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "loop_thread.h"
#include "net/loop/timer.h"
#include "net/socket/unique_fd.h"

namespace net {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

UniqueFd make_event(unsigned count) {
    return UniqueFd(::eventfd(count, EFD_NONBLOCK));
}

void drain(const UniqueFd& event) {
    eventfd_t ignored = 0;
    (void)::eventfd_read(event.get(), &ignored);
}

struct Handler final : EventHandler {
    explicit Handler(std::function<void(std::uint32_t)> its_action)
        : action(std::move(its_action)) {}
    void on_event(std::uint32_t events) noexcept override { action(events); }

    std::function<void(std::uint32_t)> action;
};

/// Runs what it is given when it is destroyed.
struct Disposable {
    explicit Disposable(std::function<void()> its_action) : action(std::move(its_action)) {}
    Disposable(const Disposable&) = delete;
    Disposable& operator=(const Disposable&) = delete;
    ~Disposable() { action(); }

    std::function<void()> action;
};

TEST(EventLoop, RunsTasksInTheOrderOfPosting) {
    EventLoop loop;
    std::vector<int> ran;
    for (int i = 0; i < 3; ++i)
        loop.post([&, i] { ran.push_back(i); });
    loop.post([&] { loop.stop(); });
    loop.run();
    EXPECT_THAT(ran, ElementsAre(0, 1, 2));
}

TEST(EventLoop, RunsWhatWasPostedBeforeItWasStopped) {
    EventLoop loop;
    bool ran = false;
    loop.post([&] { ran = true; });
    loop.stop();
    loop.run();
    EXPECT_TRUE(ran);
}

TEST(EventLoop, RunsATaskThatATaskPostsInALaterRound) {
    EventLoop loop;
    std::string order;
    loop.post([&] {
        loop.post([&] {
            order += 'b';
            loop.stop();
        });
        order += 'a';
    });
    loop.run();
    EXPECT_EQ(order, "ab");
}

TEST(EventLoop, IsWokenByAPostFromAnotherThread) {
    LoopThread thread;
    ASSERT_TRUE(thread.sleeps());
    const auto id = thread.call([] { return std::this_thread::get_id(); });
    EXPECT_NE(id, std::this_thread::get_id());
}

TEST(EventLoop, IsWokenByAStopFromAnotherThread) {
    auto thread = std::make_unique<LoopThread>();
    ASSERT_TRUE(thread->sleeps());
    thread.reset();  // joins
}

TEST(EventLoop, TakesPostsOfManyThreadsEachInItsOrder) {
    constexpr int kThreads = 4;
    constexpr int kPosts = 1000;
    EventLoop loop;
    std::map<int, std::vector<int>> ran;
    std::vector<std::thread> threads;
    int finished = 0;
    for (int t = 0; t < kThreads; ++t)
        threads.emplace_back([&, t] {
            for (int i = 0; i < kPosts; ++i)
                loop.post([&, t, i] { ran[t].push_back(i); });
            loop.post([&] {
                if (++finished == kThreads)
                    loop.stop();
            });
        });
    loop.run();
    for (auto& thread : threads)
        thread.join();
    std::vector<int> expected;
    for (int i = 0; i < kPosts; ++i)
        expected.push_back(i);
    for (int t = 0; t < kThreads; ++t)
        EXPECT_EQ(ran[t], expected) << "thread " << t;
}

TEST(EventLoop, ReportsReadinessForAsLongAsItLasts) {
    EventLoop loop;
    const UniqueFd event = make_event(1);
    int calls = 0;
    Handler handler([&](std::uint32_t events) {
        EXPECT_EQ(events, EPOLLIN);
        if (++calls == 3)
            loop.stop();
    });
    ASSERT_EQ(loop.add(event.get(), EPOLLIN, handler), 0);
    loop.run();
    EXPECT_EQ(calls, 3);
}

TEST(EventLoop, ReportsWhatItWasLastAskedFor) {
    EventLoop loop;
    const UniqueFd event = make_event(1);  // readable and writable
    std::vector<std::uint32_t> seen;
    Handler handler([&](std::uint32_t events) {
        seen.push_back(events);
        if (seen.size() == 1)
            EXPECT_EQ(loop.modify(event.get(), EPOLLOUT, handler), 0);
        else
            loop.stop();
    });
    ASSERT_EQ(loop.add(event.get(), EPOLLIN, handler), 0);
    loop.run();
    EXPECT_THAT(seen, ElementsAre(EPOLLIN, EPOLLOUT));
}

TEST(EventLoop, ReportsNothingOfADescriptorThatWasRemoved) {
    LoopThread thread;
    const UniqueFd event = make_event(1);
    int calls = 0;
    Handler handler([&](std::uint32_t) {
        ++calls;
        thread.loop().remove(event.get());
    });
    ASSERT_EQ(thread.call([&] { return thread.loop().add(event.get(), EPOLLIN, handler); }), 0);
    EXPECT_TRUE(thread.sleeps());
    EXPECT_EQ(thread.call([&] { return calls; }), 1);
}

TEST(EventLoop, ReturnsTheErrnoOfWhatEpollRefuses) {
    EventLoop loop;
    const UniqueFd event = make_event(0);
    Handler handler([](std::uint32_t) {});
    EXPECT_EQ(loop.add(-1, EPOLLIN, handler), EBADF);
    EXPECT_EQ(loop.modify(event.get(), EPOLLIN, handler), ENOENT);
    EXPECT_EQ(loop.add(event.get(), EPOLLIN, handler), 0);
    EXPECT_EQ(loop.add(event.get(), EPOLLIN, handler), EEXIST);
    loop.remove(event.get());
    loop.remove(event.get());  // not there: nothing happens
    EXPECT_EQ(loop.add(event.get(), EPOLLIN, handler), 0);
}

TEST(EventLoop, FiresTimersWhileNoDescriptorIsReady) {
    EventLoop loop;
    std::string fired;
    Timer second(loop.timers(), [&] {
        fired += '2';
        loop.stop();
    });
    Timer first(loop.timers(), [&] { fired += '1'; });
    second.arm(2ms);
    first.arm(1ms);
    loop.run();
    EXPECT_EQ(fired, "12");
}

TEST(EventLoop, FiresTimersBetweenEventsOfABusyDescriptor) {
    EventLoop loop;
    const UniqueFd event = make_event(1);
    Handler busy([](std::uint32_t) {});  // never drains it
    ASSERT_EQ(loop.add(event.get(), EPOLLIN, busy), 0);
    Timer timer(loop.timers(), [&] { loop.stop(); });
    timer.arm(1ms);
    loop.run();
}

/// Two handlers that are ready in one batch: whichever is called first gives the other away.
TEST(EventLoop, KeepsAHandlerThatIsRemovedUntilItsBatchIsOver) {
    struct Rival final : EventHandler {
        explicit Rival(EventLoop& its_loop, std::vector<std::string>& its_story)
            : loop(its_loop), story(its_story), event(make_event(1)) {
            EXPECT_EQ(loop.add(event.get(), EPOLLIN, *this), 0);
        }
        Rival(const Rival&) = delete;
        Rival& operator=(const Rival&) = delete;
        ~Rival() { story.emplace_back("destroyed"); }

        void on_event(std::uint32_t) noexcept override {
            story.emplace_back(removed ? "stale event" : "event");
            if (removed)
                return;
            drain(event);
            Rival& victim = **other;
            victim.removed = true;
            loop.remove(victim.event.get());
            loop.dispose_later(std::move(*other));
            loop.post([this] {
                story.emplace_back("task");
                loop.post([this] {
                    story.emplace_back("next round");
                    loop.stop();
                });
            });
        }

        EventLoop& loop;
        std::vector<std::string>& story;
        UniqueFd event;
        std::unique_ptr<Rival>* other = nullptr;
        bool removed = false;
    };

    EventLoop loop;
    std::vector<std::string> story;
    auto a = std::make_unique<Rival>(loop, story);
    auto b = std::make_unique<Rival>(loop, story);
    a->other = &b;
    b->other = &a;
    loop.run();
    // The task may run in the batch's own round or in the one after it.
    std::erase(story, "task");
    EXPECT_THAT(story, ElementsAre("event", "stale event", "destroyed", "next round"));
}

TEST(EventLoop, DisposesOfWhatADestructorDisposesOf) {
    std::vector<std::string> story;
    {
        EventLoop loop;
        loop.post([&] {
            loop.dispose_later(std::make_unique<Disposable>([&] {
                story.emplace_back("outer");
                loop.dispose_later(
                    std::make_unique<Disposable>([&] { story.emplace_back("inner"); }));
            }));
            loop.post([&] { loop.stop(); });
        });
        loop.run();
    }
    EXPECT_THAT(story, ElementsAre("outer", "inner"));
}

TEST(EventLoop, DisposesOfWhatALastTaskGaveAway) {
    EventLoop loop;
    bool destroyed = false;
    loop.post([&] { loop.dispose_later(std::make_unique<Disposable>([&] { destroyed = true; })); });
    loop.stop();
    loop.run();
    EXPECT_TRUE(destroyed);
}

TEST(EventLoopDeathTest, ADebugBuildEndsWhenAnotherThreadTouchesTheLoop) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    LoopThread thread;
    thread.call([] {});  // it runs
    EXPECT_DEBUG_DEATH(thread.loop().remove(-1), "assert_in_loop");
}

}  // namespace
}  // namespace net
