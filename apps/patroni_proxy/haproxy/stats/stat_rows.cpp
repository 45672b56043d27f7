#include "patroni_proxy/haproxy/stats/stat_rows.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace proxy::haproxy {
namespace {

using patroni::Standing;
using Counts = std::map<std::string, std::uint64_t>;

std::uint64_t count_of(const Counts& counts, const char* reason) {
    const auto found = counts.find(reason);
    return found == counts.end() ? 0 : found->second;
}

/// A port's traffic, on one member or on all.
struct Traffic {
    std::uint64_t now = 0;
    std::uint64_t total = 0;
    std::uint64_t from_client = 0;
    std::uint64_t from_backend = 0;
    std::uint64_t connect_failures = 0;
    std::uint64_t client_failed = 0;
    std::uint64_t backend_failed = 0;
    double rate = 0;
    std::uint64_t rate_max = 0;
    base::Histogram<ConnectScale> connect_time;

    void add(const MemberTraffic& traffic) {
        now += traffic.sessions;
        total += traffic.sessions_total;
        from_client += traffic.bytes_from_client;
        from_backend += traffic.bytes_from_backend;
        connect_failures += traffic.connect_failures;
        client_failed += count_of(traffic.ended, "client_failed");
        backend_failed += count_of(traffic.ended, "backend_failed");
        rate += traffic.rate;
        rate_max += traffic.most_per_second;
        connect_time += traffic.connect_time;
    }
};

/// At the time of the report.
std::uint64_t seconds_since(const ProxyReport& report, double unix_time) {
    return static_cast<std::uint64_t>(std::max(0.0, report.started_at + report.uptime - unix_time));
}

/// A port as HAProxy's tools see it, and what its rows are made from.
struct Subject {
    const ProxyReport& report;
    const ClusterReport& cluster;
    const PortReport& port;
    unsigned id;
};

void set(StatRow& row, std::string_view column, std::uint64_t value) {
    row.values[column] = std::to_string(value);
}

void set(StatRow& row, std::string_view column, std::string value) {
    row.values[column] = std::move(value);
}

StatRow row_of(const Subject& of, RowKind kind, std::string server, unsigned server_id) {
    StatRow row;
    row.kind = kind;
    row.proxy = haproxy_name(of.cluster.name) + ':' + haproxy_name(of.port.name);
    row.server = std::move(server);
    row.proxy_id = of.id;
    row.server_id = server_id;
    row.cluster = of.cluster.name;
    row.port = of.port.name;
    set(row, "pid", 1);
    set(row, "mode", "tcp");
    return row;
}

/// Counters since the start of the process, in rows of every kind.
void set_traffic(StatRow& row, const Traffic& traffic) {
    set(row, "scur", traffic.now);
    set(row, "stot", traffic.total);
    set(row, "bin", traffic.from_client);
    set(row, "bout", traffic.from_backend);
    set(row, "rate", static_cast<std::uint64_t>(std::lround(traffic.rate)));
    set(row, "rate_max", traffic.rate_max);
}

/// In milliseconds, as in HAProxy, but since the start of the process.
std::uint64_t average(double seconds, std::uint64_t count) {
    return count == 0 ? 0
                      : static_cast<std::uint64_t>(
                            std::llround(1000 * seconds / static_cast<double>(count)));
}

/// HAProxy counts as down what gets no traffic because of its checks or of maintenance.
void set_changes(StatRow& row, const ProxyReport& report, const std::optional<double>& since,
                 const std::optional<double>& down_for) {
    if (since)
        set(row, "lastchg", seconds_since(report, *since));
    if (down_for)
        set(row, "downtime", static_cast<std::uint64_t>(*down_for));
}

void set_backend_side(StatRow& row, const Traffic& traffic) {
    set_traffic(row, traffic);
    set(row, "lbtot", traffic.total);
    set(row, "econ", traffic.connect_failures);
    set(row, "eresp", 0);
    set(row, "wretr", 0);
    set(row, "wredis", 0);
    set(row, "dresp", 0);
    set(row, "cli_abrt", traffic.client_failed);
    set(row, "srv_abrt", traffic.backend_failed);
    set(row, "ctime", average(traffic.connect_time.sum, traffic.connect_time.total()));
    // The first two are measured per port; HAProxy itself has no response time of TCP.
    for (const auto* column : {"qtime", "ttime", "rtime"})
        set(row, column, 0);
}

/// In the words of an operator of HAProxy.
struct Status {
    const char* word;       ///< of the column `status`
    const char* check;      ///< `check_status`
    bool serves = false;    ///< new sessions
    const char* code = "";  ///< `check_code`, as of HTTP health checks
};

const MemberReport* find(const ClusterReport& cluster, const std::string& member) {
    const auto found = std::find_if(cluster.members.begin(), cluster.members.end(),
                                    [&](const MemberReport& each) { return each.name == member; });
    return found == cluster.members.end() ? nullptr : &*found;
}

/// MAINT: the member runs but does not belong to this port, such as a healthy standby on the
/// leader's port. DOWN: somebody should look at it.
Status status_of(const MemberStanding& standing, const MemberReport* member) {
    switch (standing.standing) {
        case Standing::eligible:
            return standing.unreachable.empty() ? Status{"UP", "L7OK", true, "200"}
                                                : Status{"DOWN", "L4CON"};
        case Standing::tolerated:
            return {"DRAIN", "L7STS", false, "503"};
        case Standing::out:
            break;
    }
    return member && member->up ? Status{"MAINT", "L7STS", false, "503"}
                                : Status{"DOWN", "L7STS", false, "503"};
}

/// What an operator has set for a member on this port; null if there is nothing.
const OperatorReport* find_setting(const Subject& of, std::string_view setting,
                                   const std::string& member) {
    for (const auto* settings : {&of.port.operator_settings, &of.cluster.operator_settings})
        for (const auto& each : *settings)
            if (each.setting == setting && each.member == member &&
                (each.port.empty() || each.port == of.port.name))
                return &each;
    return nullptr;
}

StatRow server_row(const Subject& of, const MemberStanding& standing, unsigned server_id) {
    StatRow row = row_of(of, RowKind::server, haproxy_name(standing.member), server_id);
    row.member = standing.member;
    Traffic traffic;
    for (const auto& each : of.port.traffic)
        if (each.member == standing.member)
            traffic.add(each);
    set_backend_side(row, traffic);
    const MemberReport* member = find(of.cluster, standing.member);
    Status status = status_of(standing, member);
    // As in HAProxy, what an operator says comes before what checks say.
    if (const auto* drain = find_setting(of, "drain", standing.member))
        status = {drain->maintenance ? "MAINT" : "DRAIN", "L7STS", false, "503"};
    const bool backup = status.serves && of.port.falls_back;
    set(row, "qcur", 0);
    set(row, "status", status.word);
    if (const auto* cap = find_setting(of, "cap", standing.member); cap && cap->sessions)
        set(row, "slim", *cap->sessions);
    set(row, "weight", 1);
    set(row, "uweight", 1);
    set(row, "act", backup ? 0 : 1);
    set(row, "bck", backup ? 1 : 0);
    set_changes(row, of.report, standing.since, standing.down_for);
    set(row, "check_status", status.check);
    set(row, "check_code", status.code);
    const std::string& why = standing.unreachable.empty() ? standing.reason : standing.unreachable;
    set(row, "check_desc", why);
    set(row, "last_chk", why);
    set(row, "addr", standing.address);
    return row;
}

Traffic all_traffic(const PortReport& port) {
    Traffic all;
    for (const auto& each : port.traffic)
        all.add(each);
    return all;
}

/// Those that were given a member, and those that were refused.
std::uint64_t clients_of(const PortReport& port, const Traffic& traffic) {
    return std::accumulate(
        port.refused.begin(), port.refused.end(), traffic.total,
        [](std::uint64_t sum, const auto& refused) { return sum + refused.second; });
}

StatRow frontend_row(const Subject& of) {
    StatRow row = row_of(of, RowKind::frontend, "FRONTEND", 0);
    Traffic traffic = all_traffic(of.port);
    traffic.now = of.port.sessions;
    traffic.total = clients_of(of.port, traffic);
    set_traffic(row, traffic);
    const auto limit =
        of.port.max_connections ? of.port.max_connections : of.report.max_connections;
    if (limit != 0)
        set(row, "slim", limit);
    set(row, "conn_tot", traffic.total);
    set(row, "conn_rate", static_cast<std::uint64_t>(std::lround(traffic.rate)));
    set(row, "conn_rate_max", traffic.rate_max);
    set(row, "status", find_setting(of, "disable", {}) ? "STOP" : "OPEN");
    set(row, "dreq", 0);
    set(row, "dresp", 0);
    set(row, "ereq", 0);
    set(row, "dcon", count_of(of.port.refused, "not_allowed"));
    set(row, "dses",
        count_of(of.port.refused, "port_full") + count_of(of.port.refused, "proxy_full") +
            count_of(of.port.refused, "queue_full"));
    return row;
}

StatRow backend_row(const Subject& of, const std::vector<StatRow>& servers) {
    StatRow row = row_of(of, RowKind::backend, "BACKEND", 0);
    Traffic traffic = all_traffic(of.port);
    // As in HAProxy, a client that found no server is a failed connection of the backend.
    traffic.connect_failures +=
        count_of(of.port.refused, "no_backend") + count_of(of.port.refused, "queue_timeout");
    set_backend_side(row, traffic);
    const auto serving = static_cast<std::uint64_t>(
        std::count_if(servers.begin(), servers.end(),
                      [](const StatRow& server) { return server.value("status") == "UP"; }));
    set(row, "qcur", of.port.queued);
    // As in HAProxy, a client that was not held counts as well.
    set(row, "qtime", average(of.port.held_time.sum, clients_of(of.port, traffic)));
    set(row, "ttime", average(of.port.session_time.sum, of.port.session_time.total()));
    set(row, "status", serving == 0 ? "DOWN" : "UP");
    set(row, "weight", serving);
    set(row, "uweight", serving);
    set(row, "act", of.port.falls_back ? 0 : serving);
    set(row, "bck", of.port.falls_back ? serving : 0);
    set_changes(row, of.report, of.port.since, of.port.down_for);
    set(row, "dreq", 0);
    set(row, "algo", "leastconn");
    return row;
}

/// The port's members, and former members with counters or sessions.
std::vector<MemberStanding> servers_of(const PortReport& port) {
    std::vector<MemberStanding> servers = port.members;
    for (const auto& traffic : port.traffic) {
        const bool known = std::any_of(servers.begin(), servers.end(), [&](const auto& server) {
            return server.member == traffic.member;
        });
        if (!known)
            servers.push_back({traffic.member, Standing::out, "no longer in Patroni's answer"});
    }
    return servers;
}

}  // namespace

