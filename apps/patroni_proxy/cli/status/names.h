#pragma once

#include <string>

#include "patroni_proxy/report/report.h"

// What an operator calls a member, a port or a cluster. Pure. The find functions throw
// std::runtime_error, with the names that exist, if nothing or more than one thing has that name.
namespace proxy::cli {

struct Name {
    std::string cluster;
    std::string name;

    [[nodiscard]] std::string text() const { return cluster + "/" + name; }
};

/// "CLUSTER/MEMBER", or "MEMBER" where only one cluster has a member of that name. A member that is
/// gone counts too, if it has served sessions or an operator has set something for it.
[[nodiscard]] Name find_member(const ProxyReport& report, const std::string& text);
/// "CLUSTER/PORT" or "PORT", likewise.
[[nodiscard]] Name find_port(const ProxyReport& report, const std::string& text);
/// The same, in this cluster.
[[nodiscard]] Name find_port_of(const ProxyReport& report, const std::string& cluster,
                                const std::string& text);
/// The only cluster if `text` is empty.
[[nodiscard]] std::string find_cluster(const ProxyReport& report, const std::string& text);

/// All members of all clusters, and all ports.
[[nodiscard]] std::vector<Name> members_of(const ProxyReport& report);
[[nodiscard]] std::vector<Name> ports_of(const ProxyReport& report);

}  // namespace proxy::cli
