#include "patroni/cluster_watcher.h"

#include <algorithm>
#include <random>
#include <utility>

#include "member_probe.h"
#include "patroni/cluster_parser.h"
#include "patroni/primary_parser.h"

namespace patroni {
namespace {

// A host that has not answered within this is slow: the next one is asked as well.
constexpr std::chrono::seconds kNextHostAfter{1};
// What members have to say for themselves is waited for this long; later words count all the same.
constexpr std::chrono::seconds kMembersWait{1};
constexpr std::chrono::seconds kFailedLast{10};
// In alert rounds follow each other this soon, and so much less often that an API spends no more
// than a twentieth of its time on one of us: hundreds of proxies must not slow an election down.
constexpr std::chrono::milliseconds kHurry{200};
constexpr int kRestPerWork = 20;
// What is not over after minutes, as an outage of the key-value store, is asked for ever less:
// after five minutes every second.
constexpr int kAlertGrowth = 300;
// Whoever holds the lock is promoted within a second or two, and sessions wait for nothing else.
constexpr std::chrono::milliseconds kCandidatePace{50};
constexpr std::chrono::seconds kCandidateTime{5};

// A switchover that is planned is looked out for from this long before its time, for the clocks may
// differ, until Patroni names it no more or should have been done with it long since.
constexpr std::chrono::seconds kBeforeSwitchover{2};
constexpr std::chrono::seconds kAfterSwitchover{60};

/// Until a switchover that is planned is near; at most nothing while it is, for ever if none is
/// looked out for.
Clock::duration until_switchover_is_near(const SnapshotPtr& snapshot) {
    const auto now = std::chrono::system_clock::now();
    if (!snapshot || !snapshot->switchover_at || now >= *snapshot->switchover_at + kAfterSwitchover)
        return Clock::duration::max();
    return *snapshot->switchover_at - kBeforeSwitchover - now;
}

// How long trouble of which nothing came lately is not heard at most: one request a second.
constexpr std::chrono::milliseconds kDeafToLeader{1'000};
constexpr std::chrono::milliseconds kDeafToOthers{2'000};
constexpr std::chrono::seconds kForgiveAfter{10};

std::mt19937& random_source() {
    thread_local std::mt19937 source{std::random_device{}()};
    return source;
}

/// Many proxies started by one rollout must not go on asking in step.
Clock::duration jittered(Clock::duration interval) {
    const auto spread = interval.count() / 10;
    std::uniform_int_distribution<std::int64_t> offset(-spread / 2, spread / 2);
    return interval + Clock::duration(offset(random_source()));
}

ClusterWatcher::Round shutting_down() {
    ClusterWatcher::Round round;
    round.errors = "shutting down";
    return round;
}

std::vector<Endpoint> from_a_random_one(std::vector<Endpoint> hosts) {
    std::uniform_int_distribution<std::size_t> any(0, hosts.size() - 1);
    std::rotate(hosts.begin(), hosts.begin() + static_cast<std::ptrdiff_t>(any(random_source())),
                hosts.end());
    return hosts;
}

Result<ClusterSnapshot> read_cluster(const Result<HttpReply>& reply) {
    if (!reply)
        return Failure{reply.reason()};
    if (reply.value().status != 200)
        return Failure{"status " + std::to_string(reply.value().status) + " " +
                       reply.value().phrase};
    return parse_cluster(reply.value().body);
}

}  // namespace

struct ClusterWatcher::RoundState {
    std::uint64_t number = 0;
    Clock::time_point started;
    std::vector<Endpoint> hosts;  ///< to be asked, in order
    std::size_t asked = 0;
    std::size_t failed = 0;
    Clock::time_point next_host_at;                         ///< when the next one is asked as well
    std::optional<Clock::time_point> closes;                ///< /cluster is done with; set then
    Clock::duration answer_took{0};                         ///< of /cluster, by who answered
    std::set<std::pair<std::string, std::string>> awaited;  ///< asked in this round
    std::set<std::string> repeated;                         ///< of these, GET /primary once more
    Round outcome;
    std::vector<OnRound> done;
};

ClusterWatcher::ClusterWatcher(Settings settings, OnView on_view, OnRound on_round)
    : settings_(std::move(settings)),
      on_view_(std::move(on_view)),
      on_round_(std::move(on_round)),
      hosts_(from_a_random_one(settings_.hosts)) {}

ClusterWatcher::~ClusterWatcher() {
    stop();
}

void ClusterWatcher::start() {
    thread_ = std::thread([this] { run(); });
}

void ClusterWatcher::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_one();
    if (thread_.joinable())
        thread_.join();
    else
        tell_unanswered({});
}

void ClusterWatcher::poll_now(OnRound done) {
    {
        const std::lock_guard lock(mutex_);
        if (!stopping_) {
            asked_.push_back(std::move(done));
            changed_.notify_one();
            return;
        }
    }
    done(shutting_down());
}

void ClusterWatcher::reconfigure(Settings settings, OnView applied) {
    post([this, settings = std::move(settings), applied = std::move(applied)]() mutable {
        // Whoever waits for the round under way gets the next one: this one asks the old hosts.
        if (const auto abandoned = std::exchange(round_, nullptr)) {
            const std::lock_guard lock(mutex_);
            std::move(abandoned->done.begin(), abandoned->done.end(), std::back_inserter(asked_));
        }
        if (settings.hosts != settings_.hosts)
            hosts_ = from_a_random_one(settings.hosts);
        settings_ = std::move(settings);
        probes_.clear();
        ++generation_;
        outstanding_.clear();
        asked_between_.clear();
        failed_until_.clear();
        next_round_at_ = Clock::now();
        applied(evidence_.view());
    });
}

void ClusterWatcher::report_trouble(const std::string& member) {
    post([this, member] {
        const auto now = Clock::now();
        if (now < deaf_until_)
            return;
        // Sessions that end are no news where it happens all the time and nothing comes of it, as
        // behind a pooler that closes first: then one look is enough, now and then.
        if (now >= deaf_until_ + kForgiveAfter)
            deaf_for_ = std::chrono::milliseconds{0};
        const bool is_news = deaf_for_.count() == 0;
        const bool of_leader = member == evidence_.view().leader.member;
        deaf_for_ = std::min(2 * deaf_for_ + kHurry, of_leader ? kDeafToLeader : kDeafToOthers);
        deaf_until_ = now + deaf_for_;
        if (is_news)
            evidence_.observe({now, TrafficTrouble{member}});
        if (is_news || !of_leader)
            next_round_at_ = std::min(next_round_at_, last_round_at_ + kHurry);
        else if (!round_)
            ask_member(member, "/primary");
    });
}

void ClusterWatcher::post(std::function<void()> task) {
    {
        const std::lock_guard lock(mutex_);
        tasks_.push_back(std::move(task));
    }
    changed_.notify_one();
}

void ClusterWatcher::run() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        const auto tasks = std::exchange(tasks_, {});
        const bool asked = !asked_.empty();
        lock.unlock();
        for (const auto& task : tasks)
            task();
        if (!round_ && (asked || Clock::now() >= next_round_at_))
            begin_round();
        advance_round();
        follow_candidate();
        const auto deadline = std::min(next_deadline(), next_candidate_at_);
        const bool busy = round_ != nullptr;
        lock.lock();
        changed_.wait_until(lock, deadline, [&] {
            return stopping_ || !tasks_.empty() || (!busy && !asked_.empty());
        });
    }
    lock.unlock();
    probes_.clear();
    tell_unanswered(round_ ? std::move(round_->done) : std::vector<OnRound>{});
}

