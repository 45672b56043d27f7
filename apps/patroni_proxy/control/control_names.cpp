// Names that do not exist are refused, with those that do.

#include <algorithm>

#include "daemon/text/words.h"
#include "patroni_proxy/control/control.h"

namespace proxy {

const ClusterConfig* Control::find_cluster(const std::string& name) const {
    const auto& clusters = proxy_.config().clusters;
    const auto found = std::find_if(clusters.begin(), clusters.end(),
                                    [&](const auto& cluster) { return cluster.name == name; });
    return found == clusters.end() ? nullptr : &*found;
}

Control::Refusal Control::refuse_unknown_cluster(const std::string& cluster) const {
    if (find_cluster(cluster))
        return std::nullopt;
    std::vector<std::string> names;
    for (const auto& each : proxy_.config().clusters)
        names.push_back(each.name);
    return Outcome{Outcome::Problem::unknown_name, false,
                   "no cluster " + cluster + "; the configuration has " + daemons::joined(names)};
}

Control::Refusal Control::refuse_unknown_member(const std::string& cluster,
                                                const std::string& member) const {
    if (auto refused = refuse_unknown_cluster(cluster))
        return refused;
    const auto members = proxy_.members_of(cluster);
    if (members.empty())
        return Outcome{
            Outcome::Problem::conflict, false,
            "no member of cluster " + cluster + " is known: Patroni has not answered yet"};
    if (std::find(members.begin(), members.end(), member) != members.end())
        return std::nullopt;
    return Outcome{
        Outcome::Problem::unknown_name, false,
        "no member " + member + " in cluster " + cluster + "; it has " + daemons::joined(members)};
}

Control::Refusal Control::refuse_unknown_port(const std::string& cluster,
                                              const std::string& port) const {
    if (auto refused = refuse_unknown_cluster(cluster))
        return refused;
    std::vector<std::string> names;
    for (const auto& each : find_cluster(cluster)->ports)
        names.push_back(each.name);
    if (std::find(names.begin(), names.end(), port) != names.end())
        return std::nullopt;
    return Outcome{
        Outcome::Problem::unknown_name, false,
        "no port " + port + " in cluster " + cluster + "; it has " + daemons::joined(names)};
}

}  // namespace proxy
