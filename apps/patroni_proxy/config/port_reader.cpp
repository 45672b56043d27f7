#include "patroni_proxy/config/port_reader.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <set>
#include <string>

#include "patroni_proxy/config/http_reader.h"

namespace proxy {
namespace {

using daemons::in_quotes;
using daemons::Problems;
using daemons::YamlMapping;
using daemons::YamlNode;

class PortReader {
  public:
    explicit PortReader(const PortContext& context)
        : listens_(context.listens),
          defaults_(context.defaults),
          freebind_(context.freebind),
          problems_(context.problems) {}

    PortConfig read(const YamlMapping::Entry& entry) {
        PortConfig port;
        port.name = entry.key;
        const std::string what = "port " + in_quotes(entry.key);
        YamlMapping node(entry.value, what, problems_);
        port.listen = listens_.read_some(node, "listen", what);
        port.listen_mode = read_mode(node, "listen_mode", what, problems_);
        port.freebind = node.boolean("freebind").value_or(freebind_);
        read_limits(node, what, port.settings);
        port.wanted = daemons::read_requirements(node, what, problems_);
        for (const auto role : port.wanted.roles)
            port.settings.roles.append(port.settings.roles.empty() ? "" : ", ")
                .append(patroni::name_of(role));
        port.fallback = read_fallback(node, what, port.wanted.roles);
        check_refusing(node, entry, what, port);
        warn_of_roles(node, what, port);
        if (const auto host_port = node.number("host_port", 1, 65535))
            port.host_port = static_cast<std::uint16_t>(*host_port);
        node.reject_unknown();
        return port;
    }

  private:
    void check_refusing(YamlMapping& node, const YamlMapping::Entry& entry, const std::string& what,
                        const PortConfig& port) {
        if (port.settings.no_backend != NoBackend::refuse)
            return;
        const auto own = node.find("no_backend");
        const YamlNode& where = own ? *own : entry.key_node;
        if (port.settings.queue_timeout.count() != 0)
            problems_.add(where,
                          what +
                              ": no_backend: refuse and queue_timeout exclude each other: a "
                              "client that waits for a backend must be let in first. Set "
                              "queue_timeout: 0 for this port, or no_backend: postgres_error");
        if (std::all_of(port.listen.begin(), port.listen.end(),
                        [](const auto& address) { return address.is_unix(); }))
            problems_.warn(where, what +
                                      ": no_backend: refuse has no effect on unix sockets: their "
                                      "clients are closed");
    }
    void warn_of_roles(YamlMapping& node, const std::string& what, const PortConfig& port) {
        if (port.wanted.roles != std::set{patroni::RequestedRole::leader})
            return;
        if (!port.fallback)
            daemons::warn_of_replica_keys(node, what, problems_);
        else if (port.fallback->on_return == OnReturn::keep)
            problems_.warn(*node.find("fallback_roles"),
                           what +
                               ": in every switchover clients of the leader come to standbys "
                               "and stay there, unable to write; fallback_return: close ends "
                               "that once there is a leader again");
    }

    std::optional<Fallback> read_fallback(YamlMapping& node, const std::string& what,
                                          const std::set<patroni::RequestedRole>& roles) {
        const auto listed = node.find("fallback_roles");
        const auto on_return = node.choice("fallback_return", {"keep", "close"});
        if (!listed) {
            if (on_return)
                problems_.add(*node.find("fallback_return"),
                              what + ": fallback_return needs fallback_roles");
            return std::nullopt;
        }
        Fallback fallback;
        fallback.on_return = on_return.value_or(0) == 1 ? OnReturn::close : OnReturn::keep;
        for (const auto& [role, where] :
             daemons::read_roles(node, "fallback_roles", what, problems_)) {
            fallback.roles.insert(role);
            // Such a role is out whenever the regular roles are, so it is no fallback.
            if (patroni::covers(roles, role))
                problems_.add(where, what + ": " + in_quotes(patroni::name_of(role)) +
                                         " in fallback_roles is already covered by roles");
        }
        return fallback;
    }

    void read_limits(YamlMapping& node, const std::string& what, PortSettings& settings) {
        settings = defaults_;
        read_treatment(node, settings, problems_);
        settings.max_connections = node.number("max_connections", 0, kMaxConnections).value_or(0);
        settings.max_connections_per_backend = static_cast<std::uint32_t>(
            node.number("max_connections_per_backend", 0, kMaxConnections).value_or(0));
        settings.max_queued =
            node.number("max_queued", 1, kMaxConnections).value_or(settings.max_queued);
        settings.max_connect_rate =
            static_cast<std::uint32_t>(node.number("max_connect_rate", 1, kMaxConnections)
                                           .value_or(settings.max_connect_rate));
        if (settings.queue_timeout.count() == 0)
            for (const std::string key : {"max_queued", "max_connect_rate"})
                if (const auto found = node.find(key))
                    problems_.add(*found, std::string(what).append(": ").append(key).append(
                                              " needs queue_timeout"));
        settings.allow = read_networks(node, "allow", what, problems_);
        read_proxy_protocol(node, what, settings);
    }

    void read_proxy_protocol(YamlMapping& node, const std::string& what, PortSettings& settings) {
        if (const auto word = node.choice("proxy_protocol", {"optional", "required"}))
            settings.proxy_protocol = *word == 1 ? AcceptProxy::required : AcceptProxy::optional;
        settings.proxy_protocol_from = read_networks(node, "proxy_protocol_from", what, problems_);
        const auto from = node.find("proxy_protocol_from");
        const auto accept = node.find("proxy_protocol");
        if (accept && !from)
            problems_.add(*accept, what +
                                       ": proxy_protocol needs proxy_protocol_from: the networks "
                                       "of the balancers that may send the header, for whoever "
                                       "may send it can claim any address");
        if (from && !accept)
            problems_.add(*from, what + ": proxy_protocol_from needs proxy_protocol");
        if (const auto version = node.choice("send_proxy", {"v1", "v2"}))
            settings.send_proxy = *version == 1 ? SendProxy::v2 : SendProxy::v1;
        settings.client_in_application_name =
            node.choice("client_address", {"application_name"}).has_value();
    }

    daemons::ListenReader& listens_;
    const PortSettings& defaults_;
    const bool freebind_;
    Problems& problems_;
};

}  // namespace

PortConfig read_port(const YamlMapping::Entry& entry, const PortContext& context) {
    return PortReader(context).read(entry);
}

void read_treatment(YamlMapping& node, PortSettings& settings, Problems& problems) {
    if (const auto timeout = node.duration("connect_timeout", std::chrono::seconds{100})) {
        settings.connect_timeout = *timeout;
        if (timeout->count() == 0)
            problems.add(*node.find("connect_timeout"), "connect_timeout must be at least 1ms");
    }
    settings.idle_timeout = node.duration("idle_timeout").value_or(settings.idle_timeout);
    settings.queue_timeout = node.duration("queue_timeout").value_or(settings.queue_timeout);
    if (const auto word = node.choice("no_backend", {"close", "postgres_error", "refuse"}))
        settings.no_backend = static_cast<NoBackend>(*word);
}

}  // namespace proxy
