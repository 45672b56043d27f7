#include <algorithm>
#include <cctype>

#include "daemon/text/units.h"
#include "daemon/text/words.h"
#include "patroni_proxy/cli/tables/tables.h"
#include "patroni_proxy/report/setting_text.h"

namespace proxy::cli {
namespace {

using daemons::joined;

constexpr std::uint64_t kMegabyte = 1024 * 1024;
/// Seconds. A poll interval is far shorter, so an older answer deserves a line.
constexpr double kOldAnswer = 30;

/// "sync_standby" as patronictl writes it: "Sync Standby".
std::string role_text(std::string role) {
    bool begins = true;
    for (char& c : role) {
        if (c == '_')
            c = ' ';
        else if (begins)
            c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
        begins = c == ' ';
    }
    return role;
}

Cell lag_cell(const MemberReport& member) {
    if (member.leads || member.role == "leader" || member.role == "standby_leader")
        return "";
    if (!member.lag)
        return {"unknown", Colour::warning};
    return std::to_string((*member.lag + kMegabyte / 2) / kMegabyte);
}

/// Why clients of the port do not get to the member although it is eligible.
std::string doubt_of(const ClusterReport& cluster, const PortReport& port,
                     const MemberStanding& member) {
    if (!member.unreachable.empty())
        return " (unreachable)";
    if (const auto* const closed = closed_by(port))
        return " (" + participle_of(*closed) + ")";
    return is_full(cluster, port, member.member) ? " (full)" : "";
}

std::string ports_served_by(const ClusterReport& cluster, const std::string& member) {
    std::vector<std::string> ports;
    for (const auto& port : cluster.ports)
        for (const auto& each : port.members)
            if (each.member == member && each.standing == patroni::Standing::eligible)
                ports.push_back(port.name + doubt_of(cluster, port, each));
    return joined(ports);
}

std::string tags_text(const MemberReport& member) {
    std::vector<std::string> tags;
    for (const auto& [name, value] : member.tags)
        tags.push_back(std::string(name).append(": ").append(value));
    return joined(tags);
}

std::vector<Cell> row_of(const ClusterReport& cluster, const MemberReport& member,
                         bool with_ports) {
    const std::string port =
        with_ports ? ":" + (member.port ? std::to_string(*member.port) : "?") : "";
    return {{member.name, member.leads ? Colour::good : Colour::none},
            member.host + (member.host.empty() ? "" : port),
            {role_text(member.role), member.leads ? Colour::good : Colour::none},
            {member.state, member.up ? Colour::none : Colour::bad},
            member.timeline ? std::to_string(*member.timeline) : "",
            lag_cell(member),
            std::to_string(sessions_of(cluster, member.name)),
            ports_served_by(cluster, member.name),
            tags_text(member)};
}

/// Leaves out a column that is empty in every row.
void drop_column_if_empty(Table& table, std::size_t column) {
    const auto empty = [&](const std::vector<Cell>& row) { return row[column].text.empty(); };
    if (!std::all_of(table.rows.begin(), table.rows.end(), empty))
        return;
    const auto at = static_cast<std::ptrdiff_t>(column);
    table.columns.erase(table.columns.begin() + at);
    for (auto& row : table.rows)
        row.erase(row.begin() + at);
}

Table table_of(const ClusterReport& cluster) {
    using Kind = Column::Kind;
    Table table;
    table.title = "Cluster: " + cluster.name;
    table.columns = {{"Member"},
                     {"Host"},
                     {"Role"},
                     {"State"},
                     {"TL", Kind::number},
                     {"Lag in MB", Kind::number},
                     {"Sessions", Kind::number},
                     {"Serves"},
                     {"Tags", Kind::prose}};
    const bool with_ports =
        std::any_of(cluster.members.begin(), cluster.members.end(),
                    [](const MemberReport& member) { return member.port.value_or(5432) != 5432; });
    for (const auto& member : cluster.members)
        table.rows.push_back(row_of(cluster, member, with_ports));
    drop_column_if_empty(table, 8);
    return table;
}

void add_notes(Table& table, const ClusterReport& cluster) {
    if (cluster.leader.empty())
        table.notes.push_back(
            {"No leader" + (cluster.leader_reason.empty() ? "" : ": " + cluster.leader_reason),
             Colour::bad});
    if (cluster.paused)
        table.notes.push_back({"Maintenance mode: on", Colour::warning});
    if (!cluster.answer_age)
        table.notes.push_back({"Patroni has not answered yet", Colour::bad});
    else if (*cluster.answer_age > kOldAnswer)
        table.notes.push_back(
            {"Patroni has not answered for " + daemons::duration_text(*cluster.answer_age),
             Colour::bad});
    if (!cluster.polls.last_error.empty())
        table.notes.push_back({"Last poll: " + cluster.polls.last_error, Colour::warning});
    for (const auto& setting : cluster.operator_settings)
        if (setting.setting != "freeze")  // a warning says so already
            table.notes.push_back(
                {setting_text(cluster.name, setting, daemons::TimeZone::local), Colour::warning});
    for (const auto& warning : cluster.warnings)
        table.notes.push_back({"Warning: " + warning, Colour::warning});
}

}  // namespace

std::vector<Table> member_tables(const ProxyReport& report) {
    std::vector<Table> tables;
    for (const auto& cluster : report.clusters) {
        tables.push_back(table_of(cluster));
        add_notes(tables.back(), cluster);
    }
    return tables;
}

std::optional<std::uint32_t> cap_of(const ClusterReport& cluster, const std::string& member) {
    for (const auto& setting : cluster.operator_settings)
        if (setting.setting == "cap" && setting.member == member)
            return setting.sessions;
    return std::nullopt;
}

bool is_full(const ClusterReport& cluster, const PortReport& port, const std::string& member) {
    const std::uint64_t sessions = sessions_of(cluster, member);
    const std::uint64_t limit = port.max_connections_per_backend;
    const auto cap = cap_of(cluster, member);
    return (limit != 0 && sessions >= limit) || (cap && sessions >= *cap);
}

std::uint64_t sessions_of(const ClusterReport& cluster, const std::string& member) {
    std::uint64_t sessions = 0;
    for (const auto& port : cluster.ports)
        for (const auto& traffic : port.traffic)
            if (traffic.member == member)
                sessions += traffic.sessions;
    return sessions;
}

}  // namespace proxy::cli
