#include "patroni_proxy/topology_feed.h"

#include "daemon/log.h"
#include "net/resolver.h"

namespace proxy {
namespace {

std::string describe(const patroni::ClusterSnapshot& snapshot) {
    std::string text;
    for (const auto& member : snapshot.members)
        text += (text.empty() ? "" : ", ") + member.name + " " + member.role_name + " " +
                member.state_name;
    return (text.empty() ? "no members" : text) + (snapshot.paused ? " (paused)" : "");
}

}  // namespace

TopologyFeed::TopologyFeed(const ClusterConfig& cluster, std::chrono::milliseconds interval,
                           Publish publish)
    : cluster_(cluster),
      publish_(std::move(publish)),
      watcher_({.hosts = cluster.hosts, .interval = interval, .timeouts = {}},
               [this](const patroni::PollResult& result) { on_poll(result); }) {}

void TopologyFeed::update_now(Done done) {
    watcher_.poll_now([done = std::move(done)](const patroni::PollResult& result) {
        done(result.snapshot ? std::string{} : result.errors);
    });
}

void TopologyFeed::on_poll(const patroni::PollResult& result) {
    log_changes(result);
    last_errors_ = result.errors;
    // A failed round changes nothing: what was known before stays in force.
    if (!result.snapshot)
        return;
    snapshot_ = result.snapshot;
    publish_tables(*snapshot_);
}

void TopologyFeed::log_changes(const patroni::PollResult& result) {
    if (!result.errors.empty() && result.errors != last_errors_)
        daemons::log::warning(
            cluster_.name + ": " + result.errors +
            (result.snapshot || !snapshot_ ? "" : "; what was known stays in force"));
    if (!result.snapshot)
        return;
    if (result.errors.empty() && !last_errors_.empty())
        daemons::log::info(cluster_.name + ": " + result.host + " answers");
    const std::string now = describe(*result.snapshot);
    if (!snapshot_ || describe(*snapshot_) != now)
        daemons::log::info(cluster_.name + ": " + now);
}

void TopologyFeed::publish_tables(const patroni::ClusterSnapshot& snapshot) {
    for (std::size_t i = 0; i < cluster_.ports.size(); ++i) {
        const PortConfig& port = cluster_.ports[i];
        publish_(i, std::make_shared<const BackendTable>(build_backend_table(
                        snapshot, port.wanted, [&](const patroni::Member& member) {
                            return backend_of(member, port.host_port);
                        })));
    }
    std::erase_if(backends_, [](const auto& entry) { return entry.second.expired(); });
}

BackendPtr TopologyFeed::backend_of(const patroni::Member& member, std::uint16_t port) {
    auto address = net::resolve(member.host, port);
    const std::string host_and_port = member.host + " " + std::to_string(port);
    // A name that stops resolving keeps its last address.
    if (address)
        resolved_[host_and_port] = *address;
    else if (const auto known = resolved_.find(host_and_port); known != resolved_.end())
        address = known->second;
    else
        return nullptr;
    std::weak_ptr<Backend>& known = backends_[{member.name, address->to_string()}];
    BackendPtr backend = known.lock();
    if (!backend)
        known = backend = BackendPtr(new Backend{member.name, *address});
    return backend;
}

}  // namespace proxy
