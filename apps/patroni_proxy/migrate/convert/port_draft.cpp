#include "patroni_proxy/migrate/convert/port_draft.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <set>

#include "daemon/text/utf8.h"
#include "haproxy/model/secret.h"
#include "haproxy/model/time.h"
#include "patroni_proxy/migrate/report/directives.h"

namespace proxy::migrate {
namespace {

using haproxy::Statement;

std::string comment_of(const Statement& statement) {
    return statement.place.text() + ": " + daemons::one_line(haproxy::shown(statement), 100);
}

/// A tag's value as it would stand in patroni.yml.
std::string tag_text(const std::string& value) {
    const bool plain = !value.empty() && std::all_of(value.begin(), value.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '.' || c == '-';
    });
    return plain && value.front() != '-' ? value : yaml_scalar(value);
}

class PortDrafter {
  public:
    PortDrafter(const PortPlan& plan, const std::string& cluster_key, Ledger& ledger)
        : plan_(plan), cluster_key_(cluster_key), ledger_(ledger) {}

    PortDraft draft() {
        port_.name = plan_.frontend->name;
        port_.comment = plan_.frontend->section->place.text() + ": " +
                        plan_.frontend->section->kind + " " + plan_.frontend->name;
        add_listen();
        add_roles();
        add_limits();
        add_timeouts();
        report_mode();
        report_balance();
        report_check();
        report_start();
        report_servers(*plan_.backend.proxy, plan_.backend.check, plan_.backend.role.leader_only(),
                       ledger_);
        return std::move(port_);
    }

  private:
    void add(const std::string& key, const std::string& value, const std::string& comment) {
        port_.settings.push_back({key, value, comment});
    }

    void add_listen() {
        port_.listen = plan_.listen.addresses;
        std::vector<std::string> addresses;
        for (const auto& address : plan_.listen.addresses)
            addresses.push_back(yaml_scalar(address));
        add("listen", addresses.size() == 1 ? addresses.front() : list_of(addresses),
            plan_.listen.comment);
        if (!plan_.listen.mode.empty())
            add("listen_mode", plan_.listen.mode, plan_.listen.mode_comment);
        if (!plan_.listen.accepts_proxy.empty()) {
            add("proxy_protocol", "required", plan_.listen.accepts_proxy);
            add("proxy_protocol_from", R"(["0.0.0.0/0", "::/0"])",
                "as HAProxy; name the balancers in front instead");
        }
        if (plan_.rules.allow.empty())
            return;
        std::vector<std::string> networks;
        for (const auto& network : plan_.rules.allow)
            networks.push_back(yaml_scalar(network));
        add("allow", list_of(networks), comment_of(*plan_.rules.allow_line));
    }

    void add_roles() {
        const auto& role = plan_.backend.role;
        add("roles", list_of(role.roles), comment_of(*role.line));
        if (plan_.backend.servers.host_port)
            add("host_port", std::to_string(*plan_.backend.servers.host_port),
                plan_.backend.servers.host_port_comment);
        else
            ledger_.add(plan_.backend.proxy->section->place,
                        plan_.backend.proxy->section->kind + " " + plan_.backend.proxy->name,
                        Outcome::changed,
                        "its servers have no port in common that is known here: sessions go to the "
                        "port that Patroni tells for each member");
        if (!plan_.backend.servers.send_proxy.empty())
            add("send_proxy", plan_.backend.servers.send_proxy,
                plan_.backend.servers.send_proxy_comment);
        add_fallback();
        if (!role.max_lag.empty()) {
            add("max_lag_in_bytes", role.max_lag, comment_of(*role.line));
            add("lag_source", "live", "as Patroni's own check: what the replica has replayed");
        }
        if (!role.tags.empty()) {
            std::vector<std::string> tags;
            for (const auto& [tag, value] : role.tags)
                tags.push_back(key_of(tag) + ": " + tag_text(value));
            const std::string list = list_of(tags);
            add("tags", "{" + list.substr(1, list.size() - 2) + "}", comment_of(*role.line));
        }
        if (role.streaming)
            add("replication_state", "streaming", comment_of(*role.line));
    }

    void add_fallback() {
        const auto* line = plan_.rules.fallback_line;
        if (!line)
            return;
        if (!plan_.fallback || plan_.fallback->role.roles.empty() ||
            plan_.fallback->servers.key != cluster_key_) {
            ledger_.add(*line, Outcome::not_carried,
                        "fallback_roles are roles of the same cluster; the backend '" +
                            plan_.rules.fallback + "' has other servers, or no role");
            return;
        }
        std::vector<std::string> roles;
        const auto& own = plan_.backend.role.roles;
        for (const auto& role : plan_.fallback->role.roles)
            if (std::find(own.begin(), own.end(), role) == own.end())
                roles.push_back(role);
        if (roles.empty() || own.front() == "any") {
            ledger_.add(*line, Outcome::not_needed, "roles has these members already");
            return;
        }
        add("fallback_roles", list_of(roles), comment_of(*line));
        ledger_.add(*line, Outcome::carried, "fallback_roles");
    }

