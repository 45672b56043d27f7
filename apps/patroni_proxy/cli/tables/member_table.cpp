#include <algorithm>
#include <array>
#include <cctype>
#include <ctime>
#include <map>

#include "patroni_proxy/cli/tables/tables.h"

namespace proxy::cli {
namespace {

constexpr std::uint64_t kMegabyte = 1024 * 1024;
/// Older answers of Patroni are worth a line: a poll interval is a few seconds.
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

/// Local time; nothing for what is no time.
std::string time_text(double unix_time) {
    constexpr double kMax = 1e11;  // in the year 5138
    if (!(unix_time > 0 && unix_time < kMax))
        return "?";
    const auto time = static_cast<std::time_t>(unix_time);
    std::tm local{};
    ::localtime_r(&time, &local);
    std::array<char, 32> text{};
    return {text.data(), std::strftime(text.data(), text.size(), "%F %T", &local)};
}

Cell lag_cell(const MemberReport& member) {
    if (member.leads || member.role == "leader" || member.role == "standby_leader")
        return "";
    if (!member.lag)
        return {"unknown", Colour::warning};
    return std::to_string((*member.lag + kMegabyte / 2) / kMegabyte);
}

std::string ports_served_by(const ClusterReport& cluster, const std::string& member) {
    std::vector<std::string> ports;
    for (const auto& port : cluster.ports)
        for (const auto& each : port.members)
            if (each.member == member && each.standing == patroni::Standing::eligible)
                ports.push_back(port.name + (each.unreachable.empty() ? "" : " (unreachable)"));
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

/// A column in which no row has anything is left out.
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
            {"Patroni has not answered for " + duration_text(*cluster.answer_age), Colour::bad});
    if (!cluster.polls.last_error.empty())
        table.notes.push_back({"Last poll: " + cluster.polls.last_error, Colour::warning});
    for (const auto& setting : cluster.operator_settings)
        table.notes.push_back({setting_text(cluster.name, setting), Colour::warning});
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

std::uint64_t sessions_of(const ClusterReport& cluster, const std::string& member) {
    std::uint64_t sessions = 0;
    for (const auto& port : cluster.ports)
        for (const auto& traffic : port.traffic)
            if (traffic.member == member)
                sessions += traffic.sessions;
    return sessions;
}

std::string setting_text(const std::string& cluster, const OperatorReport& setting) {
    static const std::map<std::string, std::string> kParticiples{{"drain", "drained"},
                                                                 {"cap", "capped"},
                                                                 {"hold", "held"},
                                                                 {"disable", "disabled"},
                                                                 {"freeze", "frozen"}};
    const auto known = kParticiples.find(setting.setting);
    const std::string& subject = !setting.member.empty() ? setting.member
                                 : !setting.port.empty() ? setting.port
                                                         : cluster;
    return subject + " is " + (known == kParticiples.end() ? setting.setting : known->second) +
           " by " + setting.by + " since " + time_text(setting.since) +
           (setting.until ? ", until " + time_text(*setting.until) : "") +
           (setting.why.empty() ? "" : ": " + setting.why);
}

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& word : words)
        text += (text.empty() ? "" : ", ") + word;
    return text;
}

std::string duration_text(double seconds) {
    struct Unit {
        const char* name;
        std::uint64_t length;
    };
    constexpr std::array kUnits{Unit{" d", 86'400}, Unit{" h", 3'600}, Unit{" min", 60},
                                Unit{" s", 1}};
    constexpr double kLongest = 1e9;  // 31 years, and what is no number
    auto left = static_cast<std::uint64_t>(seconds > 0 && seconds < kLongest ? seconds
                                           : seconds >= kLongest             ? kLongest
                                                                             : 0);
    for (std::size_t i = 0; i < kUnits.size(); ++i) {
        const auto [name, length] = kUnits.at(i);
        if (left < length && length > 1)
            continue;
        std::string text = std::to_string(left / length) + name;
        left %= length;
        if (left > 0 && left >= kUnits.at(i + 1).length)
            text += " " + std::to_string(left / kUnits.at(i + 1).length) + kUnits.at(i + 1).name;
        return text;
    }
    return "0 s";
}

std::string bytes_text(std::uint64_t bytes) {
    constexpr std::array kUnits{"kB", "MB", "GB", "TB"};
    if (bytes < 10 * 1024)
        return std::to_string(bytes) + " B";
    std::size_t unit = 0;
    bytes /= 1024;
    while (bytes >= 10 * 1024 && unit + 1 < kUnits.size()) {
        bytes /= 1024;
        ++unit;
    }
    return std::to_string(bytes) + " " + kUnits.at(unit);
}

}  // namespace proxy::cli
