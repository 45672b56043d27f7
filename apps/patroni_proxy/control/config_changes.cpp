#include "patroni_proxy/control/config_changes.h"

#include <algorithm>

namespace proxy {
namespace {

using Changes = std::vector<std::string>;

template <typename Named>
const Named* find(const std::vector<Named>& all, const std::string& name) {
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const Named& each) { return each.name == name; });
    return found == all.end() ? nullptr : &*found;
}

/// The new port that is like `old` in everything but its name.
const PortConfig* find_renamed(const ClusterConfig& before, const ClusterConfig& after,
                               const PortConfig& old) {
    for (const auto& port : after.ports) {
        PortConfig same = port;
        same.name = old.name;
        if (same == old && !find(before.ports, port.name))
            return &port;
    }
    return nullptr;
}

void compare_ports(const ClusterConfig& before, const ClusterConfig& after, Changes& changes) {
    const std::string prefix = "port " + after.name + "/";
    std::vector<const PortConfig*> known;
    for (const auto& port : before.ports) {
        const PortConfig* same = find(after.ports, port.name);
        const PortConfig* renamed = same ? nullptr : find_renamed(before, after, port);
        if (renamed) {
            known.push_back(renamed);
            changes.push_back(prefix + port.name + " renamed to " + renamed->name);
        } else if (!same) {
            changes.push_back(prefix + port.name + " removed");
        } else if (!(*same == port)) {
            changes.push_back(prefix + port.name + " changed");
        }
    }
    for (const auto& port : after.ports)
        if (!find(before.ports, port.name) &&
            std::find(known.begin(), known.end(), &port) == known.end())
            changes.push_back(prefix + port.name + " added");
}

/// Files that were read again are not equal, even with the same content: they do not count.
bool same_source(const ClusterConfig& a, const ClusterConfig& b) {
    return a.hosts == b.hosts && a.resolve_prefer == b.resolve_prefer && a.identity == b.identity &&
           (a.tls == nullptr) == (b.tls == nullptr);
}

}  // namespace

std::vector<std::string> config_changes(const Config& before, const Config& after) {
    Changes changes;
    for (const auto& cluster : after.clusters)
        if (!find(before.clusters, cluster.name))
            changes.push_back("cluster " + cluster.name + " added");
    for (const auto& cluster : before.clusters) {
        const ClusterConfig* same = find(after.clusters, cluster.name);
        if (!same) {
            changes.push_back("cluster " + cluster.name + " removed");
            continue;
        }
        if (!same_source(cluster, *same))
            changes.push_back("cluster " + cluster.name + " is followed by other settings");
        compare_ports(cluster, *same, changes);
    }
    const auto note = [&](bool same, const std::string& what) {
        if (!same)
            changes.push_back(what + " changed");
    };
    note(before.cluster_update_interval == after.cluster_update_interval,
         "cluster_update_interval");
    note(before.listen_address == after.listen_address, "listen_address");
    note(before.http == after.http && before.freebind == after.freebind, "the HTTP API's settings");
    note(before.control == after.control, "control");
    note(before.haproxy == after.haproxy, "haproxy_socket");
    note(before.max_connections == after.max_connections, "max_connections");
    note(before.drain_timeout == after.drain_timeout, "drain_timeout");
    note(before.stop == after.stop, "stop");
    note(before.state_file == after.state_file && before.state_max_age == after.state_max_age,
         "state_file");
    note(before.tcp == after.tcp, "the TCP settings");
    note(before.log.settings == after.log.settings, "log");
    note(before.on_change == after.on_change, "on_change");
    if (before.workers != after.workers)
        changes.push_back("workers changed, which takes effect with a restart");
    return changes;
}

}  // namespace proxy
