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

/// Follows one cluster: asks its REST APIs again and again and publishes what follows from the
/// answers.
///
/// A poll asks GET /cluster of one host, then GET /primary of who is shown as leader and of who
/// was known as one. It starts at a random host and stays with it while it answers, so that
/// hundreds of proxies do not all ask the first; a host that failed or was slow comes last for a
/// while, and members that Patroni named are asked when all hosts are gone. Each API is asked by a
/// probe with a thread of its own, so that one that freezes delays nothing but its own answer.
///
/// An answer counts for the cluster that is followed, and a member's own word for that member:
/// others that answer at their addresses are silence, with a warning.
///
/// It is in alert while there is a reason to expect news: nobody leads beyond doubt, the leader's
/// API does not answer, the data path has trouble, a switchover that is planned is near. Then
/// polls follow each other within a fifth of a second, or a tenth where somebody else may lead at
/// any moment, less often where answers are slow and after minutes, and who holds the lock but is
/// not promoted yet is asked between them too: ten to twenty requests a second, and some more for a
/// moment.
///
/// Threads: its functions from any; the callbacks run on the watcher's own.
class ClusterWatcher {
  public:
    struct Settings {
        std::vector<Endpoint> hosts;  ///< at least one
        std::chrono::milliseconds interval{3'000};
        RestClient::Timeouts timeouts{.connect = std::chrono::seconds{1},
                                      .total = std::chrono::seconds{3}};
        RestClient::Access access{};
        /// Which cluster it is, as far as that is stated; what is not is learned.
        ClusterIdentity identity{};
        /// Of who is to be judged: each member is asked for its position as well where one of them
        /// wants it.
        std::vector<Requirements> judged_by{};
    };
    /// How a poll went.
    struct PollResult {
        bool answered = false;  ///< some host gave a good answer of /cluster
        std::string host;       ///< which
        /// Why hosts that were asked gave none: "http://10.0.0.1:8008: Connection refused; ...".
        std::string errors;
        std::chrono::duration<double> took{0};  ///< seconds
    };
    using OnView = std::function<void(const ClusterView&)>;
    using OnPoll = std::function<void(const PollResult&)>;

    /// `on_view` is told after every answer, after several where they are mere positions,
    /// `on_poll` at the end of every poll.
    ClusterWatcher(Settings settings, OnView on_view, OnPoll on_poll);
    ClusterWatcher(const ClusterWatcher&) = delete;
    ClusterWatcher& operator=(const ClusterWatcher&) = delete;
    ~ClusterWatcher();

    void start();
    /// From now on these settings: new connections to the APIs with all of them, at once. What is
    /// known of the cluster stays. `applied` is told the view, on the watcher's thread; of a
    /// watcher that stops meanwhile it is dropped untold.
    void reconfigure(Settings settings, OnView applied);
    /// The watcher's thread lets go of `token`, as a sign of life.
    void ping(const std::shared_ptr<void>& token) {
        post([token] {});
    }
    /// Ends requests under way. What was asked of poll_now() and not done is told a failure.
    void stop();
    /// `done` is told how a poll went whose requests all begin after this call.
    void poll_now(OnPoll done);
    /// The data path has trouble with a member: the cluster is asked again soon.
    void report_trouble(const std::string& member, Trouble trouble);

  private:
    using OnReply = std::function<void(Clock::time_point, const Result<HttpReply>&)>;

    void run();
    void post(std::function<void()> task);
    void pass_on_asked();
    void ask(const Endpoint& endpoint, const std::string& path, OnReply on_reply);
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
