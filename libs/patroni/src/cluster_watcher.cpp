#include "patroni/cluster_watcher.h"

#include <random>
#include <utility>

#include "patroni/cluster_parser.h"

namespace patroni {
namespace {

std::size_t random_below(std::size_t bound) {
    std::random_device source;
    return std::uniform_int_distribution<std::size_t>(0, bound - 1)(source);
}

Result<ClusterSnapshot> ask(RestClient& client, const Endpoint& host) {
    const auto reply = client.get(host, "/cluster");
    if (!reply)
        return Failure{reply.reason()};
    if (reply.value().status != 200)
        return Failure{"status " + std::to_string(reply.value().status) + " " +
                       reply.value().phrase};
    return parse_cluster(reply.value().body);
}

}  // namespace

ClusterWatcher::ClusterWatcher(Settings settings, OnPoll on_poll)
    : settings_(std::move(settings)),
      on_poll_(std::move(on_poll)),
      client_(settings_.timeouts),
      current_host_(random_below(settings_.hosts.size())) {}

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
    client_.abort();
    if (thread_.joinable())
        thread_.join();
}

void ClusterWatcher::poll_now(OnPoll done) {
    {
        const std::lock_guard lock(mutex_);
        if (!stopping_) {
            asked_.push_back(std::move(done));
            changed_.notify_one();
            return;
        }
    }
    done({nullptr, {}, "shutting down"});
}

void ClusterWatcher::run() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        // Taken before the round begins: who asks during it gets the next one.
        const auto asked = std::exchange(asked_, {});
        lock.unlock();
        const PollResult result = poll();
        on_poll_(result);
        for (const auto& done : asked)
            done(result);
        lock.lock();
        changed_.wait_for(lock, jittered_interval(),
                          [this] { return stopping_ || !asked_.empty(); });
    }
    const auto asked = std::exchange(asked_, {});
    lock.unlock();
    for (const auto& done : asked)
        done({nullptr, {}, "shutting down"});
}

PollResult ClusterWatcher::poll() {
    PollResult result;
    for (std::size_t i = 0; i < settings_.hosts.size(); ++i) {
        const Endpoint& host = settings_.hosts[current_host_];
        auto snapshot = ask(client_, host);
        if (snapshot) {
            result.snapshot = std::make_shared<const ClusterSnapshot>(std::move(snapshot).value());
            result.host = host.url();
            return result;
        }
        result.errors +=
            (result.errors.empty() ? "" : "; ") + host.url() + ": " + snapshot.reason();
        current_host_ = (current_host_ + 1) % settings_.hosts.size();
    }
    return result;
}

/// Many proxies started by one rollout must not go on asking in step.
std::chrono::milliseconds ClusterWatcher::jittered_interval() {
    const auto interval = static_cast<std::size_t>(settings_.interval.count());
    const auto spread = interval / 10;
    return std::chrono::milliseconds(interval - spread / 2 + random_below(spread + 1));
}

}  // namespace patroni
