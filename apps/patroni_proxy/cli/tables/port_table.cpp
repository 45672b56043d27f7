#include "daemon/text/words.h"
#include "patroni_proxy/cli/tables/tables.h"
#include "patroni_proxy/report/setting_text.h"

namespace proxy::cli {
namespace {

using daemons::joined;

/// What a new client meets.
Cell serves_cell(const ClusterReport& cluster, const PortReport& port) {
    const auto* const closed = closed_by(port);
    const bool waits = closed && closed->setting == "hold";
    if (closed && !waits)
        return {participle_of(*closed), Colour::bad};
    std::vector<std::string> members;
    bool any_reachable = false;
    for (const auto& member : port.members) {
        if (member.standing != patroni::Standing::eligible)
            continue;
        any_reachable |= member.unreachable.empty();
        members.push_back(member.member + (!member.unreachable.empty() ? " (unreachable)"
                                           : is_full(cluster, port, member.member) ? " (full)"
                                                                                   : ""));
    }
    const std::string begin = waits ? participle_of(*closed) + ", then " : "";
    if (members.empty())
        return {begin + "nobody", Colour::bad};
    return {begin + (port.falls_back ? "fallback: " : "") + joined(members),
            !any_reachable             ? Colour::bad
            : waits || port.falls_back ? Colour::warning
                                       : Colour::good};
}

std::string roles_text(const PortReport& port) {
    return joined(port.roles) +
           (port.fallback_roles.empty() ? "" : ", else " + joined(port.fallback_roles));
}

std::vector<Cell> row_of(const ClusterReport& cluster, const PortReport& port) {
    std::uint64_t refused = 0;
    for (const auto& [reason, count] : port.refused)
        refused += count;
    const std::string limit =
        port.max_connections == 0 ? "" : "/" + std::to_string(port.max_connections);
    return {port.name,
            joined(port.listen),
            roles_text(port),
            serves_cell(cluster, port),
            std::to_string(port.sessions) + limit,
            {std::to_string(port.queued), port.queued == 0 ? Colour::none : Colour::warning},
            std::to_string(refused)};
}

}  // namespace

std::vector<Table> port_tables(const ProxyReport& report) {
    using Kind = Column::Kind;
    std::vector<Table> tables;
    for (const auto& cluster : report.clusters) {
        Table table;
        table.title = "Cluster: " + cluster.name;
        table.columns = {{"Port"},
                         {"Listen", Kind::prose},
                         {"Roles"},
                         {"Serves"},
                         {"Sessions", Kind::number},
                         {"Held", Kind::number},
                         {"Refused", Kind::number}};
        for (const auto& port : cluster.ports) {
            table.rows.push_back(row_of(cluster, port));
            for (const auto& setting : port.operator_settings)
                table.notes.push_back(
                    {setting_text(cluster.name, setting, daemons::TimeZone::local),
                     Colour::warning});
        }
        for (const auto& setting : cluster.operator_settings)
            table.notes.push_back(
                {setting_text(cluster.name, setting, daemons::TimeZone::local), Colour::warning});
        tables.push_back(std::move(table));
    }
    if (!tables.empty() && !report.why_not_ready.empty())
        tables.back().notes.push_back(
            {"patroni_proxy serves nobody: " + report.why_not_ready, Colour::bad});
    return tables;
}

}  // namespace proxy::cli
