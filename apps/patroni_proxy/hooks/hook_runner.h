#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <thread>

#include "base/mutex.h"
#include "daemon/log/log_throttle.h"
#include "patroni_proxy/hooks/hook_job.h"
#include "patroni_proxy/hooks/hook_settings.h"

namespace proxy::hooks {

/// Runs the hook for one job after the other, on a thread of its own: a hook that hangs delays only
/// later runs, never routing. Jobs wait in a bounded queue. When it is full, the oldest job is
/// dropped and counted, those of a change of leader last. Failures are logged, at most one in ten
/// seconds. use() and run(): one thread at a time.
class HookRunner {
  public:
    static constexpr std::size_t kMostWaiting = 100;

    HookRunner() = default;
    HookRunner(const HookRunner&) = delete;
    HookRunner& operator=(const HookRunner&) = delete;
    /// Kills the command that is running.
    ~HookRunner() { stop(); }

    /// For jobs that have not begun yet. Empty: there is no hook.
    void use(const std::optional<HookSettings>& settings);
    /// Never waits.
    void run(HookJob job);
    /// Whether a job runs or waits. Any thread.
    [[nodiscard]] bool is_busy();
    void stop();

  private:
    void drop_one() REQUIRES(mutex_);
    void work(const std::stop_token& stop);
    void run_now(const HookSettings& settings, const HookJob& job, const std::stop_token& stop);
    void log_failure(const HookJob& job, const std::string& problem, const std::string& output);

    base::Mutex mutex_;
    std::condition_variable_any changed_;
    std::optional<HookSettings> settings_ GUARDED_BY(mutex_);
    std::deque<HookJob> waiting_ GUARDED_BY(mutex_);
    bool running_ GUARDED_BY(mutex_) = false;
    std::uint64_t dropped_ GUARDED_BY(mutex_) = 0;  ///< since the log last said so
    daemons::LogThrottle failures_;                 ///< the runner's thread only
    std::jthread thread_;  // last, because it uses the others; started with the first job
};

}  // namespace proxy::hooks
