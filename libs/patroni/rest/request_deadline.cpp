#include "patroni/rest/request_deadline.h"

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

RequestDeadline::RequestDeadline() : thread_([this](const std::stop_token& stop) { run(stop); }) {}

RequestDeadline::~RequestDeadline() {
    thread_.request_stop();
    thread_.join();
    const base::MutexLock lock(mutex_);
    close_duplicate();
}

void RequestDeadline::guard(int fd, Clock::time_point deadline) {
    const base::MutexLock lock(mutex_);
    close_duplicate();
    duplicate_ = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (duplicate_ < 0)
        throw std::system_error(errno, std::generic_category());
    deadline_ = deadline;
    cut_ = Cut::none;
    changed_.notify_one();
}

RequestDeadline::Cut RequestDeadline::release() {
    const base::MutexLock lock(mutex_);
    close_duplicate();
    return std::exchange(cut_, Cut::none);
}

void RequestDeadline::abort() noexcept {
    const base::MutexLock lock(mutex_);
    aborted_ = true;
    changed_.notify_one();
}

void RequestDeadline::run(const std::stop_token& stop) {
    base::MutexLock lock(mutex_);
    while (!stop.stop_requested()) {
        const auto deadline = deadline_;
        if (duplicate_ < 0) {
            changed_.wait(lock, stop, [this]() REQUIRES(mutex_) { return duplicate_ >= 0; });
        } else if (!aborted_ && Clock::now() < deadline) {
            changed_.wait_until(lock, stop, deadline, [this, deadline]() REQUIRES(mutex_) {
                return aborted_ || duplicate_ < 0 || deadline_ != deadline;
            });
        } else {
            cut_ = aborted_ ? Cut::abort : Cut::deadline;
            // Before its connect has begun a socket is not shut down for good: try again then.
            if (::shutdown(duplicate_, SHUT_RDWR) == 0)
                close_duplicate();
            else
                changed_.wait_for(lock, stop, kRetry,
                                  [this]() REQUIRES(mutex_) { return duplicate_ < 0; });
        }
    }
}

void RequestDeadline::close_duplicate() noexcept {
    if (duplicate_ >= 0)
        ::close(std::exchange(duplicate_, -1));
}

}  // namespace patroni