    void add_limits() {
        if (const auto* line = plan_.frontend->last({"maxconn"})) {
            const std::string& count = line->word(1);
            if (!count.empty() && count.size() <= 9 &&
                count.find_first_not_of("0123456789") == std::string::npos &&
                std::stoul(count) != 0) {
                add("max_connections", std::to_string(std::stoul(count)), comment_of(*line));
                ledger_.add(*line, Outcome::changed,
                            waits()
                                ? "max_connections: further clients wait in the kernel's queue for "
                                  "as long as they like; here they are held, for queue_timeout at "
                                  "most"
                                : "max_connections: further clients wait in the kernel's queue; "
                                  "here they are refused, unless you set queue_timeout");
            } else {
                ledger_.add(*line, Outcome::not_carried, "its value cannot be read");
            }
        }
        const auto& servers = plan_.backend.servers;
        if (servers.max_connections)
            add("max_connections_per_backend", std::to_string(*servers.max_connections),
                servers.max_connections_comment);
    }

    /// Nothing for none, and for 0.
    static std::optional<std::chrono::milliseconds> time_of(const Statement* line) {
        const auto time = line ? haproxy::parse_time(line->word(2)) : std::nullopt;
        return time && time->count() > 0 ? time : std::nullopt;
    }

    /// How long clients wait for a place: where no `timeout queue` says so, HAProxy takes the time
    /// for a connect.
    [[nodiscard]] const Statement* waiting_time() const {
        const auto& backend = *plan_.backend.proxy;
        const auto* queue = backend.last({"timeout", "queue"});
        if (time_of(queue))
            return queue;
        const auto* connect = backend.last({"timeout", "connect"});
        const bool limited =
            plan_.backend.servers.max_connections || plan_.frontend->last({"maxconn"});
        return limited && time_of(connect) ? connect : nullptr;
    }

    [[nodiscard]] bool waits() const { return waiting_time() != nullptr; }

    void add_timeouts() {
        const auto& backend = *plan_.backend.proxy;
        const auto* connect = backend.last({"timeout", "connect"});
        if (const auto time = time_of(connect)) {
            add("connect_timeout", duration_text(time->count()), comment_of(*connect));
            ledger_.add(*connect, Outcome::carried,
                        "connect_timeout; the next member is tried after 250 ms already");
        }
        add_idle(backend);
        if (const auto* line = waiting_time(); line && line != connect) {
            add("queue_timeout", duration_text(time_of(line)->count()), comment_of(*line));
            ledger_.add(*line, Outcome::changed,
                        "queue_timeout: as in HAProxy, clients wait for a place while maxconn is "
                        "reached; here they also wait while no member may serve them, as during a "
                        "switchover");
        } else if (line) {
            add("queue_timeout", duration_text(time_of(line)->count()),
                comment_of(*line) + ", which is also how long clients wait for maxconn");
        }
    }

    void add_idle(const haproxy::Proxy& backend) {
        const auto* tunnel = backend.last({"timeout", "tunnel"});
        const auto* client = plan_.frontend->last({"timeout", "client"});
        const auto* server = backend.last({"timeout", "server"});
        const Statement* chosen = nullptr;
        if (time_of(tunnel)) {
            chosen = tunnel;
        } else {
            for (const auto* line : {client, server})
                if (time_of(line) && (!chosen || *time_of(line) < *time_of(chosen)))
                    chosen = line;
        }
        if (!chosen)
            return;
        const std::string text = duration_text(time_of(chosen)->count());
        add("idle_timeout", text, comment_of(*chosen));
        for (const auto* line : {client, server, tunnel})
            if (line)
                ledger_.add(*line, Outcome::changed,
                            "idle_timeout: patroni_proxy has one for both directions, the smaller "
                            "one (" +
                                text +
                                ") here; a session ends when no byte has moved for "
                                "this long, at most a quarter later");
    }

    void report_mode() {
        for (const auto* proxy : {plan_.frontend, plan_.backend.proxy})
            if (const auto* line = proxy->last({"mode"}); line && line->word(1) != "tcp")
                ledger_.add(*line, Outcome::changed,
                            "HAProxy would look for HTTP in what a client of PostgreSQL sends; "
                            "patroni_proxy passes all bytes on");
    }