void ClusterWatcher::tell_unanswered(std::vector<OnRound> unanswered) {
    {
        const std::lock_guard lock(mutex_);
        std::move(asked_.begin(), asked_.end(), std::back_inserter(unanswered));
        asked_.clear();
    }
    for (const auto& done : unanswered)
        done(shutting_down());
}

void ClusterWatcher::begin_round() {
    drop_unused_probes();
    round_ = std::make_unique<RoundState>();
    round_->number = ++round_number_;
    round_->started = last_round_at_ = Clock::now();
    round_->hosts = hosts_in_order();
    {
        const std::lock_guard lock(mutex_);
        round_->done = std::exchange(asked_, {});
    }
    if (!round_->done.empty())
        evidence_.observe({round_->started, Push{}});
    ask_next_host();
}

/// Does what is due: asks a further host, or ends the round.
void ClusterWatcher::advance_round() {
    if (!round_)
        return;
    const auto now = Clock::now();
    if (!round_->closes && now >= round_->next_host_at)
        ask_next_host();
    if (round_->closes && (round_->awaited.empty() || now >= *round_->closes))
        end_round();
}

Clock::time_point ClusterWatcher::next_deadline() const {
    if (!round_)
        return next_round_at_;
    return round_->closes ? *round_->closes : round_->next_host_at;
}

