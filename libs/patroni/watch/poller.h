#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "patroni/answers/observation.h"
#include "patroni/rest/rest_client.h"
#include "patroni/result.h"
#include "patroni/schedule/candidate_checks.h"
#include "patroni/schedule/poll_schedule.h"
#include "patroni/verdict/claim.h"
#include "patroni/verdict/evidence.h"
#include "patroni/verdict/known_identity.h"
#include "patroni/watch/cluster_watcher.h"
#include "patroni/watch/host_order.h"
#include "patroni/watch/member_apis.h"
#include "patroni/watch/poll_in_progress.h"

namespace patroni {

/// Polls one cluster: whom to ask, when, and what an answer changes. A state machine: time points,
/// replies and trouble go in; requests, views and results come out. No clock, no thread, no I/O,
/// and randomness through `Chance` alone, so that a test can drive it through any course of events.
/// Not thread-safe. The driver calls advance() after each input, and at next_deadline().
///
/// A poll goes like this (three files, by what they do):
/// 1. poller.cpp begins it when PollSchedule says so. One host is asked for GET /cluster; the next
///    one as well if it fails or takes too long. While all are late, those who may lead are asked
///    for their self-reports.
/// 2. poller_cluster.cpp decides which cluster an answer comes from. If it changes nothing, or the
///    self-reports say that it is ours, it counts: Evidence observes it.
/// 3. poller_members.cpp asks members for their self-reports, at the API that is really theirs, and
///    hands them to Evidence. Between polls it asks the candidate, and a leader in trouble.
/// 4. The poll ends when all have answered, or PollSchedule's patience is over. Later answers count
///    all the same.
class Poller {
  public:
    using Settings = ClusterWatcher::Settings;  ///< `timeouts` and `access` are the driver's
    using PollResult = ClusterWatcher::PollResult;
    using OnPoll = ClusterWatcher::OnPoll;
    /// Called once, at `now`, and never from within ask(); not at all if the request is given up.
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
    /// When something is due next, unless an input comes first.
    [[nodiscard]] Clock::time_point next_deadline() const;

    /// Applies new settings. What is known of the cluster stays; replies to earlier requests no
    /// longer count.
    void reconfigure(Settings settings, Clock::time_point now);
    /// `done` gets the result of a poll that begins after this call.
    void poll_now(OnPoll done);
    /// The callbacks of poll_now() that still wait for a result.
    [[nodiscard]] std::vector<OnPoll> take_waiting();
    void report_trouble(const std::string& member, Trouble trouble, Clock::time_point now);

    [[nodiscard]] const ClusterView& view() const noexcept { return evidence_.view(); }
    /// The APIs that the latest poll may ask.
    [[nodiscard]] const std::vector<Endpoint>& apis() const noexcept { return apis_; }

  private:
    using Request = PollInProgress::Request;

    void begin_poll();
    void forget_foreign();
    void advance_poll(std::chrono::system_clock::time_point wall_clock);
    void end_poll(std::chrono::system_clock::time_point wall_clock);
    [[nodiscard]] Clock::time_point next_poll_deadline() const;
    [[nodiscard]] Clock::time_point longest_wait_for_hosts() const;
    void check_candidate();
    void check_leader();
    void observe(decltype(Observation::claim) claim);
    void observe_answer(const Claim& claim);
    void tell_view();
    void ask(const Endpoint& endpoint, const std::string& path,
             std::function<void(const Result<HttpReply>&)> on_reply);
    [[nodiscard]] HostOrder from_any_of(const std::vector<Endpoint>& hosts) const;

    // poller_cluster.cpp: GET /cluster, and which cluster an answer comes from.
    void ask_next_host();
    void on_cluster_reply(std::uint64_t poll, const Endpoint& host, Clock::time_point asked_at,
                          const Result<HttpReply>& reply);
    void fail_host(const Endpoint& host, const std::string& reason);
    void end_cluster();
    void begin_claim();
    void weigh_claim();
    [[nodiscard]] bool settle_identity(bool is_over);
    void confirm(const Claim& claim);
    void confirm_late(const Endpoint& api, const Speaker& speaker);
    void accept(const Claim& claim);
    void drop_held();
    void note_foreign(const std::string& url, const ClusterIdentity& told);

    // poller_members.cpp: self-reports.
    void ask_members();
    void ask_leaders();
    void ask_member(const std::string& member, const std::string& path);
    void ask_self_report(const std::string& member, const std::string& path, const Endpoint& api);
    void ask_host(const Endpoint& host);
    void ask_elsewhere(const std::string& member, const std::string& path, const Endpoint& silent);
    [[nodiscard]] Result<Endpoint> api_of(const std::string& member) const;
    void observe_report(PrimaryAnswer answer, Clock::time_point asked_at);
    [[nodiscard]] Speaker hear(const Endpoint& api, const Result<HttpReply>& reply);
    void on_member_reply(const Request& request, const Endpoint& api,
                         const Result<HttpReply>& reply);
    void take_self_report(const Request& request, const Endpoint& api,
                          const Result<HttpReply>& reply, const PollInProgress::Asked& asked);
    [[nodiscard]] std::optional<std::string> why_another(const std::string& member,
                                                         const Endpoint& api,
                                                         const Speaker& speaker) const;

    Settings settings_;
    const Outlets outlets_;
    Clock::time_point now_{};      ///< time of the input being handled
    std::vector<OnPoll> waiting_;  ///< for the result of a poll that has not begun yet
    Clock::time_point tell_view_at_ = Clock::time_point::max();  ///< for positions not told yet

    // When to ask.
    PollSchedule schedule_;
    CandidateChecks candidate_checks_;

    // What is known.
    Evidence evidence_;
    KnownIdentity identity_;
    std::map<std::string, std::string> foreign_;  ///< hosts of another cluster, by URL, and why

    // GET /cluster.
    HostOrder hosts_;
    std::vector<Endpoint> apis_;  ///< that the latest poll may ask
    Endpoint answered_by_;        ///< the host that answered last
    std::uint64_t poll_number_ = 0;
    std::unique_ptr<PollInProgress> poll_;  ///< null between polls
    std::set<std::string> cluster_asked_;   ///< URLs of hosts that have not answered yet
    struct Unconfirmed {
        Claim claim;
        Clock::time_point since;
        Speakers speakers;  ///< every self-report since, be it for the claim or against it
    };
    std::optional<Unconfirmed> unconfirmed_;  ///< a change that no self-report vouches for yet

    // Self-reports.
    MemberApis member_apis_;
    std::map<Request, Clock::time_point> outstanding_;  ///< not answered yet, and since when
    std::set<std::string> asked_between_;  ///< members asked between polls, not answered yet
    std::uint64_t generation_ = 0;  ///< of the settings: replies to an older one do not count
};

}  // namespace patroni
