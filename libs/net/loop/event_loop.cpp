#include "net/loop/event_loop.h"

#include <array>
#include <cerrno>
#include <ctime>
#include <sys/eventfd.h>
#include <system_error>
#include <utility>

namespace net {
namespace {

// Large enough that a busy worker rarely needs two calls for what is ready, small enough that
// wake-ups and timers are not delayed.
constexpr int kMaxEvents = 256;

UniqueFd checked(int fd, const char* what) {
    if (fd < 0)
        throw std::system_error(errno, std::generic_category(), what);
    return UniqueFd(fd);
}

}  // namespace

EventLoop::EventLoop()
    : epoll_(checked(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
      wakeup_(checked(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")) {
    // A null pointer stands for the wake-up, which needs no handler.
    epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wakeup_.get(), &event) != 0)
        throw std::system_error(errno, std::generic_category(), "epoll_ctl");
    begin_turn();
}

EventLoop::~EventLoop() = default;

void EventLoop::run() {
    thread_ = std::this_thread::get_id();
    std::array<epoll_event, kMaxEvents> events;
    while (!stopping_.load(std::memory_order_acquire)) {
        const int count =
            ::epoll_wait(epoll_.get(), events.data(), kMaxEvents, timers_.milliseconds_to_next());
        begin_turn();
        bool woken = false;
        for (int i = 0; i < count; ++i) {
            const epoll_event& event = events[static_cast<std::size_t>(i)];
            if (auto* handler = static_cast<EventHandler*>(event.data.ptr))
                handler->on_event(event.events);
            else
                woken = true;
        }
        timers_.fire_due();
        if (woken)
            run_posted();
        dispose();
    }
    run_posted();
    dispose();
    thread_ = std::thread::id();
}

/// The coarse clock is read without a system call and without asking the hardware: about 7 ns.
void EventLoop::begin_turn() noexcept {
    timespec now{};
    (void)::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    constexpr long kNanoseconds = std::chrono::nanoseconds(kTick).count();
    constexpr long kPerSecond = 1'000'000'000 / kNanoseconds;
    ticks_ = static_cast<Ticks>(now.tv_sec * kPerSecond + now.tv_nsec / kNanoseconds);
}

void EventLoop::dispose() {
    // A destructor may dispose of more objects, which wait for the next batch.
    const auto disposed = std::exchange(disposed_, {});
}

void EventLoop::stop() {
    stopping_.store(true, std::memory_order_release);
    wake();
}

void EventLoop::post(std::function<void()> task) {
    bool first = false;
    {
        const std::lock_guard lock(posted_mutex_);
        first = posted_.empty();
        posted_.push_back(std::move(task));
    }
    if (first)
        wake();
}

void EventLoop::run_posted() {
    std::uint64_t count = 0;
    // Drain before taking the list, so that a task posted in between wakes the loop again.
    (void)!::read(wakeup_.get(), &count, sizeof count);
    std::vector<std::function<void()>> tasks;
    {
        const std::lock_guard lock(posted_mutex_);
        tasks.swap(posted_);
    }
    for (auto& task : tasks)
        task();
}

void EventLoop::wake() noexcept {
    const std::uint64_t one = 1;
    // Fails only when the counter is full, and then the loop is awake anyway.
    (void)!::write(wakeup_.get(), &one, sizeof one);
}

int EventLoop::add(int fd, std::uint32_t events, EventHandler& handler) noexcept {
    assert_in_loop();
    epoll_event event{.events = events, .data = {.ptr = &handler}};
    return ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : errno;
}

int EventLoop::modify(int fd, std::uint32_t events, EventHandler& handler) noexcept {
    assert_in_loop();
    epoll_event event{.events = events, .data = {.ptr = &handler}};
    return ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) == 0 ? 0 : errno;
}

int EventLoop::take_over(int fd, std::uint32_t events, EventHandler& handler) noexcept {
    const int error = modify(fd, events, handler);
    return error == ENOENT ? add(fd, events, handler) : error;
}

void EventLoop::remove(int fd) noexcept {
    assert_in_loop();
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

}  // namespace net
