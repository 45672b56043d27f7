// Hands the history what it needs: from the feeds what they conclude, from the workers their
// counts.

#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "patroni_proxy/history/history.h"
#include "patroni_proxy/proxy.h"

namespace proxy {
namespace {

constexpr std::chrono::seconds kCountsInterval{1};

/// Adds up what the workers say, each on its own thread.
class GatheredCounts {
  public:
    using Done = std::function<void(std::map<PortId, PortTally>)>;

    GatheredCounts(std::size_t workers, Done done) : waiting_(workers), done_(std::move(done)) {}

    void add_up(const std::map<PortId, PortTally>& counts) {
        {
            const base::MutexLock lock(mutex_);
            for (const auto& [port, tally] : counts)
                add(sum_[port], tally);
            if (--waiting_ > 0)
                return;
        }
        done_(std::move(sum_));
    }

  private:
    base::Mutex mutex_;
    std::size_t waiting_;
    std::map<PortId, PortTally> sum_;
    const Done done_;
};

/// Ends that the client did not cause.
std::uint64_t ended_from_outside(const SessionEndCounts& ended) {
    std::uint64_t all = 0;
    for (const auto end :
         {SessionEnd::backend_closed, SessionEnd::backend_failed, SessionEnd::member_out})
        all += ended[static_cast<std::size_t>(end)];
    return all;
}

history::PortCounts counts_of(const PortTally& tally, std::uint64_t waiting) {
    history::PortCounts counts;
    counts.held = tally.queued_total;
    counts.gave_up = tally.gave_up;
    counts.longest_held = tally.longest_held;
    counts.waiting = waiting;
    for (std::size_t i = 0; i < tally.refused.size(); ++i)
        if (const auto end = static_cast<SessionEnd>(i); is_refusal(end) && tally.refused[i] != 0)
            counts.refused.emplace(name_of(end), tally.refused[i]);
    for (const auto& [member, each] : tally.members) {
        counts.ended += ended_from_outside(each.ended);
        if (each.first_served_at)
            counts.first_sessions.emplace(member, *each.first_served_at);
    }
    return counts;
}

}  // namespace

TopologyFeed::Tell Proxy::history_outlets_of(const std::string& cluster) {
    return {.seen =
                [this, cluster](history::ClusterSeen seen) {
                    main_loop_.post(
                        [this, cluster, seen = std::move(seen)] { history_.see(cluster, seen); });
                },
            .poll =
                [this, cluster](history::PollSeen seen) {
                    main_loop_.post(
                        [this, cluster, seen = std::move(seen)] { history_.see(cluster, seen); });
                }};
}

/// Nobody waits for the answers. The next request comes a second after the last answer.
void Proxy::ask_for_counts() {
    const auto gathered = std::make_shared<GatheredCounts>(
        workers_.size(), [this](std::map<PortId, PortTally> counts) {
            main_loop_.post([this, counts = std::move(counts)] { on_counts(counts); });
        });
    for (const auto& worker : workers_)
        worker->loop().post(
            [&worker = *worker, gathered] { gathered->add_up(worker.take_counts()); });
}

void Proxy::on_counts(const std::map<PortId, PortTally>& tallies) {
    if (workers_.empty())
        return;  // the proxy has stopped
    counts_timer_.arm(kCountsInterval);
    std::map<std::string, history::CountsSeen> by_cluster;
    std::set<std::string> clusters;
    for (const auto& cluster : config_.clusters) {
        by_cluster[cluster.name].at = Clock::now();
        clusters.insert(cluster.name);
    }
    std::map<std::string, PortTimes> times;
    for (const auto& [id, port] : ports_) {
        const auto tally = tallies.find(id);
        if (port.leaves_at || tally == tallies.end())
            continue;
        times.emplace(port.port->label, times_of(tally->second));
        by_cluster[port.cluster].ports.emplace(port.config.name,
                                               counts_of(tally->second, port.port->queued));
    }
    last_minute_.add(Clock::now(), std::move(times));
    history_.keep(clusters);
    for (auto& [cluster, counts] : by_cluster)
        history_.see(cluster, std::move(counts));
}

}  // namespace proxy
