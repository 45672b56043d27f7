#include "daemon/log/log_queue.h"

#include <utility>

namespace daemons::log {
namespace {

constexpr std::size_t kMaxEntries = 8'192;
constexpr std::size_t kMaxBytes = std::size_t{8} * 1024 * 1024;

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
        wakes = std::exchange(writer_waits_, false);
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
    return std::exchange(writer_waits_, false);
}

Entry LogQueue::take() {
    base::MutexLock lock(mutex_);
    done_ = taken_;
    if (flushing_ > 0)
        done_changed_.notify_all();
    while (true) {
        const auto first = windows_.begin();
        if (first != windows_.end() && first->first <= std::chrono::steady_clock::now()) {
            Entry entry{.record = {}, .window = std::move(first->second)};
            windows_.erase(first);
            return entry;
        }
        if (!entries_.empty())
            break;
        writer_waits_ = true;
        if (first == windows_.end())
            pushed_changed_.wait(lock);
        else
            pushed_changed_.wait_until(lock, std::chrono::steady_clock::time_point(first->first));
        writer_waits_ = false;
    }
    Entry entry = std::move(entries_.front());
    entries_.pop_front();
    bytes_ -= entry.record.line.size();
    ++taken_;
    return entry;
}

bool LogQueue::wait_until_done(std::chrono::milliseconds timeout) {
    base::MutexLock lock(mutex_);
    const std::uint64_t awaited = pushed_;
    ++flushing_;
    const bool done = done_changed_.wait_for(
        lock, timeout, [this, awaited]() REQUIRES(mutex_) { return done_ >= awaited; });
    --flushing_;
    return done;
}

}  // namespace daemons::log