const std::string& StatRow::value(std::string_view column) const {
    static const std::string empty;
    const auto found = values.find(column);
    return found == values.end() ? empty : found->second;
}

std::vector<StatRow> stat_rows(const ProxyReport& report) {
    std::vector<StatRow> rows;
    unsigned proxy_id = 2;
    for (const auto& cluster : report.clusters)
        for (const auto& port : cluster.ports) {
            const Subject subject{report, cluster, port, proxy_id++};
            rows.push_back(frontend_row(subject));
            std::vector<StatRow> servers;
            for (const auto& standing : servers_of(port))
                servers.push_back(
                    server_row(subject, standing, static_cast<unsigned>(servers.size() + 1)));
            StatRow backend = backend_row(subject, servers);
            std::move(servers.begin(), servers.end(), std::back_inserter(rows));
            rows.push_back(std::move(backend));
        }
    return rows;
}

std::string haproxy_name(std::string_view name) {
    std::string allowed(name);
    for (char& letter : allowed) {
        const bool is_allowed = (letter >= 'a' && letter <= 'z') ||
                                (letter >= 'A' && letter <= 'Z') ||
                                (letter >= '0' && letter <= '9') ||
                                std::string_view("-_.:").find(letter) != std::string_view::npos;
        if (!is_allowed)
            letter = '_';
    }
    return allowed;
}

}  // namespace proxy::haproxy
