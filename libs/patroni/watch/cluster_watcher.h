#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "patroni/answers/identity.h"
#include "patroni/answers/observation.h"
#include "patroni/rest/endpoint.h"
#include "patroni/rest/rest_client.h"
#include "patroni/result.h"
#include "patroni/verdict/cluster_view.h"
#include "patroni/verdict/eligibility.h"

namespace patroni {

class MemberProbe;
class Poller;

/// Follows one cluster: polls its REST APIs and publishes what follows from the answers.
///
/// A poll asks one host for GET /cluster, then the member that it names as leader, and the leader
/// known so far, for GET /primary. The first host is random, so that hundreds of proxies do not all
/// ask the same one, and stays the first while it answers. A host that fails or is slow comes last
/// for a while. If no host answers, the members that Patroni named before are asked. Each API has a
/// probe with a thread of its own, so that one that freezes delays nothing but its own answer.
///
/// An answer counts only if it comes from the cluster that is followed, and a self-report only if
/// it comes from the member that was asked: any other answer counts as silence, with a warning.
///
/// PollSchedule says when the cluster is polled, CandidateChecks when a candidate is asked in
/// between. An alert costs ten to twenty requests per second, and a few more for a moment.
///
/// Any thread may call its functions; the callbacks run on the watcher's own thread.
class ClusterWatcher {
  public:
    struct Settings {
        std::vector<Endpoint> hosts;  ///< at least one
        std::chrono::milliseconds interval{3'000};
        RestClient::Timeouts timeouts{.connect = std::chrono::seconds{1},
                                      .total = std::chrono::seconds{3}};
        RestClient::Access access{};
        /// Which cluster it is, as far as the configuration says; the rest is learned.
        ClusterIdentity identity{};
        /// What its users require of members: if one of them needs positions, members are asked
        /// for those as well.
        std::vector<Requirements> judged_by{};
    };
    /// How a poll went.
    struct PollResult {
        bool answered = false;  ///< a host gave a good answer of /cluster
        std::string host;       ///< which one
        /// Why other hosts gave none: "http://10.0.0.1:8008: connection refused; ...".
        std::string errors;
        /// No host gave a good answer, but all that were asked accepted the connection: Patroni
        /// runs and cannot answer.
        bool all_connected = false;
        /// The cluster was re-initialized, and the new one is followed from now on.
        bool reinitialized = false;
        std::chrono::duration<double> took{0};  ///< seconds
        ClusterIdentity followed{};             ///< as far as it is known by now
    };
    using OnView = std::function<void(const ClusterView&)>;
    using OnPoll = std::function<void(const PollResult&)>;

    /// `on_view` is called after every answer (once for several that only bring positions),
    /// `on_poll` at the end of every poll.
    ClusterWatcher(Settings settings, OnView on_view, OnPoll on_poll);
    ClusterWatcher(const ClusterWatcher&) = delete;
    ClusterWatcher& operator=(const ClusterWatcher&) = delete;
    ~ClusterWatcher();

    void start();
    /// Applies new settings: every later request uses them, and a poll follows at once. What is
    /// known of the cluster stays. `applied` is called with the view, on the watcher's thread, or
    /// not at all if the watcher stops first.
    void reconfigure(Settings settings, OnView applied);
    /// Runs `task` on the watcher's thread; never if the watcher stops first.
    void post(std::function<void()> task);
    /// Asks an API besides the polls, from the watcher's thread, on which `on_reply` is called. Not
    /// at all if the watcher stops first.
    using OnReply = std::function<void(Clock::time_point, const Result<HttpReply>&)>;
    void ask(const Endpoint& endpoint, const std::string& path, OnReply on_reply);
    /// The watcher's thread drops `token`, as a sign of life.
    void ping(const std::shared_ptr<void>& token) {
        post([token] {});
    }
    /// Ends the requests in flight. Callers of poll_now() that still wait get a failure.
    void stop();
    /// `done` gets the result of a poll whose requests all begin after this call.
    void poll_now(OnPoll done);
    /// The data path has trouble with a member: the cluster is polled again soon.
    void report_trouble(const std::string& member, Trouble trouble);

  private:
    void run();
    void pass_on_asked();
    [[nodiscard]] std::string address_of(const std::string& host) const;
    [[nodiscard]] std::string place_of(const Endpoint& endpoint) const;
    [[nodiscard]] MemberProbe& probe(const Endpoint& endpoint);
    void drop_unused_probes();

    // The watcher's thread only, once that runs.
    RestClient::Timeouts timeouts_;
    RestClient::Access access_;
    std::unique_ptr<Poller> poller_;                              ///< decides whom to ask, and when
    std::map<std::string, std::unique_ptr<MemberProbe>> probes_;  ///< by place

    std::stop_source stop_;
    base::Mutex mutex_;
    std::condition_variable_any changed_;
    std::deque<std::function<void()>> tasks_ GUARDED_BY(mutex_);
    std::vector<OnPoll> asked_ GUARDED_BY(mutex_);  ///< not passed on yet
    std::jthread thread_;                           // last: it uses the others
};

}  // namespace patroni
