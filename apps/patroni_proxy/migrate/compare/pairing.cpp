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

bool takes_writes(const PortReport& port) {
    return port.roles == std::vector<std::string>{"leader"};
}

/// The clusters that have one of the backend's servers as a member.
std::set<std::string> clusters_of(const std::vector<HaproxyServer>& servers,
                                  const std::string& backend, const ProxyView& view) {
    std::set<std::string> clusters;
    for (const auto& server : servers)
        if (server.backend == backend)
            for (const auto& cluster : view.report.clusters)
                if (member_at(view, cluster.name, server.address))
                    clusters.insert(cluster.name);
    return clusters;
}

struct NamedPort {
    std::string label;  ///< "main/read_write"
    const PortReport* port;
};

std::vector<NamedPort> ports_of(const ProxyView& view) {
    std::vector<NamedPort> ports;
    for (const auto& cluster : view.report.clusters)
        for (const auto& port : cluster.ports)
            ports.push_back({cluster.name + "/" + port.name, &port});
    return ports;
}

std::string only(const std::vector<std::string>& labels) {
    return labels.size() == 1 ? labels.front() : "";
}

/// Empty if it is not clear.
std::string choose(const std::string& backend, const std::vector<NamedPort>& ports) {
    std::vector<std::string> all;
    std::vector<std::string> same_name;
    std::vector<std::string> same_roles;
    for (const auto& [label, port] : ports) {
        all.push_back(label);
        if (port->name == backend)
            same_name.push_back(label);
        if ((names_writes(backend) && takes_writes(*port)) ||
            (!names_writes(backend) && names_reads(backend) && !takes_writes(*port)))
            same_roles.push_back(label);
    }
    for (const auto& candidates : {same_name, all, same_roles})
        if (auto label = only(candidates); !label.empty())
            return label;
    return {};
}

/// Whether an address is one of a host's.
bool is_at(const ProxyView& view, const std::string& host, const net::SocketAddress& address) {
    if (const auto numeric = net::SocketAddress::from_ip(host, 0))
        return numeric->ip() == address.ip();
    const auto found = view.addresses.find(host);
    return found != view.addresses.end() && std::find(found->second.begin(), found->second.end(),
                                                      address.ip()) != found->second.end();
}

/// Whether our port uses the member, and why not.
void judge(const PortReport& port, const MemberReport& member, JoinedServer& one) {
    one.member = member.name;
    const auto standing =
        std::find_if(port.members.begin(), port.members.end(),
                     [&](const MemberStanding& each) { return each.member == member.name; });
    if (standing == port.members.end())
        return;
    // A fallback is another backend of HAProxy, so this one has no server either.
    one.proxy_uses = standing->standing == patroni::Standing::eligible && !port.falls_back;
    one.proxy_reason =
        port.falls_back ? "nobody is eligible by roles, so the port falls back" : standing->reason;
}

}  // namespace

const MemberReport* member_at(const ProxyView& view, const std::string& cluster,
                              const std::string& address) {
    const auto parsed = net::SocketAddress::parse(address);
    if (!parsed)
        return nullptr;
    const MemberReport* found = nullptr;
    std::size_t on_host = 0;
    for (const auto& one : view.report.clusters)
        for (const auto& member : one.members) {
            if (one.name != cluster || !is_at(view, member.host, *parsed))
                continue;
            if (member.port == parsed->port())
                return &member;
            found = &member;
            ++on_host;
        }
    return on_host == 1 ? found : nullptr;
}

Pairing pair_up(const std::vector<HaproxyServer>& servers, const ProxyView& view,
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
        const auto clusters = clusters_of(servers, backend, view);
        if (clusters.empty())
            continue;
        std::vector<NamedPort> ports;
        for (const auto& port : ports_of(view))
            if (clusters.contains(port.label.substr(0, port.label.rfind('/'))))
                ports.push_back(port);
        if (const auto label = choose(backend, ports); !label.empty())
            pairing.port_of_backend[backend] = label;
        else
            pairing.not_compared[backend] =
                "which port does its work is not clear: say --map " + backend + "=CLUSTER/PORT";
    }
    return pairing;
}

std::vector<JoinedServer> join(const std::vector<HaproxyServer>& servers, const ProxyView& view,
                               const Pairing& pairing) {
    std::set<std::string> with_active_server;
    for (const auto& server : servers)
        if (!server.backup && server.is_up())
            with_active_server.insert(server.backend);
    const auto ports = ports_of(view);
    std::vector<JoinedServer> joined;
    for (const auto& server : servers) {
        const auto label = pairing.port_of_backend.find(server.backend);
        if (label == pairing.port_of_backend.end())
            continue;
        const auto port = std::find_if(ports.begin(), ports.end(), [&](const NamedPort& one) {
            return one.label == label->second;
        });
        if (port == ports.end())
            continue;
        JoinedServer one;
        one.server = server.backend + "/" + server.name;
        one.address = server.address;
        one.port = port->label;
        one.haproxy_uses =
            server.is_up() && (!server.backup || !with_active_server.contains(server.backend));
        one.haproxy_says = server.status + (server.check.empty() ? "" : " (" + server.check + ")");
        one.changing = server.is_changing();
        one.proxy_reason = "no member has this address";
        const auto* member =
            member_at(view, port->label.substr(0, port->label.rfind('/')), server.address);
        if (member)
            judge(*port->port, *member, one);
        joined.push_back(std::move(one));
    }
    return joined;
}

}  // namespace proxy::migrate
