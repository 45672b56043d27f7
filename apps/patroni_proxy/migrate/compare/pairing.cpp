#include "patroni_proxy/migrate/compare/pairing.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <set>
#include <string_view>

#include "net/socket/socket_address.h"

namespace proxy::migrate {
namespace {

template <std::size_t N>
bool contains_one_of(const std::string& name, const std::array<std::string_view, N>& words) {
    std::string lower = name;
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return std::any_of(words.begin(), words.end(), [&](std::string_view word) {
        return lower.find(word) != std::string::npos;
    });
}

bool names_writes(const std::string& name) {
    constexpr std::array<std::string_view, 5> kWords{"primary", "master", "leader", "write", "rw"};
    return contains_one_of(name, kWords);
}

bool names_reads(const std::string& name) {
    constexpr std::array<std::string_view, 7> kWords{"replica", "standby",   "slave", "read",
                                                     "sync",    "secondary", "ro"};
    return contains_one_of(name, kWords);
}

bool takes_writes(const StatusPort& port) {
    return port.roles == std::vector<std::string>{"leader"};
}

/// The clusters that have one of the backend's servers as a member.
std::set<std::string> clusters_of(const std::vector<HaproxyServer>& servers,
                                  const std::string& backend, const ProxyStatus& status) {
    std::set<std::string> clusters;
    for (const auto& server : servers)
        if (server.backend == backend)
            for (const auto& [cluster, members] : status.members)
                if (member_at(status, cluster, server.address))
                    clusters.insert(cluster);
    return clusters;
}

const StatusPort* only(const std::vector<const StatusPort*>& ports) {
    return ports.size() == 1 ? ports.front() : nullptr;
}

const StatusPort* choose(const std::string& backend, const std::vector<const StatusPort*>& ports) {
    std::vector<const StatusPort*> same_name;
    std::vector<const StatusPort*> same_roles;
    for (const auto* port : ports) {
        if (port->name == backend)
            same_name.push_back(port);
        if ((names_writes(backend) && takes_writes(*port)) ||
            (!names_writes(backend) && names_reads(backend) && !takes_writes(*port)))
            same_roles.push_back(port);
    }
    if (const auto* port = only(same_name))
        return port;
    if (const auto* port = only(ports))
        return port;
    return only(same_roles);
}

}  // namespace

const StatusMember* member_at(const ProxyStatus& status, const std::string& cluster,
                              const std::string& address) {
    const auto members = status.members.find(cluster);
    const auto parsed = net::SocketAddress::parse(address);
    if (members == status.members.end() || !parsed)
        return nullptr;
    const StatusMember* found = nullptr;
    std::size_t on_host = 0;
    for (const auto& member : members->second) {
        if (std::find(member.addresses.begin(), member.addresses.end(), parsed->ip()) ==
            member.addresses.end())
            continue;
        if (member.port == parsed->port())
            return &member;
        found = &member;
        ++on_host;
    }
    return on_host == 1 ? found : nullptr;
}

Pairing pair_up(const std::vector<HaproxyServer>& servers, const ProxyStatus& status,
                const std::map<std::string, std::string>& chosen) {
    Pairing pairing;
    std::set<std::string> backends;
    for (const auto& server : servers)
        backends.insert(server.backend);
    for (const auto& backend : backends) {
        if (const auto found = chosen.find(backend); found != chosen.end()) {
            pairing.port_of_backend[backend] = found->second;
            continue;
        }
        const auto clusters = clusters_of(servers, backend, status);
        if (clusters.empty())
            continue;
        std::vector<const StatusPort*> ports;
        for (const auto& port : status.ports)
            if (clusters.contains(port.cluster))
                ports.push_back(&port);
        if (const auto* port = choose(backend, ports))
            pairing.port_of_backend[backend] = port->label();
        else
            pairing.not_compared[backend] =
                "which port does its work is not clear: say --map " + backend + "=CLUSTER/PORT";
    }
    return pairing;
}

std::vector<JoinedServer> join(const std::vector<HaproxyServer>& servers, const ProxyStatus& status,
                               const Pairing& pairing) {
    std::set<std::string> with_active_server;
    for (const auto& server : servers)
        if (!server.backup && server.is_up())
            with_active_server.insert(server.backend);
    std::vector<JoinedServer> joined;
    for (const auto& server : servers) {
        const auto label = pairing.port_of_backend.find(server.backend);
        if (label == pairing.port_of_backend.end())
            continue;
        const auto port =
            std::find_if(status.ports.begin(), status.ports.end(),
                         [&](const StatusPort& one) { return one.label() == label->second; });
        if (port == status.ports.end())
            continue;
        JoinedServer one;
        one.server = server.backend + "/" + server.name;
        one.address = server.address;
        one.port = port->label();
        one.haproxy_uses =
            server.is_up() && (!server.backup || !with_active_server.contains(server.backend));
        one.haproxy_says = server.status + (server.check.empty() ? "" : " (" + server.check + ")");
        one.changing = server.is_changing();
        const StatusMember* member = member_at(status, port->cluster, server.address);
        one.member = member ? member->name : "";
        const auto standing = port->standings.find(one.member);
        if (!member || standing == port->standings.end()) {
            one.proxy_reason = "no member has this address";
        } else {
            // A fallback is another backend of HAProxy, so this one has no server either.
            one.proxy_uses = standing->second.eligible && !port->falls_back;
            one.proxy_reason = port->falls_back
                                   ? "nobody is eligible by roles, so the port falls back"
                                   : standing->second.reason;
        }
        joined.push_back(std::move(one));
    }
    return joined;
}

}  // namespace proxy::migrate
