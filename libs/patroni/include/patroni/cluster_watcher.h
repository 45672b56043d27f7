#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "patroni/cluster_snapshot.h"
#include "patroni/endpoint.h"
#include "patroni/rest_client.h"

namespace patroni {

/// What one round of asking a cluster's hosts gave.
struct PollResult {
    SnapshotPtr snapshot;  ///< null if no host gave a good answer
    std::string host;      ///< who gave it
    /// Why hosts that were asked gave none: "http://10.0.0.1:8008: Connection refused; ...".
    std::string errors;
};

/// Asks GET /cluster of one cluster's hosts again and again, on a thread of its own.
///
/// It starts at a random host and stays with it while it answers, so that hundreds of proxies do
/// not all ask the first; the next one is asked in the same round when one fails.
/// Threads: start(), stop() and poll_now() from any; the callbacks run on the watcher's thread.
class ClusterWatcher {
  public:
    struct Settings {
        std::vector<Endpoint> hosts;  ///< at least one
        std::chrono::milliseconds interval{3'000};
        RestClient::Timeouts timeouts;
    };
    using OnPoll = std::function<void(const PollResult&)>;

    ClusterWatcher(Settings settings, OnPoll on_poll);
    ClusterWatcher(const ClusterWatcher&) = delete;
    ClusterWatcher& operator=(const ClusterWatcher&) = delete;
    ~ClusterWatcher();

    void start();
    /// Ends a request under way. What was asked of poll_now() and not begun is told a failure.
    void stop();
    /// `done` is told the result of a round that begins after this call, after OnPoll was.
    void poll_now(OnPoll done);

  private:
    void run();
    PollResult poll();
    std::chrono::milliseconds jittered_interval();

    const Settings settings_;
    const OnPoll on_poll_;
    RestClient client_;
    std::size_t current_host_;  // watcher's thread only
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<OnPoll> asked_;  // guarded by mutex_
    bool stopping_ = false;      // guarded by mutex_
    std::thread thread_;
};

}  // namespace patroni
