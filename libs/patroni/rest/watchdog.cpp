#include "patroni/rest/watchdog.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace patroni {
namespace {

constexpr std::chrono::milliseconds kRetry{1};

}  // namespace

Watchdog::Watchdog() : thread_([this] { run(); }) {}

Watchdog::~Watchdog() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_one();
    thread_.join();
    close_duplicate();
}

void Watchdog::guard(int fd, Clock::time_point deadline) {
    const std::lock_guard lock(mutex_);
    close_duplicate();
    duplicate_ = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (duplicate_ < 0)
        throw std::system_error(errno, std::generic_category());
    deadline_ = deadline;
    cut_ = Cut::none;
    changed_.notify_one();
}

Watchdog::Cut Watchdog::release() {
    const std::lock_guard lock(mutex_);
    close_duplicate();
    return std::exchange(cut_, Cut::none);
}

void Watchdog::abort() noexcept {
    const std::lock_guard lock(mutex_);
    aborted_ = true;
    changed_.notify_one();
}

void Watchdog::run() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        const bool guarding = duplicate_ >= 0;
        if (guarding && (aborted_ || Clock::now() >= deadline_)) {
            cut_ = aborted_ ? Cut::abort : Cut::deadline;
            // Before its connect has begun a socket is not cut for good: once more then.
            if (::shutdown(duplicate_, SHUT_RDWR) == 0)
                close_duplicate();
            else
                changed_.wait_for(lock, kRetry);
        } else if (guarding) {
            changed_.wait_until(lock, deadline_);
        } else {
            changed_.wait(lock);
        }
    }
}

void Watchdog::close_duplicate() noexcept {
    if (duplicate_ >= 0)
        ::close(std::exchange(duplicate_, -1));
}

}  // namespace patroni
