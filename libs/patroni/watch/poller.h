#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "patroni/answers/observation.h"
#include "patroni/rest/rest_client.h"
#include "patroni/result.h"
#include "patroni/verdict/claim.h"
#include "patroni/verdict/evidence.h"
#include "patroni/verdict/known_identity.h"
#include "patroni/watch/candidate_checks.h"
#include "patroni/watch/cluster_watcher.h"
#include "patroni/watch/host_order.h"
#include "patroni/watch/member_apis.h"
#include "patroni/watch/poll_schedule.h"

namespace patroni {

/// The course of asking one cluster: whom, when, and what an answer does to what is known. A state
/// machine: points in time, replies and trouble in; questions, views and polls out. No clock, no
/// thread, no I/O, and chance only through `Chance`, so that a test can drive it through any course
/// of events. One thread at a time.
///
/// Its driver calls advance() after each input and whenever next_deadline() has come.
class Poller {
  public:
    using Settings = ClusterWatcher::Settings;  ///< `timeouts` and `access` are the driver's
    using PollResult = ClusterWatcher::PollResult;
    using OnPoll = ClusterWatcher::OnPoll;
    /// Told once, at `now`, and never from within ask(); not at all if the question is given up.
    using OnReply = std::function<void(Clock::time_point now, const Result<HttpReply>& reply)>;

    struct Outlets {
        std::function<void(const Endpoint& endpoint, const std::string& path, OnReply)> ask;
        ClusterWatcher::OnView on_view;
        OnPoll on_poll;
        PollSchedule::Chance chance;
        MemberApis::AddressOf address_of;
    };

    Poller(Settings settings, Outlets outlets);
    Poller(const Poller&) = delete;
    Poller& operator=(const Poller&) = delete;
    ~Poller();

    /// Does what is due.
    void advance(Clock::time_point now, std::chrono::system_clock::time_point wall_clock);
    /// When something is due next, unless something comes before it.
    [[nodiscard]] Clock::time_point next_deadline() const;

    /// From now on these settings. What is known of the cluster stays; replies to what was asked
    /// before do not count.
    void reconfigure(Settings settings, Clock::time_point now);
    /// `done` is told how a poll went that begins after this call.
    void poll_now(OnPoll done);
    /// Of those who were promised a poll and have not been told of one.
    [[nodiscard]] std::vector<OnPoll> take_waiting();
    void report_trouble(const std::string& member, Trouble trouble, Clock::time_point now);

    [[nodiscard]] const ClusterView& view() const noexcept { return evidence_.view(); }
    /// The APIs that the latest poll may ask.
    [[nodiscard]] const std::vector<Endpoint>& apis() const noexcept { return apis_; }

  private:
    /// Member (empty: whoever it is), path, and the API's URL.
    using Question = std::tuple<std::string, std::string, std::string>;

    struct PollInProgress {
        std::uint64_t number = 0;
        Clock::time_point started;
        std::vector<Endpoint> hosts;  ///< to be asked, in order
        std::size_t asked = 0;
        std::size_t failed = 0;
        Clock::time_point next_host_at;  ///< when the next one is asked as well
        std::optional<Clock::time_point>
            cluster_done;                ///< when /cluster was answered, or by nobody
        Clock::duration answer_took{0};  ///< of /cluster, by who answered well, else the slowest
        std::set<Question> awaited;      ///< asked in this poll
        std::set<std::string> repeated;  ///< of these, GET /primary once more
        PollResult outcome;
        std::vector<OnPoll> done;
        std::deque<Claim> claims;  ///< the first is weighed
        Speakers speakers;
        struct Held {
            Result<HttpReply> reply;
            Clock::duration took;
        };
        std::map<Question, Held> held;  ///< by members of which it is not clear yet whose they are
    };

    void begin_poll();
    void advance_poll(std::chrono::system_clock::time_point wall_clock);
    void end_poll(std::chrono::system_clock::time_point wall_clock);
    [[nodiscard]] Clock::time_point next_poll_deadline() const;

    void check_candidate();
    void check_leader();
    void ask_next_host();
    void on_cluster_reply(std::uint64_t poll, const Endpoint& host, Clock::time_point asked_at,
                          const Result<HttpReply>& reply);
    void fail_host(const Endpoint& host, const std::string& reason);
    void end_cluster();
    void begin_claim();
    void weigh_claim();
    [[nodiscard]] bool settle_identity(bool is_over);
    void accept(const Claim& claim);
    void confirm(const Claim& claim);
    void drop_held();

    void ask_members();
    void ask_member(const std::string& member, const std::string& path);
    void ask_elsewhere(const std::string& member, const std::string& path, const Endpoint& silent);
    void ask_self_report(const std::string& member, const std::string& path, const Endpoint& api);
    void ask_host(const Endpoint& host);
    [[nodiscard]] Speaker hear(const Endpoint& api, const Result<HttpReply>& reply);
    [[nodiscard]] Result<Endpoint> api_of(const std::string& member) const;
    void on_member_reply(const Question& question, const Endpoint& api,
                         const Result<HttpReply>& reply);
    void take_self_report(const Question& question, const Endpoint& api,
                          const Result<HttpReply>& reply, Clock::duration took);
    [[nodiscard]] std::optional<std::string> why_another(const std::string& member,
                                                         const Endpoint& api,
                                                         const Speaker& speaker) const;
    void note_foreign(const std::string& url, const ClusterIdentity& told);
    void observe(decltype(Observation::claim) claim);
    void tell_view();
    void ask(const Endpoint& endpoint, const std::string& path,
             std::function<void(const Result<HttpReply>&)> on_reply);
    [[nodiscard]] HostOrder from_any_of(const std::vector<Endpoint>& hosts) const;

    Settings settings_;
    const Outlets outlets_;
    Clock::time_point now_{};  ///< of the input that is being dealt with
    Evidence evidence_;
    HostOrder hosts_;
    PollSchedule schedule_;
    CandidateChecks candidate_checks_;
    KnownIdentity identity_;
    MemberApis member_apis_;
    std::map<std::string, std::string> foreign_;  ///< hosts of another cluster, by URL, and why
    struct Unconfirmed {
        SnapshotPtr snapshot;
        Clock::time_point since;
    };
    std::optional<Unconfirmed> unconfirmed_;  ///< news of which nobody knows whose they are
    std::vector<Endpoint> apis_;
    Endpoint answered_by_;                  ///< GET /cluster, the last time
    std::unique_ptr<PollInProgress> poll_;  ///< null between polls
    std::uint64_t poll_number_ = 0;
    std::uint64_t generation_ = 0;  ///< of the settings; replies to an older one do not count
    std::map<Question, Clock::time_point> outstanding_;  ///< without an answer: since when
    std::set<std::string> cluster_asked_;                ///< URLs of hosts, without an answer
    std::set<std::string> asked_between_;  ///< members that have not answered that yet
    Clock::time_point tell_view_at_ = Clock::time_point::max();  ///< for positions not told yet
    std::vector<OnPoll> waiting_;                                ///< for a poll that has not begun
};

}  // namespace patroni