    void report_start() {
        for (const auto& server : plan_.backend.proxy->servers)
            if (server.find("disabled"))
                return;
        ledger_.add(plan_.backend.proxy->section->place,
                    plan_.backend.proxy->section->kind + " " + plan_.backend.proxy->name,
                    Outcome::changed,
                    "after a start and after a reload HAProxy takes every server for UP until its "
                    "first checks have failed; patroni_proxy sends nobody to a member that has not "
                    "proved its role");
    }

    void report_balance() {
        const auto& backend = *plan_.backend.proxy;
        const auto* line = backend.last({"balance"});
        const bool leader = plan_.backend.role.leader_only();
        const std::string way = line ? line->word(1) : "";
        const std::string fewest = "the member with the fewest sessions gets the next one, always";
        if (leader) {
            if (line)
                ledger_.add(*line, Outcome::not_needed, "one member at a time serves writes");
        } else if (!line) {
            ledger_.add(backend.section->place, backend.section->kind + " " + backend.name,
                        Outcome::changed,
                        "without 'balance' HAProxy goes round (before 3.3) or chooses at random "
                        "(since); here " +
                            fewest);
        } else if (way == "leastconn") {
            ledger_.add(*line, Outcome::carried, fewest);
        } else if (way == "roundrobin" || way == "static-rr" || way.starts_with("random")) {
            ledger_.add(*line, Outcome::changed, fewest);
        } else {
            ledger_.add(*line, Outcome::not_carried,
                        "a client is not bound to a member; " + fewest);
        }
    }

    void report_check() {
        const auto& check = plan_.backend.check;
        for (const auto& remark : plan_.backend.role.remarks)
            ledger_.add(*remark.line, remark.outcome, remark.why);
        for (const auto* line : check.overridden)
            ledger_.add(*line, Outcome::not_needed, "a later line overrides it");
        for (const auto* line : check.replaced)
            if (!ledger_.has(*line))
                ledger_.add(*line, Outcome::not_needed,
                            "the section has check rules of its own, which replace those of its "
                            "defaults");
        for (const auto* line : check.used)
            if (!ledger_.has(*line))
                ledger_.add(*line, Outcome::carried, "roles");
        if (!plan_.backend.servers.cuts_sessions)
            ledger_.add(plan_.backend.proxy->section->place,
                        plan_.backend.proxy->section->kind + " " + plan_.backend.proxy->name,
                        Outcome::changed,
                        "without 'on-marked-down shutdown-sessions' HAProxy leaves sessions on a "
                        "member that has lost its role; patroni_proxy ends them");
    }

    const PortPlan& plan_;
    const std::string& cluster_key_;
    Ledger& ledger_;
    PortDraft port_;
};

void add_hosts(const PortPlan& first, const std::vector<std::string>& hosts, ClusterDraft& cluster,
               Ledger& ledger) {
    const auto& servers = first.backend.servers;
    cluster.hosts = servers.hosts;
    if (!servers.unknown_hosts && !cluster.hosts.empty())
        return;
    for (const auto& host : hosts)
        cluster.hosts.push_back({"", yaml_scalar(host), "--host"});
    if (!cluster.hosts.empty())
        return;
    cluster.hosts.push_back(
        {"",
         yaml_scalar(servers.unknown_url.empty() ? "http://CHANGE-ME:8008" : servers.unknown_url),
         "replace it: the REST API of at least one member"});
    ledger.add(first.backend.proxy->section->place, "server ...", Outcome::not_carried,
               "the members' addresses are not in this file: name the REST API of one or more with "
               "--host, or replace CHANGE-ME");
}

}  // namespace

ClusterDraft draft_cluster(const std::vector<PortPlan>& ports, const std::string& name,
                           const std::vector<std::string>& hosts, Ledger& ledger) {
    ClusterDraft cluster;
    cluster.name = name;
    add_hosts(ports.front(), hosts, cluster, ledger);
    std::vector<std::string> tls;
    for (const auto& [key, value] : ports.front().backend.servers.tls)
        tls.push_back(std::string(key).append(": ").append(value));
    if (!tls.empty()) {
        const std::string list = list_of(tls);
        cluster.settings.push_back({"tls", "{" + list.substr(1, list.size() - 2) + "}",
                                    ports.front().backend.servers.tls_comment});
    }
    const auto& prefer = ports.front().backend.servers.resolve_prefer;
    if (prefer == "ipv4" || prefer == "ipv6")
        cluster.settings.push_back({"resolve_prefer", prefer, "resolve-prefer"});
    std::set<std::string> names;
    for (const auto& port : ports) {
        cluster.ports.push_back(
            PortDrafter(port, ports.front().backend.servers.key, ledger).draft());
        std::string& own = cluster.ports.back().name;
        const std::string base = own;
        for (int number = 2; !names.insert(own).second; ++number)
            own = base + std::to_string(number);
    }
    return cluster;
}

}  // namespace proxy::migrate
