#include "patroni_proxy/topology_feed.h"

#include <algorithm>

#include "daemon/log.h"

namespace proxy {
namespace {

// The loops wait for nobody, but this thread does, for all names together: one that is slow to
// resolve keeps its last address meanwhile.
constexpr std::chrono::milliseconds kResolveTimeout{1'000};

std::string describe(const patroni::ClusterSnapshot& snapshot) {
    std::string text;
    for (const auto& member : snapshot.members)
        text.append(text.empty() ? "" : ", ")
            .append(member.name + " " + member.role_name + " " + member.state_name);
    return (text.empty() ? "no members" : text) + (snapshot.paused ? " (paused)" : "");
}

/// One for all clusters: what one learned serves the next.
const std::shared_ptr<patroni::Resolver>& resolver() {
    static const auto instance = std::make_shared<patroni::Resolver>();
    return instance;
}

patroni::ClusterWatcher::Settings watcher_settings(const ClusterConfig& cluster,
                                                   std::chrono::milliseconds interval) {
    patroni::ClusterWatcher::Settings settings;
    settings.hosts = cluster.hosts;
    settings.interval = interval;
    settings.access = {
        .tls = cluster.tls, .resolver = resolver(), .prefer = cluster.resolve_prefer};
    settings.live_positions =
        std::any_of(cluster.ports.begin(), cluster.ports.end(),
                    [](const PortConfig& port) { return port.wanted.live_lag; });
    return settings;
}

}  // namespace

TopologyFeed::TopologyFeed(const ClusterConfig& cluster, std::chrono::milliseconds interval,
                           Publish publish)
    : cluster_(cluster),
      publish_(std::move(publish)),
      watcher_(
          watcher_settings(cluster, interval),
          [this](const patroni::ClusterView& view) { on_view(view); },
          [this](const patroni::ClusterWatcher::Round& round) { on_round(round); }) {
    for (const auto& port : cluster_.ports)
        ports_.push_back(
            {port, patroni::Judge(port.wanted), std::make_shared<const BackendTable>()});
}

void TopologyFeed::update_now(Done done) {
    watcher_.poll_now([done = std::move(done)](const patroni::ClusterWatcher::Round& round) {
        done(round.answered ? std::string{} : round.errors);
    });
}

void TopologyFeed::on_view(const patroni::ClusterView& view) {
    log_view(view);
    const auto deadline = patroni::Clock::now() + kResolveTimeout;
    look_up_hosts(*view.snapshot);
    for (std::size_t i = 0; i < ports_.size(); ++i) {
        const auto host_port = ports_[i].config.host_port;
        publish_if_changed(i, build_backend_table(ports_[i].judge.judge(view), overrides_,
                                                  [&](const patroni::Member& member) {
                                                      return locate(member, host_port, deadline);
                                                  }));
    }
    std::erase_if(backends_, [](const auto& entry) { return entry.second.expired(); });
}

/// All at once, so that names which hang are waited for side by side.
void TopologyFeed::look_up_hosts(const patroni::ClusterSnapshot& snapshot) {
    for (const auto& member : snapshot.members)
        (void)resolver()->addresses_of(member.host, cluster_.resolve_prefer,
                                       std::chrono::milliseconds{0});
}

void TopologyFeed::publish_if_changed(std::size_t index, const BackendTable& table) {
    Port& port = ports_[index];
    if (port.table->same_as(table))
        return;
    if (const auto refused = port.table->refused.load(); refused > 1)
        daemons::log::warning(cluster_.name + "/" + port.config.name + ": " +
                              std::to_string(refused) +
                              " clients were refused while no backends were available");
    port.table = std::make_shared<const BackendTable>(table);
    publish_(index, port.table);
}

Located TopologyFeed::locate(const patroni::Member& member, std::optional<std::uint16_t> host_port,
                             patroni::Clock::time_point deadline) {
    const auto port = host_port ? host_port : member.port;
    if (!port)
        return {nullptr, "no port in Patroni's answer"};
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::max(deadline - patroni::Clock::now(), patroni::Clock::duration::zero()));
    const auto ips = resolver()->addresses_of(member.host, cluster_.resolve_prefer, left);
    if (!ips)
        return {nullptr, "host " + member.host + " has no address: " + ips.reason()};
    const auto address = net::SocketAddress::from_ip(ips.value().front(), *port);
    if (!address)
        return {nullptr, "host " + member.host + " has an address of an unknown kind"};
    std::weak_ptr<Backend>& known = backends_[{member.name, address->to_string()}];
    BackendPtr backend = known.lock();
    if (!backend)
        known = backend = BackendPtr(new Backend{member.name, *address});
    return {backend, {}};
}

void TopologyFeed::on_round(const patroni::ClusterWatcher::Round& round) {
    if (round.errors == logged_errors_)
        return;
    logged_errors_ = round.errors;
    if (round.errors.empty())
        daemons::log::info(cluster_.name + ": " + round.host + " answers");
    else
        daemons::log::warning(cluster_.name + ": " + round.errors +
                              (round.answered ? "" : "; what is known stays in force"));
}

void TopologyFeed::log_view(const patroni::ClusterView& view) {
    const std::string members = describe(*view.snapshot);
    if (std::exchange(logged_members_, members) != members)
        daemons::log::info(cluster_.name + ": " + members);
    const std::string leader = view.leader.member.empty()
                                   ? "no leader: " + view.leader.reason
                                   : view.leader.member + " leads: " + view.leader.reason;
    if (std::exchange(logged_leader_, leader) != leader)
        daemons::log::info(cluster_.name + ": " + leader);
    for (const auto& warning : view.warnings)
        if (std::find(logged_warnings_.begin(), logged_warnings_.end(), warning) ==
            logged_warnings_.end())
            daemons::log::warning(cluster_.name + ": " + warning);
    logged_warnings_ = view.warnings;
}

}  // namespace proxy
