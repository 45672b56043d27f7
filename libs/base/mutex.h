#pragma once

#include <mutex>

// A mutex whose use clang checks: `-Wthread-safety`, which scripts/check runs, refuses to touch a
// GUARDED_BY member, or to call a REQUIRES function, without the lock. Other compilers see plain
// code. https://clang.llvm.org/docs/ThreadSafetyAnalysis.html
//
// A lambda is checked by itself: `[this]() REQUIRES(mutex_) { return !tasks_.empty(); }`.
#if defined(__clang__)
#define THREAD_ANNOTATION(...) __attribute__((__VA_ARGS__))
#else
#define THREAD_ANNOTATION(...)
#endif

/// The member may be touched only by a thread that holds this mutex.
#define GUARDED_BY(...) THREAD_ANNOTATION(guarded_by(__VA_ARGS__))
/// The function may be called only by a thread that holds this mutex.
#define REQUIRES(...) THREAD_ANNOTATION(requires_capability(__VA_ARGS__))

namespace base {

/// std::mutex, annotated.
class THREAD_ANNOTATION(capability("mutex")) Mutex {
  public:
    void lock() THREAD_ANNOTATION(acquire_capability()) { mutex_.lock(); }
    void unlock() THREAD_ANNOTATION(release_capability()) { mutex_.unlock(); }

  private:
    std::mutex mutex_;
};

/// std::unique_lock, annotated; always locked at first. Wait with std::condition_variable_any.
class THREAD_ANNOTATION(scoped_lockable) MutexLock {
  public:
    explicit MutexLock(Mutex& mutex) THREAD_ANNOTATION(acquire_capability(mutex)) : lock_(mutex) {}
    MutexLock(const MutexLock&) = delete;
    MutexLock& operator=(const MutexLock&) = delete;
    ~MutexLock() THREAD_ANNOTATION(release_capability()) = default;

    void lock() THREAD_ANNOTATION(acquire_capability()) { lock_.lock(); }
    void unlock() THREAD_ANNOTATION(release_capability()) { lock_.unlock(); }

  private:
    std::unique_lock<Mutex> lock_;
};

}  // namespace base
