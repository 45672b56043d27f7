#include "patroni/watch/cluster_watcher.h"

#include <chrono>
#include <iterator>
#include <random>
#include <system_error>
#include <utility>

#include "patroni/watch/member_probe.h"
#include "patroni/watch/poller.h"

namespace patroni {
namespace {

/// Any number of [least, most].
std::int64_t any_between(std::int64_t least, std::int64_t most) {
    thread_local std::mt19937 source{std::random_device{}()};
    return std::uniform_int_distribution<std::int64_t>(least, most)(source);
}

ClusterWatcher::PollResult shutting_down() {
    ClusterWatcher::PollResult poll;
    poll.errors = "shutting down";
    return poll;
}

}  // namespace

ClusterWatcher::ClusterWatcher(Settings settings, OnView on_view, OnPoll on_poll)
    : timeouts_(settings.timeouts), access_(settings.access) {
    Poller::Outlets outlets;
    outlets.ask = [this](const Endpoint& endpoint, const std::string& path, auto on_reply) {
        ask(endpoint, path, std::move(on_reply));
    };
    outlets.on_view = std::move(on_view);
    outlets.on_poll = [this, on_poll = std::move(on_poll)](const PollResult& poll) {
        drop_unused_probes();
        on_poll(poll);
    };
    outlets.chance = any_between;
    outlets.address_of = [this](const std::string& host) { return address_of(host); };
    poller_ = std::make_unique<Poller>(std::move(settings), std::move(outlets));
}

ClusterWatcher::~ClusterWatcher() {
    stop();
}

void ClusterWatcher::start() {
    thread_ = std::jthread([this] { run(); });
}

void ClusterWatcher::stop() {
    stop_.request_stop();
    if (thread_.joinable())
        thread_.join();
    // What waits for a poll now will see none.
    std::vector<OnPoll> unanswered = poller_->take_waiting();
    {
        const base::MutexLock lock(mutex_);
        std::move(asked_.begin(), asked_.end(), std::back_inserter(unanswered));
        asked_.clear();
    }
    for (const auto& done : unanswered)
        done(shutting_down());
}

void ClusterWatcher::poll_now(OnPoll done) {
    {
        const base::MutexLock lock(mutex_);
        if (!stop_.stop_requested()) {
            asked_.push_back(std::move(done));
            tasks_.emplace_back([this] { pass_on_asked(); });
            changed_.notify_one();
            return;
        }
    }
    done(shutting_down());
}

void ClusterWatcher::pass_on_asked() {
    std::vector<OnPoll> asked;
    {
        const base::MutexLock lock(mutex_);
        asked.swap(asked_);
    }
    for (auto& done : asked)
        poller_->poll_now(std::move(done));
}

void ClusterWatcher::reconfigure(Settings settings, OnView applied) {
    post([this, settings = std::move(settings), applied = std::move(applied)]() mutable {
        probes_.clear();
        timeouts_ = settings.timeouts;
        access_ = settings.access;
        poller_->reconfigure(std::move(settings), Clock::now());
        applied(poller_->view());
    });
}

void ClusterWatcher::report_trouble(const std::string& member, Trouble trouble) {
    post([this, member, trouble] { poller_->report_trouble(member, trouble, Clock::now()); });
}

void ClusterWatcher::post(std::function<void()> task) {
    {
        const base::MutexLock lock(mutex_);
        tasks_.push_back(std::move(task));
    }
    changed_.notify_one();
}

void ClusterWatcher::run() {
    const auto stop = stop_.get_token();
    base::MutexLock lock(mutex_);
    while (!stop.stop_requested()) {
        auto tasks = std::exchange(tasks_, {});
        lock.unlock();
        for (const auto& task : tasks)
            task();
        // What they hold goes now: a sign of life must not wait for the next poll.
        tasks.clear();
        poller_->advance(Clock::now(), std::chrono::system_clock::now());
        const auto deadline = poller_->next_deadline();
        lock.lock();
        changed_.wait_until(lock, stop, deadline,
                            [this]() REQUIRES(mutex_) { return !tasks_.empty(); });
    }
    lock.unlock();
    probes_.clear();
}

/// `on_reply` is called on the watcher's thread.
void ClusterWatcher::ask(const Endpoint& endpoint, const std::string& path, OnReply on_reply) {
    const auto answer = [this, on_reply = std::move(on_reply)](Result<HttpReply> reply) {
        post([on_reply, reply = std::move(reply)] { on_reply(Clock::now(), reply); });
    };
    try {
        probe(endpoint).ask(endpoint, path, answer);
    } catch (const std::system_error&) {
        answer(Failure{"no more threads can be started"});
    }
}

/// As far as it is known already, for nobody waits here.
std::string ClusterWatcher::address_of(const std::string& host) const {
    if (access_.resolver)
        if (const auto known =
                access_.resolver->addresses_of(host, access_.prefer, std::chrono::milliseconds{0}))
            return known.value().front();
    return host;
}

/// Where an API is, the same for its host's name and its address.
std::string ClusterWatcher::place_of(const Endpoint& endpoint) const {
    return address_of(endpoint.host) + ":" + std::to_string(endpoint.port);
}

MemberProbe& ClusterWatcher::probe(const Endpoint& endpoint) {
    const std::string place = place_of(endpoint);
    auto found = probes_.find(place);
    if (found == probes_.end())
        found = probes_.emplace(place, std::make_unique<MemberProbe>(timeouts_, access_)).first;
    return *found->second;
}

/// Of members that are gone. One that is still asked goes later: whoever names ever new members at
/// addresses that never answer must not have them add up.
void ClusterWatcher::drop_unused_probes() {
    std::set<std::string> used;
    for (const auto& api : poller_->apis())
        used.insert(place_of(api));
    std::erase_if(probes_, [&](const auto& entry) {
        return !used.contains(entry.first) && entry.second->is_idle();
    });
}

}  // namespace patroni