void ClusterWatcher::end_round() {
    const auto finished = std::exchange(round_, nullptr);
    finished->outcome.took = Clock::now() - finished->started;
    next_round_at_ = after_round(*finished);
    on_round_(finished->outcome);
    for (const auto& done : finished->done)
        done(finished->outcome);
}

/// When the next one is due: soon, while something waits for a second answer or a switchover that
/// is planned is near.
Clock::time_point ClusterWatcher::after_round(const RoundState& round) {
    const auto& snapshot = evidence_.view().snapshot;
    const auto quiet_for = until_switchover_is_near(snapshot);
    const auto in_time = round.started + std::min(jittered(settings_.interval), quiet_for);
    const bool is_near = quiet_for <= Clock::duration::zero();
    if (!snapshot || (evidence_.is_settled() && !evidence_.wants_confirmation() && !is_near)) {
        alert_since_.reset();
        return in_time;
    }
    if (!alert_since_)
        alert_since_ = round.started;
    const auto pace = std::max<Clock::duration>(
        {kHurry, (round.started - *alert_since_) / kAlertGrowth, round.answer_took * kRestPerWork});
    return round.started + std::min(jittered(pace), jittered(settings_.interval));
}

/// Asks whoever is about to be promoted, and soon again. As long as it has not answered it is not
/// asked anew, so one that is slow is asked less.
void ClusterWatcher::follow_candidate() {
    const auto now = Clock::now();
    if (auto candidate = evidence_.candidate(); candidate != candidate_) {
        candidate_ = std::move(candidate);
        candidate_since_ = now;
        next_candidate_at_ = now + kCandidatePace;
    }
    if (candidate_.empty() || now - candidate_since_ >= kCandidateTime) {
        next_candidate_at_ = Clock::time_point::max();
    } else if (now >= next_candidate_at_) {
        ask_member(candidate_, "/primary");
        next_candidate_at_ = now + kCandidatePace;
    }
}

/// Configured hosts, then members that Patroni named; those that failed lately last.
std::vector<Endpoint> ClusterWatcher::hosts_in_order() {
    std::vector<Endpoint> order = hosts_;
    if (const auto& snapshot = evidence_.view().snapshot)
        for (const auto& member : snapshot->members)
            if (const auto endpoint = Endpoint::of_api_url(member.api_url))
                if (std::find(order.begin(), order.end(), endpoint.value()) == order.end())
                    order.push_back(endpoint.value());
    const auto now = Clock::now();
    std::erase_if(failed_until_, [=](const auto& entry) { return entry.second <= now; });
    std::stable_partition(order.begin(), order.end(), [this](const Endpoint& host) {
        return !failed_until_.contains(host.url());
    });
    return order;
}

void ClusterWatcher::ask_next_host() {
    RoundState& round = *round_;
    if (round.asked == round.hosts.size()) {
        round.next_host_at = Clock::time_point::max();
        return;
    }
    const Endpoint host = round.hosts[round.asked++];
    round.next_host_at = Clock::now() + kNextHostAfter;
    ask(host, "/cluster",
        [this, number = round.number, host, at = Clock::now()](const Result<HttpReply>& reply) {
            on_cluster_reply(number, host, at, reply);
        });
}

void ClusterWatcher::on_cluster_reply(std::uint64_t round, const Endpoint& host,
                                      Clock::time_point asked_at, const Result<HttpReply>& reply) {
    auto snapshot = read_cluster(reply);
    if (!snapshot)
        failed_until_[host.url()] = Clock::now() + kFailedLast;
    // Another host was faster, or the round is over: what this one says may be old.
    if (!round_ || round_->number != round || round_->closes)
        return;
    if (snapshot) {
        round_->outcome.answered = true;
        round_->answer_took = Clock::now() - asked_at;
        round_->outcome.host = host.url();
        if (const auto found = std::find(hosts_.begin(), hosts_.end(), host); found != hosts_.end())
            std::rotate(hosts_.begin(), found, hosts_.end());
        observe(
            ClusterAnswer{std::make_shared<const ClusterSnapshot>(std::move(snapshot).value())});
    } else {
        auto& errors = round_->outcome.errors;
        errors.append(errors.empty() ? "" : "; ").append(host.url() + ": " + snapshot.reason());
        if (++round_->failed < round_->hosts.size())
            return round_->failed == round_->asked ? ask_next_host() : void();
    }
    // In alert nobody waits for a leader that is gone, unless somebody wants to know all there is.
    const bool hurries = alert_since_ && round_->done.empty();
    round_->closes = Clock::now() + (hurries ? kHurry : kMembersWait);
    ask_members();
}

