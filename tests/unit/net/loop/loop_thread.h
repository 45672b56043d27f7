#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <filesystem>
#include <future>
#include <memory>
#include <mutex>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "net/loop/event_loop.h"
#include "support/wait.h"

namespace net {

/// An EventLoop that runs on a thread of its own, and a way to do things there. One at a time in a
/// process. Called by the test's thread.
class LoopThread {
  public:
    LoopThread() : epoll_(find_epoll()), thread_([this] { loop_.run(); }) {}
    LoopThread(const LoopThread&) = delete;
    LoopThread& operator=(const LoopThread&) = delete;
    ~LoopThread() {
        loop_.stop();
        thread_.join();
    }

    /// To be used inside call() only, but for post() and stop().
    [[nodiscard]] EventLoop& loop() noexcept { return loop_; }

    /// What `function` returns on the loop's thread, between two batches of events. It must not
    /// throw: TSan takes an exception that changes threads for a race.
    template <typename Function>
    auto call(Function function) {
        // Shared, so that the loop may still be leaving the task when this returns.
        using Result = decltype(function());
        const auto task = std::make_shared<std::packaged_task<Result()>>(std::move(function));
        auto result = task->get_future();
        loop_.post([task] { (*task)(); });
        if (result.wait_for(support::default_timeout) != std::future_status::ready)
            throw support::TimedOut(support::default_timeout, "a task posted to the loop", "");
        return result.get();
    }

    /// Inside call(): whether an event waits. Readiness is level-triggered, so it stays true for
    /// what nobody attends to: a loop that would spin is never without.
    [[nodiscard]] bool has_events() const {
        pollfd entry{epoll_, POLLIN, 0};
        return ::poll(&entry, 1, 0) != 0;
    }

    /// Whether the loop comes to rest. A wake-up may still be under way at the first look.
    [[nodiscard]] bool sleeps() {
        for (int i = 0; i < 100; ++i)
            if (!call([this] { return has_events(); }))
                return true;
        return false;
    }

  private:
    static int find_epoll() {
        for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
            std::error_code gone;
            if (std::filesystem::read_symlink(entry, gone) == "anon_inode:[eventpoll]")
                return std::stoi(entry.path().filename());
        }
        throw std::runtime_error("the loop has no epoll descriptor");
    }

    EventLoop loop_;
    int epoll_;
    std::thread thread_;
};

/// What a handler was told on the loop's thread, for the test's thread to wait for.
template <typename T>
class Told {
  public:
    void add(T what) {
        const std::lock_guard lock(mutex_);
        all_.push_back(std::move(what));
        changed_.notify_all();
    }

    /// The oldest that was not taken yet; throws TimedOut.
    T take() {
        std::unique_lock lock(mutex_);
        support::wait_until(
            lock, changed_, support::default_timeout, [this] { return !all_.empty(); },
            "a handler to be told", [] { return std::string("nothing"); });
        T what = std::move(all_.front());
        all_.pop_front();
        return what;
    }

    [[nodiscard]] bool empty() const {
        const std::lock_guard lock(mutex_);
        return all_.empty();
    }

  private:
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<T> all_;  // guarded by mutex_
};

}  // namespace net
