#include "patroni/watch/poller.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace patroni {
namespace {

// All members report their positions at nearly the same time: one view for all of them.
constexpr std::chrono::milliseconds kGatherPositions{100};

// How long those who may lead are left alone while a poll waits for GET /cluster. An agent takes
// its writers from a leader that nothing has confirmed for a few seconds, be it healthy or not.
constexpr std::chrono::seconds kLeaderGap{1};

}  // namespace

Poller::Poller(Settings settings, Outlets outlets)
    : settings_(std::move(settings)),
      outlets_(std::move(outlets)),
      schedule_(settings_.interval, outlets_.chance),
      identity_(settings_.identity, settings_.hosts.size()),
      hosts_(from_any_of(settings_.hosts)),
      member_apis_(settings_.hosts, outlets_.address_of) {}

Poller::~Poller() = default;

/// A random host comes first, so that hundreds of proxies do not all ask the same one.
HostOrder Poller::from_any_of(const std::vector<Endpoint>& hosts) const {
    return {hosts, static_cast<std::size_t>(outlets_.chance(0, std::ssize(hosts) - 1))};
}

void Poller::poll_now(OnPoll done) {
    waiting_.push_back(std::move(done));
    schedule_.want_poll();
}

std::vector<Poller::OnPoll> Poller::take_waiting() {
    auto waiting = poll_ ? std::exchange(poll_->done, {}) : std::vector<OnPoll>{};
    std::move(waiting_.begin(), waiting_.end(), std::back_inserter(waiting));
    waiting_.clear();
    return waiting;
}

void Poller::reconfigure(Settings settings, Clock::time_point now) {
    now_ = now;
    // Callers that wait for the poll in progress get the next one: this one asks the old hosts.
    waiting_ = take_waiting();
    poll_.reset();
    if (settings_.hosts != settings.hosts || settings_.identity != settings.identity) {
        identity_ = KnownIdentity(settings.identity, settings.hosts.size());
        member_apis_ = MemberApis(settings.hosts, outlets_.address_of);
        foreign_.clear();
        unconfirmed_.reset();
    }
    settings_ = std::move(settings);
    hosts_ = from_any_of(settings_.hosts);
    ++generation_;
    outstanding_.clear();
    cluster_asked_.clear();
    asked_between_.clear();
    schedule_.restart(settings_.interval, now_);
}

void Poller::report_trouble(const std::string& member, Trouble trouble, Clock::time_point now) {
    now_ = now;
    const bool of_leader = !member.empty() && member == view().leader.member;
    if (schedule_.trouble(trouble, of_leader, now_))
        evidence_.observe({now_, TrafficTrouble{}});
}

void Poller::advance(Clock::time_point now, std::chrono::system_clock::time_point wall_clock) {
    now_ = now;
    if (!poll_ && now_ >= schedule_.next_poll_at())
        begin_poll();
    advance_poll(wall_clock);
    check_candidate();
    check_leader();
    if (now_ >= tell_view_at_)
        tell_view();
}

Clock::time_point Poller::next_deadline() const {
    return std::min({next_poll_deadline(), candidate_checks_.next_at(),
                     schedule_.next_leader_check_at(), tell_view_at_});
}

void Poller::begin_poll() {
    poll_ = std::make_unique<PollInProgress>();
    poll_->number = ++poll_number_;
    poll_->started = now_;
    poll_->leaders_at = now_ + kLeaderGap;
    schedule_.poll_began(now_);
    poll_->hosts = apis_ = hosts_.at(now_, view().snapshot.get());
    forget_foreign();
    poll_->done = std::exchange(waiting_, {});
    if (!poll_->done.empty())
        evidence_.observe({now_, Push{}});
    ask_next_host();
    for (const auto& host : settings_.hosts)
        if (identity_.wants_vote_of(host.url()))
            ask_host(host);
}

/// Hosts that are no longer asked: their members are gone, and so is the warning.
void Poller::forget_foreign() {
    const auto forgotten = std::erase_if(foreign_, [this](const auto& entry) {
        return std::none_of(apis_.begin(), apis_.end(),
                            [&](const Endpoint& api) { return api.url() == entry.first; });
    });
    if (forgotten != 0 && view().snapshot)
        tell_view_at_ = now_;
}