void ClusterWatcher::ask_members() {
    for (const auto& member : evidence_.leaders_to_ask())
        ask_member(member, "/primary");
    const auto& snapshot = evidence_.view().snapshot;
    // Positions are no part of an alert: they keep the pace of the interval.
    const bool due = !alert_since_ || Clock::now() - positions_asked_at_ >= settings_.interval;
    if (!settings_.live_positions || !snapshot || !due)
        return;
    positions_asked_at_ = Clock::now();
    for (const auto& member : snapshot->members)
        if (serves(member.state))
            ask_member(member.name, "/patroni");
}

void ClusterWatcher::ask_member(const std::string& member, const std::string& path) {
    if (!outstanding_.emplace(member, path).second) {
        // It has not answered the last time yet. What it was asked between the rounds is older than
        // this one and soon answered: it is asked once more then.
        if (round_ && asked_between_.contains(member)) {
            round_->awaited.emplace(member, path);
            round_->repeated.insert(member);
        }
        return;
    }
    if (round_)
        round_->awaited.emplace(member, path);
    else
        asked_between_.insert(member);
    const auto endpoint = Endpoint::of_api_url(evidence_.api_url_of(member));
    if (!endpoint)
        return on_member_reply(member, path, Failure{endpoint.reason()});
    ask(endpoint.value(), path, [this, member, path](const Result<HttpReply>& reply) {
        on_member_reply(member, path, reply);
    });
}

void ClusterWatcher::on_member_reply(const std::string& member, const std::string& path,
                                     const Result<HttpReply>& reply) {
    outstanding_.erase({member, path});
    if (round_)
        round_->awaited.erase({member, path});
    if (path == "/primary" && asked_between_.erase(member) != 0 && round_ &&
        round_->repeated.erase(member) != 0)
        ask_member(member, path);
    if (path == "/patroni") {
        const auto position = reply ? parse_position(member, reply.value().body)
                                    : Result<PositionAnswer>(Failure{reply.reason()});
        return observe(position ? position.value() : PositionAnswer{member, std::nullopt});
    }
    const auto answer = reply ? parse_primary(member, reply.value().status, reply.value().body)
                              : Result<PrimaryAnswer>(Failure{reply.reason()});
    if (answer)
        observe(answer.value());
    else
        observe(PrimarySilence{member, answer.reason()});
}

void ClusterWatcher::observe(decltype(Observation::claim) claim) {
    const std::string leader = evidence_.view().leader.member;
    evidence_.observe({Clock::now(), std::move(claim)});
    if (evidence_.view().leader.member != leader) {
        deaf_for_ = std::chrono::milliseconds{0};
        alert_since_.reset();  // it goes on at full pace, if it does
    }
    if (!round_ && !alert_since_ && !evidence_.is_settled())
        next_round_at_ = std::min(next_round_at_, last_round_at_ + kHurry);
    on_view_(evidence_.view());
}

/// `on_reply` is told on the watcher's thread.
void ClusterWatcher::ask(const Endpoint& endpoint, const std::string& path, OnReply on_reply) {
    probe(endpoint).ask(endpoint, path,
                        [this, generation = generation_,
                         on_reply = std::move(on_reply)](const Result<HttpReply>& reply) {
                            post([this, generation, on_reply, reply] {
                                if (generation == generation_)
                                    on_reply(reply);
                            });
                        });
}

/// Where an API is, the same for its host's name and its address: as far as that is known already,
/// for nobody waits here.
std::string ClusterWatcher::place_of(const Endpoint& endpoint) const {
    const auto& [tls, resolver, prefer] = settings_.access;
    std::string host = endpoint.host;
    if (resolver)
        if (const auto known = resolver->addresses_of(host, prefer, std::chrono::milliseconds{0}))
            host = known.value().front();
    return host + ":" + std::to_string(endpoint.port);
}

MemberProbe& ClusterWatcher::probe(const Endpoint& endpoint) {
    auto& probe = probes_[place_of(endpoint)];
    if (!probe)
        probe = std::make_unique<MemberProbe>(settings_.timeouts, settings_.access);
    return *probe;
}

/// Of members that are gone.
void ClusterWatcher::drop_unused_probes() {
    std::set<std::string> used;
    for (const auto& host : hosts_in_order())
        used.insert(place_of(host));
    if (outstanding_.empty())
        std::erase_if(probes_, [&](const auto& entry) { return !used.contains(entry.first); });
}

}  // namespace patroni
