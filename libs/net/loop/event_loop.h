#pragma once

#include <atomic>
#include <cassert>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <sys/epoll.h>
#include <thread>
#include <vector>

#include "net/loop/timer.h"
#include "net/socket/unique_fd.h"

namespace net {

/// Receives the readiness of one descriptor. Loop thread only; must not throw.
class EventHandler {
  public:
    /// `events` are epoll's (EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP).
    virtual void on_event(std::uint32_t events) noexcept = 0;

  protected:
    ~EventHandler() = default;
};

/// One epoll instance and the thread that runs it.
///
/// Threads: everything is called on the loop's own thread (or while nobody runs it), except post()
/// and stop(), which any thread may call. A debug build asserts it.
/// Ownership: borrows handlers and descriptors. A descriptor is removed before it is closed: epoll
/// goes on to report it while another process has a copy, as the child of a hook has until it runs
/// its command, and the process before an upgrade until it lets go.
/// A handler outlives the batch of events in which its descriptor left: hand it to dispose_later().
/// Errors: the constructor throws std::system_error; later failures are returned as errno values.
class EventLoop {
  public:
    EventLoop();
    EventLoop(const EventLoop&) = delete;
    EventLoop& operator=(const EventLoop&) = delete;
    ~EventLoop();

    /// Serves events until stop(). Tasks posted before stop() are run before it returns.
    void run();
    void stop();
    /// Runs `task` on the loop's thread, in the order of posting.
    void post(std::function<void()> task);

    /// Level-triggered. 0, or the errno of epoll_ctl.
    [[nodiscard]] int add(int fd, std::uint32_t events, EventHandler& handler) noexcept;
    [[nodiscard]] int modify(int fd, std::uint32_t events, EventHandler& handler) noexcept;
    /// modify(), or add() if the descriptor is not watched yet.
    [[nodiscard]] int take_over(int fd, std::uint32_t events, EventHandler& handler) noexcept;
    void remove(int fd) noexcept;

    /// Destroys `object` after the current batch of events, which may still refer to it.
    template <typename T>
    void dispose_later(std::unique_ptr<T> object) {
        assert_in_loop();
        disposed_.emplace_back(object.release(), [](void* p) { delete static_cast<T*>(p); });
    }

    [[nodiscard]] TimerQueue& timers() noexcept {
        assert_in_loop();
        return timers_;
    }
    /// When the current turn began, in ticks of a steady clock: for stamps that cost next to
    /// nothing and are compared by since(). Loop thread only.
    using Ticks = std::uint32_t;
    [[nodiscard]] Ticks ticks() const noexcept { return ticks_; }
    /// Time from the stamp to the current turn, to the tick. Only right for less than 497 days,
    /// after which ticks wrap around.
    [[nodiscard]] std::chrono::milliseconds since(Ticks stamp) const noexcept {
        return static_cast<Ticks>(ticks_ - stamp) * kTick;
    }
    static constexpr std::chrono::milliseconds kTick{10};
    /// In a debug build: this is the loop's own thread, or no thread runs the loop.
    void assert_in_loop() const noexcept {
        assert(thread_.load() == std::thread::id() || thread_.load() == std::this_thread::get_id());
    }

  private:
    using Disposed = std::unique_ptr<void, void (*)(void*)>;

    void run_posted();
    void dispose();
    void begin_turn() noexcept;
    void wake() noexcept;

    UniqueFd epoll_;
    UniqueFd wakeup_;
    TimerQueue timers_;
    Ticks ticks_ = 0;
    std::vector<Disposed> disposed_;
    std::atomic<bool> stopping_{false};
    std::atomic<std::thread::id> thread_{};  ///< the one in run(), if any
    std::mutex posted_mutex_;
    std::vector<std::function<void()>> posted_;  // guarded by posted_mutex_
};

}  // namespace net
