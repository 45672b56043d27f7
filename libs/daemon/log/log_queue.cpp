#include "daemon/log/log_queue.h"

#include <utility>

namespace daemons::log {
namespace {

constexpr std::size_t kMaxEntries = 8'192;
constexpr std::size_t kMaxBytes = std::size_t{8} * 1024 * 1024;
// Taken at a time: what the writing thread has taken is memory beyond the queue's.
constexpr std::size_t kBatchEntries = 512;
constexpr std::size_t kBatchBytes = std::size_t{64} * 1024;
constexpr std::chrono::milliseconds kPause{10};
constexpr std::size_t kNoPauseFrom = kMaxEntries / 4;

}  // namespace

bool LogQueue::has_room(std::size_t size) {
    if (overflowing_)
        overflowing_ = entries_.size() > kMaxEntries / 2 || bytes_ > kMaxBytes / 2;
    else
        overflowing_ =
            !entries_.empty() && (entries_.size() >= kMaxEntries || bytes_ + size > kMaxBytes);
    return !overflowing_;
}

bool LogQueue::push(Record record) {
    bool wakes = false;
    {
        const base::MutexLock lock(mutex_);
        if (!has_room(record.line.size())) {
            ++entries_.back().lost_after;
            return false;
        }
        bytes_ += record.line.size();
        wakes = append({.record = std::move(record)});
    }
    if (wakes)
        pushed_changed_.notify_one();
    return true;
}

void LogQueue::push(TargetPtr target) {
    bool wakes = false;
    {
        const base::MutexLock lock(mutex_);
        wakes = append({.record = {}, .target = std::move(target)});
    }
    if (wakes)
        pushed_changed_.notify_one();
}

void LogQueue::push(WindowPtr window) {
    bool wakes = false;
    {
        const base::MutexLock lock(mutex_);
        const auto closes = window->closes;
        windows_.emplace(closes, std::move(window));
        wakes = std::exchange(writer_waits_for_, 0) != 0;
    }
    if (wakes)
        pushed_changed_.notify_one();
}

void LogQueue::close_windows() {
    bool wakes = false;
    {
        const base::MutexLock lock(mutex_);
        for (auto& [closes, window] : windows_)
            wakes |= append({.record = {}, .window = std::move(window)});
        windows_.clear();
    }
    if (wakes)
        pushed_changed_.notify_one();
}

bool LogQueue::append(Entry entry) {
    entries_.push_back(std::move(entry));
    ++pushed_;
    if (writer_waits_for_ == 0 || entries_.size() < writer_waits_for_)
        return false;
    writer_waits_for_ = 0;
    return true;
}

void LogQueue::take(std::vector<Entry>& entries) {
    using Clock = std::chrono::steady_clock;
    entries.clear();
    base::MutexLock lock(mutex_);
    done_ = taken_;
    if (flushing_ > 0)
        done_changed_.notify_all();
    wait_for_more(lock);
    wait_for_any(lock);
    taken_at_ = Clock::now();
    std::size_t bytes = 0;
    while (!entries_.empty() && entries.size() < kBatchEntries && bytes < kBatchBytes) {
        bytes += entries_.front().record.line.size();
        entries.push_back(std::move(entries_.front()));
        entries_.pop_front();
    }
    bytes_ -= bytes;
    taken_ += entries.size();
}

/// Not longer than the pause lasts, nor while somebody waits for the end of what is logged.
void LogQueue::wait_for_more(base::MutexLock& lock) {
    const auto until = taken_at_ + kPause;
    while (flushing_ == 0 && entries_.size() < kNoPauseFrom &&
           std::chrono::steady_clock::now() < until) {
        writer_waits_for_ = kNoPauseFrom;
        pushed_changed_.wait_until(lock, until);
        writer_waits_for_ = 0;
    }
}

void LogQueue::wait_for_any(base::MutexLock& lock) {
    for (close_due_windows(); entries_.empty(); close_due_windows()) {
        writer_waits_for_ = 1;
        if (windows_.empty())
            pushed_changed_.wait(lock);
        else
            pushed_changed_.wait_until(
                lock, std::chrono::steady_clock::time_point(windows_.begin()->first));
        writer_waits_for_ = 0;
    }
}

void LogQueue::close_due_windows() {
    while (!windows_.empty() && windows_.begin()->first <= std::chrono::steady_clock::now()) {
        (void)append({.record = {}, .window = std::move(windows_.begin()->second)});
        windows_.erase(windows_.begin());
    }
}

bool LogQueue::wait_until_done(std::chrono::milliseconds timeout) {
    base::MutexLock lock(mutex_);
    const std::uint64_t awaited = pushed_;
    ++flushing_;
    if (std::exchange(writer_waits_for_, 0) != 0)
        pushed_changed_.notify_one();
    const bool done = done_changed_.wait_for(
        lock, timeout, [this, awaited]() REQUIRES(mutex_) { return done_ >= awaited; });
    --flushing_;
    return done;
}

}  // namespace daemons::log