/// Does what is due: asks another host, or ends the poll.
void Poller::advance_poll(std::chrono::system_clock::time_point wall_clock) {
    if (!poll_)
        return;
    if (!poll_->claims.empty() && now_ >= poll_->claims.front().until)
        weigh_claim();
    if (!poll_->cluster_done && poll_->claims.empty() && now_ >= poll_->leaders_at) {
        // Before the next host, which may be a leader's own: it would answer only after /cluster.
        poll_->leaders_at = now_ + kLeaderGap;
        ask_leaders();
    }
    if (!poll_->cluster_done && now_ >= poll_->next_host_at) {
        // Or a host that hangs would be asked first in every poll.
        hosts_.put_last(poll_->hosts[poll_->asked - 1], now_);
        ask_next_host();
    }
    if (now_ >= longest_wait_for_hosts())
        end_cluster();
    if (poll_->cluster_done && (poll_->awaited.empty() || now_ >= next_poll_deadline()))
        end_poll(wall_clock);
}

Clock::time_point Poller::next_poll_deadline() const {
    if (!poll_)
        return schedule_.next_poll_at();
    if (!poll_->claims.empty())
        return poll_->claims.front().until;
    if (!poll_->cluster_done)
        return std::min({poll_->next_host_at, poll_->leaders_at, longest_wait_for_hosts()});
    return *poll_->cluster_done + schedule_.patience(!poll_->done.empty());
}

/// Hosts that fail are asked again while another one hangs. While Patroni's store is down all of
/// them hang by turns, and without a limit the poll would not end as long as that lasts.
Clock::time_point Poller::longest_wait_for_hosts() const {
    const bool waits = !poll_->cluster_done && poll_->claims.empty() && poll_->all_asked;
    return waits ? *poll_->all_asked + settings_.timeouts.total + settings_.timeouts.connect
                 : Clock::time_point::max();
}

void Poller::end_poll(std::chrono::system_clock::time_point wall_clock) {
    if (tell_view_at_ != Clock::time_point::max())
        tell_view();
    const auto finished = std::exchange(poll_, nullptr);
    if (identity_.end_poll(now_)) {
        foreign_.clear();
        unconfirmed_.reset();
        finished->result.reinitialized = true;
        finished->result.errors =
            "the cluster was re-initialized; following " + identity_.get().words() + " from now on";
    }
    finished->result.took = now_ - finished->started;
    finished->result.followed = identity_.get();
    const auto& snapshot = view().snapshot;
    schedule_.poll_ended(
        {.expects_change = snapshot && (!evidence_.is_settled() || evidence_.wants_confirmation() ||
                                        unconfirmed_ || identity_.is_doubted()),
         .leaderless = evidence_.is_leaderless(),
         .leader_is_silent = view().leader.api_is_silent,
         .switchover_at = snapshot ? snapshot->switchover_at : std::nullopt,
         .wall_clock = wall_clock,
         .answer_took = finished->answer_took});
    if (!waiting_.empty())
        schedule_.want_poll();
    if (evidence_.wants_other_host())
        hosts_.pass_over(answered_by_, now_);
    outlets_.on_poll(finished->result);
    for (const auto& done : finished->done)
        done(finished->result);
}

/// Asks the member that is about to be promoted, when that is due, unless it is still being asked.
void Poller::check_candidate() {
    const std::string candidate = evidence_.candidate();
    if (candidate_checks_.take(candidate, now_))
        ask_member(candidate, "/primary");
}

void Poller::check_leader() {
    if (schedule_.take_leader_check(now_))
        ask_member(view().leader.member, "/primary");
}

void Poller::observe(decltype(Observation::claim) claim) {
    const std::string leader = view().leader.member;
    const bool is_position = std::holds_alternative<PositionAnswer>(claim);
    evidence_.observe({now_, std::move(claim)});
    const bool leads_anew = view().leader.member != leader;
    if (leads_anew)
        schedule_.leader_changed();
    // While a poll still finds out who leads, the missing leader is no reason for an alert.
    if (!evidence_.is_settled() && (!poll_ || !leader.empty()))
        schedule_.doubt(now_);
    if (is_position && !leads_anew)
        tell_view_at_ = std::min(tell_view_at_, now_ + kGatherPositions);
    else
        tell_view();
}

void Poller::tell_view() {
    tell_view_at_ = Clock::time_point::max();
    if (foreign_.empty())
        return outlets_.on_view(view());
    ClusterView told = view();
    for (const auto& [url, why] : foreign_)
        told.warnings.push_back(std::string(url).append(": ").append(why));
    outlets_.on_view(told);
}

void Poller::ask(const Endpoint& endpoint, const std::string& path,
                 std::function<void(const Result<HttpReply>&)> on_reply) {
    outlets_.ask(endpoint, path,
                 [this, generation = generation_, on_reply = std::move(on_reply)](
                     Clock::time_point now, const Result<HttpReply>& reply) {
                     if (generation != generation_)
                         return;
                     now_ = now;
                     on_reply(reply);
                 });
}

}  // namespace patroni
