#include "patroni/cluster_watcher.h"

#include <algorithm>
#include <optional>
#include <random>
#include <system_error>
#include <utility>

#include "host_order.h"
#include "member_probe.h"
#include "patroni/cluster_parser.h"
#include "patroni/primary_parser.h"
#include "poll_schedule.h"

namespace patroni {
namespace {

// Positions come from every member at nearly the same time, and are told together.
constexpr std::chrono::milliseconds kGatherPositions{100};

/// Any number of [least, most].
std::int64_t any_between(std::int64_t least, std::int64_t most) {
    thread_local std::mt19937 source{std::random_device{}()};
    return std::uniform_int_distribution<std::int64_t>(least, most)(source);
}

ClusterWatcher::Round shutting_down() {
    ClusterWatcher::Round round;
    round.errors = "shutting down";
    return round;
}

/// Hundreds of proxies do not all ask the first.
std::unique_ptr<HostOrder> from_any_of(const std::vector<Endpoint>& hosts) {
    const auto first = any_between(0, std::ssize(hosts) - 1);
    return std::make_unique<HostOrder>(hosts, static_cast<std::size_t>(first));
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
    Clock::time_point next_host_at;                 ///< when the next one is asked as well
    std::optional<Clock::time_point> cluster_done;  ///< when /cluster was answered, or by nobody
    Clock::duration answer_took{0};  ///< of /cluster, by who answered well, else the slowest
    std::set<std::pair<std::string, std::string>> awaited;  ///< asked in this round
    std::set<std::string> repeated;                         ///< of these, GET /primary once more
    Round outcome;
    std::vector<OnRound> done;
};

ClusterWatcher::ClusterWatcher(Settings settings, OnView on_view, OnRound on_round)
    : settings_(std::move(settings)),
      on_view_(std::move(on_view)),
      on_round_(std::move(on_round)),
      hosts_(from_any_of(settings_.hosts)),
      schedule_(std::make_unique<PollSchedule>(settings_.interval, any_between)) {}

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
            tasks_.emplace_back([this] { schedule_->want_round(); });
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
        settings_ = std::move(settings);
        hosts_ = from_any_of(settings_.hosts);
        probes_.clear();
        ++generation_;
        outstanding_.clear();
        asked_between_.clear();
        schedule_->restart(settings_.interval, Clock::now());
        applied(evidence_.view());
    });
}

