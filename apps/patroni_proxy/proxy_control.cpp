// What operators change while the proxy runs: see Control.

#include <algorithm>
#include <memory>
#include <utility>

#include "daemon/text/units.h"
#include "patroni_proxy/control/config_changes.h"
#include "patroni_proxy/proxy.h"

namespace proxy {

std::vector<std::string> Proxy::members_of(const std::string& cluster) const {
    std::vector<std::string> names;
    if (const auto feed = feeds_.find(cluster); feed != feeds_.end())
        for (const auto& member : feed->second->report().members)
            names.push_back(member.name);
    return names;
}

std::string Proxy::why_not_frozen(const std::string& cluster) const {
    return feeds_.at(cluster)->why_not_frozen();
}

void Proxy::use_operator_settings() {
    for (auto& [id, port] : ports_)
        if (!port.leaves_at)
            use_port_settings(port);
    for (const auto& cluster : config_.clusters)
        apply_cluster(cluster, nullptr);
}

void Proxy::use_port_settings(OpenPort& port) {
    const auto settings = std::make_shared<const PortSettings>(
        control_.settings().settings_of(port.cluster, port.config));
    if (*port.settings == *settings)
        return;
    port.settings = settings;
    on_each_worker([&, id = port.port->id](Worker& worker) { worker.use(id, settings); });
}

void Proxy::when_in_force(std::function<void()> done) {
    // Watchers take their tasks in order: the last one to come to this one posts `done`.
    ping_feeds(std::shared_ptr<void>(
        nullptr, [this, done = std::move(done)](void* /*nothing*/) { main_loop_.post(done); }));
}

void Proxy::reload(std::function<void(const ReloadOutcome&)> done) {
    if (!process_.reload)
        return done({"nothing can be reloaded here", {}});
    process_.reload([this, done = std::move(done)](const std::string& error) {
        done({error, error.empty() ? changes_ : std::vector<std::string>{}});
    });
}

daemons::log::Level Proxy::log_level() const {
    return process_.log_level ? process_.log_level() : daemons::log::Level::info;
}

void Proxy::set_log_level(daemons::log::Level level) {
    if (process_.set_log_level)
        process_.set_log_level(level);
}

/// Before it replaces the one in force.
std::vector<std::string> Proxy::changes_by(const Config& config) const {
    auto changes = config_changes(config_, config);
    std::uint64_t ending = 0;
    for (const auto& [id, port] : ports_) {
        const auto is_kept = [&, &port = port](const ClusterConfig& cluster) {
            return cluster.name == port.cluster &&
                   std::any_of(cluster.ports.begin(), cluster.ports.end(),
                               [&](const auto& each) { return each.name == port.config.name; });
        };
        if (!port.leaves_at &&
            std::none_of(config.clusters.begin(), config.clusters.end(), is_kept))
            ending += port.port->sessions;
    }
    for (const auto& cluster : config.clusters)
        if (waits_for_thaw(cluster))
            changes.push_back("cluster " + cluster.name + ": " + kWaitsForThaw);
    if (ending != 0)
        changes.push_back(std::to_string(ending) +
                          (ending == 1 ? " session ends" : " sessions end") + " within " +
                          daemons::duration_text(config.drain_timeout));
    return changes;
}

}  // namespace proxy
