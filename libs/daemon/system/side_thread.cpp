#include "daemon/system/side_thread.h"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <utility>

namespace daemons {
namespace {

// Each hung piece of work keeps a thread; with so many, nobody is looking.
constexpr unsigned kMostThreads = 8;
// A file that does not hang is read within milliseconds.
constexpr std::chrono::milliseconds kLastWait{200};

}  // namespace

struct SideThread::Shared {
    std::mutex mutex;
    std::condition_variable changed;
    net::EventLoop* loop = nullptr;  // null once the owner is gone
    std::uint64_t last = 0;          // the number of the work that was started last
    std::uint64_t current = 0;       // the number of what is awaited; 0: nothing
    unsigned threads = 0;
};

SideThread::SideThread(net::EventLoop& loop) : shared_(std::make_shared<Shared>()) {
    shared_->loop = &loop;
}

SideThread::~SideThread() {
    std::unique_lock lock(shared_->mutex);
    shared_->loop = nullptr;
    shared_->current = 0;
    shared_->changed.wait_for(lock, kLastWait, [this] { return shared_->threads == 0; });
}

void SideThread::start(Work work) {
    const std::lock_guard lock(shared_->mutex);
    if (shared_->threads >= kMostThreads)
        throw std::runtime_error(std::to_string(shared_->threads) +
                                 " threads already hang in earlier work");
    const std::uint64_t number = ++shared_->last;
    // The new thread needs the lock to finish, which is ours until the end of this function.
    std::thread([shared = shared_, number, work = std::move(work)]() mutable {
        Done done = work();
        work = nullptr;
        const std::lock_guard shared_lock(shared->mutex);
        --shared->threads;
        shared->changed.notify_all();
        if (!shared->loop || shared->current != number)
            return;
        shared->loop->post([shared, number, done = std::move(done)] {
            {
                const std::lock_guard loop_lock(shared->mutex);
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
    const std::lock_guard lock(shared_->mutex);
    return shared_->current != 0;
}

void SideThread::abandon() {
    const std::lock_guard lock(shared_->mutex);
    shared_->current = 0;
}

}  // namespace daemons