void ClusterWatcher::report_trouble(const std::string& member, Trouble trouble) {
    post([this, member, trouble] {
        const bool of_leader = !member.empty() && member == evidence_.view().leader.member;
        if (schedule_->trouble(trouble, of_leader, Clock::now()))
            evidence_.observe({Clock::now(), TrafficTrouble{member}});
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
        auto tasks = std::exchange(tasks_, {});
        lock.unlock();
        for (const auto& task : tasks)
            task();
        // What they hold goes now: a sign of life must not wait for the next round.
        tasks.clear();
        if (!round_ && Clock::now() >= schedule_->next_round_at())
            begin_round();
        advance_round();
        follow_candidate();
        follow_trouble();
        if (Clock::now() >= tell_view_at_)
            tell_view();
        const auto deadline = std::min({next_deadline(), schedule_->next_candidate_at(),
                                        schedule_->next_look_at(), tell_view_at_});
        lock.lock();
        changed_.wait_until(lock, deadline, [this] { return stopping_ || !tasks_.empty(); });
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
    round_ = std::make_unique<RoundState>();
    round_->number = ++round_number_;
    round_->started = Clock::now();
    schedule_->round_began(round_->started);
    round_->hosts = hosts_->at(round_->started, evidence_.view().snapshot.get());
    drop_probes_without(round_->hosts);
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
    if (!round_->cluster_done && now >= round_->next_host_at) {
        // Or a host that hangs would be asked first in every round, one question behind the other.
        hosts_->put_last(round_->hosts[round_->asked - 1], now);
        ask_next_host();
    }
    if (round_->cluster_done && (round_->awaited.empty() || now >= next_deadline()))
        end_round();
}

Clock::time_point ClusterWatcher::next_deadline() const {
    if (!round_)
        return schedule_->next_round_at();
    if (!round_->cluster_done)
        return round_->next_host_at;
    return *round_->cluster_done + schedule_->members_wait(!round_->done.empty());
}

void ClusterWatcher::end_round() {
    if (tell_view_at_ != Clock::time_point::max())
        tell_view();
    const auto finished = std::exchange(round_, nullptr);
    finished->outcome.took = Clock::now() - finished->started;
    const auto& snapshot = evidence_.view().snapshot;
    schedule_->round_ended(
        {.expects_news = snapshot && (!evidence_.is_settled() || evidence_.wants_confirmation()),
         .leaderless = evidence_.is_leaderless(),
         .by_hearsay = evidence_.view().leader.by_hearsay,
         .switchover_at = snapshot ? snapshot->switchover_at : std::nullopt,
         .wall_clock = std::chrono::system_clock::now(),
         .answer_took = finished->answer_took});
    {
        const std::lock_guard lock(mutex_);
        if (!asked_.empty())
            schedule_->want_round();
    }
    on_round_(finished->outcome);
    for (const auto& done : finished->done)
        done(finished->outcome);
}

/// Asks whoever is about to be promoted, when that is due. As long as it has not answered it is not
/// asked anew.
void ClusterWatcher::follow_candidate() {
    const std::string candidate = evidence_.candidate();
    if (schedule_->take_candidate(candidate, Clock::now()))
        ask_member(candidate, "/primary");
}

void ClusterWatcher::follow_trouble() {
    if (schedule_->take_look(Clock::now()))
        ask_member(evidence_.view().leader.member, "/primary");
}

void ClusterWatcher::ask_next_host() {
    RoundState& round = *round_;
    if (round.asked == round.hosts.size()) {
        round.next_host_at = Clock::time_point::max();
        return;
    }
    const Endpoint host = round.hosts[round.asked++];
    round.next_host_at = Clock::now() + schedule_->next_host_after();
    ask(host, "/cluster",
        [this, number = round.number, host, at = Clock::now()](const Result<HttpReply>& reply) {
            on_cluster_reply(number, host, at, reply);
        });
}

void ClusterWatcher::on_cluster_reply(std::uint64_t round, const Endpoint& host,
                                      Clock::time_point asked_at, const Result<HttpReply>& reply) {
    auto snapshot = read_cluster(reply);
    if (!snapshot)
        hosts_->put_last(host, Clock::now());
    // Another host was faster, or the round is over: what this one says may be old.
    if (!round_ || round_->number != round || round_->cluster_done)
        return;
    const auto took = Clock::now() - asked_at;
    if (snapshot) {
        round_->outcome.answered = true;
        round_->answer_took = took;
        round_->outcome.host = host.url();
        hosts_->answered(host);
        observe(
            ClusterAnswer{std::make_shared<const ClusterSnapshot>(std::move(snapshot).value())});
    } else {
        auto& errors = round_->outcome.errors;
        errors.append(errors.empty() ? "" : "; ").append(host.url() + ": " + snapshot.reason());
        if (reply)  // it had work with us
            round_->answer_took = std::max(round_->answer_took, took);
        if (++round_->failed < round_->hosts.size())
            return round_->failed == round_->asked ? ask_next_host() : void();
    }
    round_->cluster_done = Clock::now();
    ask_members();
}

void ClusterWatcher::ask_members() {
    for (const auto& member : evidence_.leaders_to_ask())
        ask_member(member, "/primary");
    const auto& snapshot = evidence_.view().snapshot;
    if (!settings_.live_positions || !snapshot || !schedule_->take_positions(Clock::now()))
        return;
    for (const auto& member : snapshot->members)
        if (serves(member.state))
            ask_member(member.name, "/patroni");
}

void ClusterWatcher::ask_member(const std::string& member, const std::string& path) {
    if (!outstanding_.emplace(std::pair{member, path}, Clock::now()).second) {
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
    const ClusterView& view = evidence_.view();
    // Paused, nobody takes over from a leader whose Patroni is silent.
    if (path == "/primary" && member == view.leader.member && !view.snapshot->paused)
        schedule_->leader_asked(Clock::now());
    const auto endpoint = Endpoint::of_api_url(evidence_.api_url_of(member));
    if (!endpoint)
        return on_member_reply(member, path, Failure{endpoint.reason()});
    ask(endpoint.value(), path, [this, member, path](const Result<HttpReply>& reply) {
        on_member_reply(member, path, reply);
    });
}

void ClusterWatcher::on_member_reply(const std::string& member, const std::string& path,
                                     const Result<HttpReply>& reply) {
    const auto took = Clock::now() - outstanding_.extract({member, path}).mapped();
    if (round_)
        round_->awaited.erase({member, path});
    if (path == "/primary" && reply)
        schedule_->candidate_answered(member, took);
    if (path == "/primary" && member == evidence_.view().leader.member)
        schedule_->leader_answered(reply ? std::optional(took) : std::nullopt);
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
    const bool is_position = std::holds_alternative<PositionAnswer>(claim);
    evidence_.observe({Clock::now(), std::move(claim)});
    const bool leads_anew = evidence_.view().leader.member != leader;
    if (leads_anew)
        schedule_->leader_changed();
    // At its beginning a round waits for who leads, so that the first one tells all there is.
    if (!evidence_.is_settled() && (!round_ || !leader.empty()))
        schedule_->doubt(Clock::now());
    if (is_position && !leads_anew)
        tell_view_at_ = std::min(tell_view_at_, Clock::now() + kGatherPositions);
    else
        tell_view();
}

void ClusterWatcher::tell_view() {
    tell_view_at_ = Clock::time_point::max();
    on_view_(evidence_.view());
}

/// `on_reply` is told on the watcher's thread.
void ClusterWatcher::ask(const Endpoint& endpoint, const std::string& path, OnReply on_reply) {
    const auto answer = [this, generation = generation_,
                         on_reply = std::move(on_reply)](const Result<HttpReply>& reply) {
        post([this, generation, on_reply, reply] {
            if (generation == generation_)
                on_reply(reply);
        });
    };
    try {
        probe(endpoint).ask(endpoint, path, answer);
    } catch (const std::system_error& error) {
        answer(Failure{std::string("no thread to ask it: ") + error.what()});
    }
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
    const std::string place = place_of(endpoint);
    auto found = probes_.find(place);
    if (found == probes_.end())
        found =
            probes_
                .emplace(place, std::make_unique<MemberProbe>(settings_.timeouts, settings_.access))
                .first;
    return *found->second;
}

/// Of members that are gone. One that is still asked goes later: whoever names ever new members at
/// addresses that never answer must not have them add up.
void ClusterWatcher::drop_probes_without(const std::vector<Endpoint>& hosts) {
    std::set<std::string> used;
    for (const auto& host : hosts)
        used.insert(place_of(host));
    std::erase_if(probes_, [&](const auto& entry) {
        return !used.contains(entry.first) && entry.second->is_idle();
    });
}

}  // namespace patroni
