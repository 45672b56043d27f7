#include "daemon/system/task_thread.h"

#include <algorithm>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>
#include <utility>

namespace daemons {
namespace {

constexpr int kNice = 10;

}  // namespace

TaskThread::TaskThread(const char* name)
    : thread_([this, name](const std::stop_token& stop) {
          ::pthread_setname_np(::pthread_self(), name);
          const auto id = static_cast<id_t>(::gettid());
          ::setpriority(PRIO_PROCESS, id, std::max(kNice, ::getpriority(PRIO_PROCESS, id)));
          run(stop);
      }) {}

void TaskThread::post(Task task) {
    {
        const base::MutexLock lock(mutex_);
        tasks_.push_back(std::move(task));
    }
    changed_.notify_one();
}

void TaskThread::run(const std::stop_token& stop) {
    const auto has_task = [this]() REQUIRES(mutex_) { return !tasks_.empty(); };
    while (true) {
        Task task;
        {
            base::MutexLock lock(mutex_);
            if (!changed_.wait(lock, stop, has_task) || stop.stop_requested())
                return;
            task = std::move(tasks_.front());
            tasks_.pop_front();
        }
        task();
    }
}

}  // namespace daemons
