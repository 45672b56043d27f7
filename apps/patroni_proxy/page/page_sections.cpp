#include "patroni_proxy/page/page_sections.h"

#include <optional>
#include <vector>

#include "daemon/text/units.h"
#include "daemon/text/words.h"
#include "patroni_proxy/page/html.h"
#include "patroni_proxy/report/serving.h"
#include "patroni_proxy/report/setting_text.h"

namespace proxy::page {
namespace {

using daemons::counted;
using daemons::joined;
using daemons::size_text;
using daemons::TimeZone;
using patroni::Standing;

std::string alert_line(Tone tone, const char* word, const std::string& text) {
    return "<li>" + badge(tone, word) + ' ' + escaped(text) + "</li>\n";
}

std::size_t serving(const PortReport& port) {
    return who_serves(port).size();
}

std::string role_of(const MemberReport& member) {
    if (!member.leads)
        return escaped(member.role);
    return "<strong>" + escaped(member.role.empty() ? "leader" : member.role) + "</strong>";
}

std::string number_or_dash(const std::optional<std::uint64_t>& number) {
    return number ? std::to_string(*number) : "\u2013";
}

std::string since_cell(const std::optional<double>& since) {
    return since ? time_element(*since) : "\u2013";
}

std::string address_of(const MemberReport& member) {
    if (member.host.empty())
        return "\u2013";
    return escaped(member.host + (member.port ? ':' + std::to_string(*member.port) : ""));
}

std::string members_table(const ClusterReport& cluster) {
    Table out{"Members of " + cluster.name + ", as Patroni names them",
              {"Member", "Role", "State", "Since", "TL", "Lag", "Address"},
              {}};
    for (const auto& member : cluster.members)
        out.rows.push_back({escaped(member.name), role_of(member),
                            badge(member.up ? Tone::good : Tone::bad,
                                  member.state.empty() ? "unknown" : member.state),
                            since_cell(member.since), number_or_dash(member.timeline),
                            member.lag ? escaped(size_text(*member.lag)) : "\u2013",
                            address_of(member)});
    return table(out);
}

/// Why new clients get no member of the port, whoever could serve them: an operator holds it or has
/// disabled it. Empty if nothing is set.
std::string why_closed(const PortReport& port) {
    const auto* const setting = closed_by(port);
    return setting ? "port is " + participle_of(*setting) : "";
}

std::string standing_badge(const PortReport& port, const MemberStanding& member) {
    const std::string closed = why_closed(port);
    switch (member.standing) {
        case Standing::eligible:
            if (!member.unreachable.empty())
                return badge(Tone::bad, "unreachable");
            return closed.empty() ? badge(Tone::good, "serves") : badge(Tone::warn, closed);
        case Standing::tolerated:
            return badge(Tone::warn, "keeps sessions");
        case Standing::out:
            break;
    }
    return badge(Tone::calm, "does not serve");
}

std::vector<std::string> port_row(const PortReport& port, const MemberStanding& member) {
    MemberTraffic sum;
    for (const auto& traffic : port.traffic)
        if (traffic.member == member.member) {
            sum.sessions += traffic.sessions;
            sum.sessions_total += traffic.sessions_total;
            sum.bytes_from_client += traffic.bytes_from_client;
            sum.bytes_from_backend += traffic.bytes_from_backend;
        }
    return {
        escaped(member.member),
        standing_badge(port, member),
        since_cell(member.since),
        escaped(member.unreachable.empty() ? member.reason : member.unreachable),
        std::to_string(sum.sessions),
        std::to_string(sum.sessions_total),
        size_text(sum.bytes_from_client) + " in, " + size_text(sum.bytes_from_backend) + " out"};
}

std::uint64_t refusals(const PortReport& port) {
    std::uint64_t all = 0;
    for (const auto& [reason, number] : port.refused)
        all += number;
    return all;
}

std::string port_section(const ClusterReport& cluster, const PortReport& port) {
    const std::size_t serve = serving(port);
    const std::string closed = why_closed(port);
    const Tone tone = serve == 0                           ? Tone::bad
                      : port.falls_back || !closed.empty() ? Tone::warn
                                                           : Tone::good;
    std::string facts = joined(port.listen) + " \u00b7 roles " + joined(port.roles);
    if (!port.fallback_roles.empty())
        facts += ", else " + joined(port.fallback_roles);
    facts += " \u00b7 " + counted(port.sessions, "session");
    if (port.max_connections != 0)
        facts += " of " + std::to_string(port.max_connections);
    facts += " \u00b7 " + std::to_string(port.queued) + " held \u00b7 " +
             std::to_string(refusals(port)) + " refused since the start";
    std::string html =
        "<h3>" + escaped(cluster.name + '/' + port.name) + ' ' +
        badge(tone, serve == 0 ? "nobody serves"
                    : !closed.empty()
                        ? closed
                        : std::to_string(serve) + " of " + counted(port.members.size(), "member") +
                              (port.falls_back ? " serve as a fallback" : " serve")) +
        "</h3>\n<p>" + escaped(facts) + "</p>\n";
    Table out{"Who serves " + cluster.name + '/' + port.name,
              {"Member", "Serves", "Since", "Why", "Sessions", "Total sessions", "Bytes"},
              {}};
    for (const auto& member : port.members)
        out.rows.push_back(port_row(port, member));
    return html + table(out);
}

/// Nothing can be sent to these, whichever port should use them.
std::string members_to_look_at(const ClusterReport& cluster) {
    std::string lines;
    for (const auto& member : cluster.members)
        if (!member.up)
            lines += alert_line(Tone::warn, "member is down",
                                cluster.name + '/' + member.name + ": " +
                                    (member.state.empty() ? "state unknown" : member.state));
    for (const auto& port : cluster.ports)
        for (const auto& member : port.members)
            if (!member.unreachable.empty())
                lines += alert_line(Tone::warn, "unreachable",
                                    cluster.name + '/' + member.member + " for clients of " +
                                        port.name + ": " + member.unreachable);
    return lines;
}

std::string held_clients(const PortReport& port) {
    if (port.queued == 0)
        return {};
    std::string text = counted(port.queued, "client") + " held";
    if (port.oldest_held > 0)
        text += ", the longest for " + daemons::duration_text(port.oldest_held);
    if (!port.queued_for.empty())
        text += ", because of " + port.queued_for;
    return text;
}

std::string poll_line(const ClusterReport& cluster) {
    std::string line = cluster.answer_age ? "Patroni's last good answer is " +
                                                daemons::duration_text(*cluster.answer_age) +
                                                " old, from " + cluster.polls.last_host
                                          : "Patroni has not answered yet";
    if (!cluster.polls.last_error.empty())
        line += "; the last poll failed: " + cluster.polls.last_error;
    return line + (cluster.paused ? "; Patroni is paused" : "");
}

}  // namespace

std::string alerts(const ProxyReport& report) {
    std::string wrong;
    std::string warnings;
    bool all_served = !report.clusters.empty();
    if (!report.ready)
        wrong += alert_line(Tone::bad, "not ready", report.why_not_ready);
    for (const auto& cluster : report.clusters) {
        if (cluster.leader.empty() && cluster.answer_age)
            wrong +=
                alert_line(Tone::bad, "no leader", cluster.name + ": " + cluster.leader_reason);
        for (const auto& warning : cluster.warnings)
            warnings += alert_line(Tone::warn, "warning", cluster.name + ": " + warning);
        for (const auto& port : cluster.ports) {
            std::string line = cluster.name + '/' + port.name;
            const std::string held = held_clients(port);
            if (!held.empty())
                line.append(": ").append(held);
            if (serving(port) == 0)
                wrong += alert_line(Tone::bad, "nobody serves", line);
            else if (!held.empty())
                warnings += alert_line(Tone::warn, "clients wait", line);
            all_served = all_served && serving(port) > 0 && why_closed(port).empty();
            for (const auto& setting : port.operator_settings)
                warnings += alert_line(Tone::warn, "operator",
                                       setting_text(cluster.name, setting, TimeZone::utc));
        }
        warnings += members_to_look_at(cluster);
        for (const auto& setting : cluster.operator_settings)
            if (setting.setting != "freeze")  // a warning says so already
                warnings += alert_line(Tone::warn, "operator",
                                       setting_text(cluster.name, setting, TimeZone::utc));
    }
    if (!report.reload.last_good)
        warnings += alert_line(Tone::warn, "reload failed", report.reload.last_error);
    const std::string lines = wrong + warnings;
    return (all_served ? "<p>" + badge(Tone::good, "All ports are served") + "</p>\n" : "") +
           (lines.empty() ? "" : "<ul class=\"alerts\">\n" + lines + "</ul>\n");
}

std::string cluster_section(const ClusterReport& cluster) {
    const std::string leader = cluster.leader.empty()
                                   ? badge(Tone::bad, "no leader")
                                   : badge(Tone::good, cluster.leader + " leads");
    const std::string since =
        cluster.leader_since ? "Since " + time_element(*cluster.leader_since) + ": " : "";
    std::string html = "<section>\n<h2>" + escaped(cluster.name) + ' ' + leader + "</h2>\n<p>" +
                       since + escaped(cluster.leader_reason) + "</p>\n<p class=\"quiet\">" +
                       escaped(poll_line(cluster)) + "</p>\n" + members_table(cluster);
    for (const auto& port : cluster.ports)
        html += port_section(cluster, port);
    return html + "</section>\n";
}

}  // namespace proxy::page
