// What outlives the process: the state file.

#include <algorithm>
#include <exception>
#include <utility>

#include "daemon/log/log.h"
#include "patroni_proxy/proxy.h"
#include "patroni_proxy/state/state_file.h"

namespace proxy {

static constexpr std::chrono::seconds kStateTick{1};
static constexpr std::chrono::seconds kLastWrite{1};
// How old the ages in the file may be. A leader is believed for three times that.
static constexpr std::chrono::seconds kStateRefresh{10};

void Proxy::restore_settings() {
    for (const auto& doubt : restored_.doubts)
        daemons::log::warning({"state_file_refused"},
                              "the state file is not used, or not all of it: " + doubt);
    control_.restore(std::move(restored_.settings));
}

/// A cluster of the first configuration, if the file is about the same one.
void Proxy::remember(const ClusterConfig& cluster, TopologyFeed& feed) const {
    const auto& clusters = restored_.clusters;
    const auto memory = std::find_if(clusters.begin(), clusters.end(), [&](const auto& each) {
        return each.cluster == cluster.name;
    });
    if (memory == clusters.end())
        return;
    if (memory->fits(cluster.hosts, cluster.identity))
        return feed.remember(*memory, config_.state_max_age);
    daemons::log::warning({"state_file_refused", cluster.name},
                          "the state file is not used for cluster " + cluster.name +
                              ": it is about " + memory->identity.words() +
                              ", or none of its hosts is in the configuration");
}

/// A frozen cluster still follows the former ones.
const std::vector<patroni::Endpoint>& Proxy::hosts_followed(const ClusterConfig& cluster) const {
    const auto known = feed_settings_.find(cluster.name);
    return known == feed_settings_.end() ? cluster.hosts : known->second.cluster.hosts;
}

State Proxy::state() const {
    State state;
    for (const auto& cluster : config_.clusters)
        if (auto memory = feeds_.at(cluster.name)->memory()) {
            memory->cluster = cluster.name;
            memory->hosts.clear();
            for (const auto& host : hosts_followed(cluster))
                memory->hosts.push_back(host.url());
            state.clusters.push_back(std::move(*memory));
        }
    state.settings = control_.settings().all();
    return state;
}

void Proxy::on_state_timer() {
    for (const auto& [name, feed] : feeds_)
        feed->grow_older();
    save_state();
    state_timer_.arm(kStateTick);
}

/// During an upgrade the process that serves writes.
bool Proxy::writes_state() const {
    return !config_.state_file.empty() && succeeded_ && !last_report_;
}

/// What has changed just before the end must not be lost.
void Proxy::save_last_state() {
    if (!state_writer_ || !writes_state() || !state_thread_.finish(kLastWrite))
        return;
    save_state();
    (void)state_thread_.finish(kLastWrite);
}

/// At once if anything but its age has changed, or once the write that is under way is done.
void Proxy::save_state() {
    if (!writes_state())
        return;
    if (!state_writer_ || state_writer_->path() != config_.state_file)
        state_writer_ = std::make_shared<StateWriter>(config_.state_file);
    if (drained_)
        state_writer_->keep_out();
    if (state_thread_.is_busy()) {
        if (Clock::now() - saved_at_ > kStateRefresh)
            complain_of_state_file("its file system does not answer");
        return;
    }
    const State state = this->state();
    std::string now = state_without_times(state);
    if (now == saved_state_ && Clock::now() - saved_at_ < kStateRefresh)
        return;
    saved_state_ = std::move(now);
    saved_at_ = Clock::now();
    try {
        state_thread_.start(
            [this, writer = state_writer_,
             text = state_text(state, Moment::now())]() -> daemons::SideThread::Done {
                const bool was_left = writer->is_left_to_another();
                const std::string problem = writer->write(text);
                const bool is_left = writer->is_left_to_another() && !was_left;
                return [this, problem, is_left] {
                    if (is_left)
                        daemons::log::info({"state_file_left"},
                                           "state_file: another process writes it now; this one, "
                                           "which is draining, leaves it alone");
                    if (!problem.empty())
                        complain_of_state_file(problem);
                    save_state();
                };
            });
    } catch (const std::exception& error) {
        complain_of_state_file(error.what());
    }
}

void Proxy::complain_of_state_file(const std::string& problem) {
    state_failures_.log(daemons::log::Level::error, {"state_file_failed"},
                        [&] { return "state_file: " + problem; });
}

}  // namespace proxy
