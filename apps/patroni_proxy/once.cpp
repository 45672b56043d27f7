#include "patroni_proxy/once.h"

#include <algorithm>
#include <ostream>
#include <utility>

#include "daemon/text/words.h"
#include "net/loop/event_loop.h"
#include "patroni_proxy/proxy.h"

namespace proxy {
namespace {

/// What is needed to look: it takes no address from a proxy that runs, and changes nothing on this
/// host.
Config only_to_look(Config config) {
    config.workers = 1;
    config.control.reset();
    config.haproxy = {};
    config.state_file.clear();
    config.on_change.reset();
    config.listen_address = *net::ListenAddress::parse("127.0.0.1:0");
    for (auto& cluster : config.clusters)
        for (auto& port : cluster.ports)
            port.listen.clear();
    return config;
}

/// True if a client would find a member.
bool print_port(const ClusterReport& cluster, const PortReport& port, std::ostream& out) {
    out << cluster.name << '/' << port.name << ": " << daemons::joined(port.roles);
    if (port.falls_back)
        out << "; nobody is eligible, so by fallback_roles: "
            << daemons::joined(port.fallback_roles);
    out << '\n';
    bool served = false;
    for (const auto& member : port.members) {
        const bool eligible = member.standing == patroni::Standing::eligible;
        served |= eligible;
        out << "  " << (eligible ? "serves    " : "does not  ") << member.member << ": "
            << member.reason << '\n';
    }
    if (!served)
        out << "  no member would serve it"
            << (cluster.leader.empty() && !cluster.leader_reason.empty()
                    ? ": " + cluster.leader_reason
                    : "")
            << '\n';
    return served;
}

}  // namespace

bool poll_once(Config config, std::ostream& out, std::ostream& errors) {
    config = only_to_look(std::move(config));
    net::EventLoop loop;
    Proxy proxy(loop, config.workers);
    proxy.patience_with_patroni = std::chrono::seconds{10};  // or the reason would be missing
    proxy.apply(config, [&] { loop.stop(); });
    loop.run();
    const ProxyReport report = proxy.report();
    proxy.stop();
    bool all_served = true;
    for (const auto& cluster : report.clusters) {
        if (!cluster.polls.last_error.empty())
            errors << cluster.name << ": " << cluster.polls.last_error << '\n';
        for (const auto& warning : cluster.warnings)
            errors << cluster.name << ": " << warning << '\n';
        for (const auto& port : cluster.ports)
            all_served = print_port(cluster, port, out) && all_served;
    }
    return all_served;
}

}  // namespace proxy
