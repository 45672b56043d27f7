#include "daemon/system/side_thread.h"

#include <condition_variable>
#include <cstdint>
#include <stdexcept>
#include <thread>
#include <utility>

#include "base/mutex.h"

namespace daemons {
namespace {

// Each hung piece of work keeps a thread; with so many, nobody is looking.
constexpr unsigned kMostThreads = 8;
// A file that does not hang is read within milliseconds.
constexpr std::chrono::milliseconds kLastWait{200};

}  // namespace

struct SideThread::Shared {
    base::Mutex mutex;
    std::condition_variable_any changed;
    net::EventLoop* loop GUARDED_BY(mutex) = nullptr;  // null once the owner is gone
    std::uint64_t last GUARDED_BY(mutex) = 0;     // the number of the work that was started last
    std::uint64_t current GUARDED_BY(mutex) = 0;  // the number of what is awaited; 0: nothing
    unsigned threads GUARDED_BY(mutex) = 0;
};

SideThread::SideThread(net::EventLoop& loop) : shared_(std::make_shared<Shared>()) {
    const base::MutexLock lock(shared_->mutex);
    shared_->loop = &loop;
}

SideThread::~SideThread() {
    {
        const base::MutexLock lock(shared_->mutex);
        shared_->loop = nullptr;
    }
    finish(kLastWait);
}

bool SideThread::finish(std::chrono::milliseconds patience) {
    base::MutexLock lock(shared_->mutex);
    shared_->current = 0;
    return shared_->changed.wait_for(
        lock, patience, [this]() REQUIRES(shared_->mutex) { return shared_->threads == 0; });
}

void SideThread::start(Work work) {
    const base::MutexLock lock(shared_->mutex);
    if (shared_->threads >= kMostThreads)
        throw std::runtime_error(std::to_string(shared_->threads) +
                                 " threads already hang in earlier work");
    const std::uint64_t number = ++shared_->last;
    // The new thread needs the lock to finish, which is ours until the end of this function.
    std::thread([shared = shared_, number, work = std::move(work)]() mutable {
        Done done = work();
        work = nullptr;
        const base::MutexLock shared_lock(shared->mutex);
        --shared->threads;
        shared->changed.notify_all();
        if (!shared->loop || shared->current != number)
            return;
        shared->loop->post([shared, number, done = std::move(done)] {
            {
                const base::MutexLock loop_lock(shared->mutex);
                if (shared->current != number)
                    return;
                shared->current = 0;
            }
            done();
        });
    }).detach();
    ++shared_->threads;
    shared_->current = number;
}

bool SideThread::is_busy() const {
    const base::MutexLock lock(shared_->mutex);
    return shared_->current != 0;
}

void SideThread::abandon() {
    const base::MutexLock lock(shared_->mutex);
    shared_->current = 0;
}

}  // namespace daemons
