#include "daemon/system/task_thread.h"

#include <future>
#include <optional>
#include <sys/resource.h>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace daemons {
namespace {

TEST(TaskThreadTest, RunsTasksInTheirOrderOnAThreadOfItsOwn) {
    TaskThread thread("test");
    std::vector<int> done;
    std::promise<std::thread::id> last;
    thread.post([&] { done.push_back(1); });
    thread.post([&] { done.push_back(2); });
    thread.post([&] { last.set_value(std::this_thread::get_id()); });
    EXPECT_NE(last.get_future().get(), std::this_thread::get_id());
    EXPECT_EQ(done, (std::vector{1, 2}));
}

TEST(TaskThreadTest, LetsOtherThreadsGoFirst) {
    TaskThread thread("test");
    std::promise<int> nice;
    thread.post([&] { nice.set_value(::getpriority(PRIO_PROCESS, 0)); });
    EXPECT_GE(nice.get_future().get(), 10);
}

TEST(TaskThreadTest, WaitsForTheTaskUnderWay) {
    std::promise<void> begun;
    std::promise<void> go_on;
    bool finished = false;
    std::optional<TaskThread> thread("test");
    thread->post([&] {
        begun.set_value();
        go_on.get_future().wait();
        finished = true;
    });
    begun.get_future().wait();
    std::thread ending([&] { thread.reset(); });
    go_on.set_value();
    ending.join();
    EXPECT_TRUE(finished);
}

}  // namespace
}  // namespace daemons
