#include "patroni_proxy/cli/tables/explanation.h"

#include <algorithm>
#include <stdexcept>
#include <tuple>
#include <utility>

#include "daemon/text/units.h"
#include "daemon/text/words.h"
#include "net/socket/network.h"
#include "patroni_proxy/cli/tables/tables.h"
#include "patroni_proxy/report/setting_text.h"

namespace proxy::cli {
namespace {

using daemons::joined;
using daemons::TimeZone;
using patroni::Standing;

struct Scene {
    const ProxyReport& report;
    const ClusterReport& cluster;
    const PortReport& port;
};

Scene find_scene(const ProxyReport& report, const Name& name) {
    for (const auto& cluster : report.clusters)
        for (const auto& port : cluster.ports)
            if (cluster.name == name.cluster && port.name == name.name)
                return {report, cluster, port};
    throw std::runtime_error("no port " + name.text());
}

bool is_allowed(const PortReport& port, const net::SocketAddress& client) {
    return port.allow.empty() ||
           std::any_of(port.allow.begin(), port.allow.end(), [&](const std::string& text) {
               const auto network = net::Network::parse(text);
               return network && network->contains(client);
           });
}

/// The members on which a session would be tried: those with the fewest sessions.
struct Candidates {
    std::vector<std::string> best;
    std::uint64_t sessions = 0;  ///< of each of `best`
    std::size_t eligible = 0;
    bool failing = false;  ///< `best` cannot be reached
};

Candidates candidates_of(const Scene& scene) {
    Candidates found;
    found.failing = true;
    for (const auto& member : scene.port.members) {
        if (member.standing != Standing::eligible)
            continue;
        ++found.eligible;
        if (is_full(scene.cluster, scene.port, member.member))
            continue;
        const std::uint64_t sessions = sessions_of(scene.cluster, member.member);
        const bool failing = !member.unreachable.empty();
        const std::pair rank{failing, sessions};
        const std::pair best{found.failing, found.sessions};
        if (found.best.empty() || rank < best) {
            found.best = {member.member};
            std::tie(found.failing, found.sessions) = rank;
        } else if (rank == best) {
            found.best.push_back(member.member);
        }
    }
    return found;
}

std::string either(const std::vector<std::string>& members) {
    std::string text;
    for (std::size_t i = 0; i < members.size(); ++i)
        text += (i == 0 ? "" : i + 1 == members.size() ? " or " : ", ") + members[i];
    return text;
}

/// No member may get the client now.
Cell without_backend(const PortReport& port, const std::string& why) {
    if (port.queue_timeout <= 0)
        return {"A new client is refused: " + why, Colour::bad};
    if (port.max_queued != 0 && port.queued >= port.max_queued)
        return {"A new client is refused: max_queued clients (" + std::to_string(port.max_queued) +
                    ") are held already, for " + why,
                Colour::bad};
    return {
        "A new client is held for up to " + daemons::duration_text(port.queue_timeout) + ": " + why,
        Colour::warning};
}

Cell destination(const Scene& scene) {
    const Candidates found = candidates_of(scene);
    if (found.eligible == 0)
        return without_backend(scene.port, "no member is eligible" +
                                               (scene.cluster.leader.empty()
                                                    ? ", and the cluster has no leader" +
                                                          (scene.cluster.leader_reason.empty()
                                                               ? ""
                                                               : ": " + scene.cluster.leader_reason)
                                                    : ""));
    if (found.failing)
        return {"A new client is tried on " + either(found.best) +
                    ", but no eligible member can be reached",
                Colour::bad};
    std::string text = "A new client goes to " + either(found.best);
    if (found.eligible == 1)
        text += ", the only eligible member";
    else if (found.best.size() == 1)
        text += ", which has the fewest sessions: " + std::to_string(found.sessions);
    else
        text += ", which have the fewest sessions: " + std::to_string(found.sessions) + " each";
    return {text + (scene.port.falls_back ? " (by fallback_roles)" : ""),
            scene.port.falls_back ? Colour::warning : Colour::good};
}

/// Why no eligible member takes another session; empty if one does, or if none is eligible.
std::string why_members_are_full(const ClusterReport& cluster, const PortReport& port) {
    const std::string limit = port.max_connections_per_backend == 0
                                  ? ""
                                  : "max_connections_per_backend (" +
                                        std::to_string(port.max_connections_per_backend) + ")";
    bool any_capped = false;
    bool any_eligible = false;
    for (const auto& member : port.members) {
        if (member.standing != Standing::eligible)
            continue;
        if (!is_full(cluster, port, member.member))
            return {};
        any_eligible = true;
        any_capped |= cap_of(cluster, member.member).has_value();
    }
    if (!any_eligible)
        return {};
    return "each eligible member has " +
           (!any_capped     ? limit + " sessions"
            : limit.empty() ? "as many sessions as its cap allows"
                            : "as many sessions as its cap or " + limit + " allows");
}

/// Held sessions take no place.
bool lacks_place(std::uint64_t max, std::uint64_t sessions, std::uint64_t queued) {
    return max != 0 && sessions - std::min(sessions, queued) >= max;
}

std::uint64_t queued_of(const ProxyReport& report) {
    std::uint64_t queued = 0;
    for (const auto& cluster : report.clusters)
        for (const auto& port : cluster.ports)
            queued += port.queued;
    return queued;
}

}  // namespace

std::string why_full(const ProxyReport& report, const ClusterReport& cluster,
                     const PortReport& port) {
    if (lacks_place(report.max_connections, report.sessions, queued_of(report)))
        return "the proxy has max_connections (" + std::to_string(report.max_connections) +
               ") sessions";
    if (lacks_place(port.max_connections, port.sessions, port.queued))
        return "the port has max_connections (" + std::to_string(port.max_connections) +
               ") sessions";
    return why_members_are_full(cluster, port);
}

namespace {

Cell verdict(const Scene& scene, const std::optional<net::SocketAddress>& client) {
    const auto& [report, cluster, port] = scene;
    if (report.draining)
        return {"A new client cannot connect: patroni_proxy drains and listens no longer",
                Colour::bad};
    if (client && !is_allowed(port, *client))
        return {
            "A client from " + client->ip() + " is refused: allow has only " + joined(port.allow),
            Colour::bad};
    if (const auto* const setting = closed_by(port)) {
        const bool waits = setting->setting == "hold";
        return {std::string("A new client is ") + (waits ? "held: " : "refused: ") +
                    setting_text(cluster.name, *setting, TimeZone::local),
                waits ? Colour::warning : Colour::bad};
    }
    if (const std::string full = why_full(report, cluster, port); !full.empty())
        return without_backend(port, full);
    return destination(scene);
}

Cell standing_cell(const MemberStanding& member) {
    const Colour colour = member.standing == Standing::tolerated ? Colour::warning
                          : member.standing == Standing::out     ? Colour::none
                          : member.unreachable.empty()           ? Colour::good
                                                                 : Colour::bad;
    return {std::string(patroni::name_of(member.standing)), colour};
}

std::string host_of(const ClusterReport& cluster, const std::string& name) {
    for (const auto& member : cluster.members)
        if (member.name == name)
            return member.host;
    return "";
}

}  // namespace

Table explain(const ProxyReport& report, const Name& name,
              const std::optional<net::SocketAddress>& client) {
    const Scene scene = find_scene(report, name);
    Table table;
    table.title = name.text() + ": " + joined(scene.port.roles);
    if (!scene.port.fallback_roles.empty())
        table.title += ", else " + joined(scene.port.fallback_roles);
    table.columns = {{"Member"},
                     {"Host"},
                     {"Verdict"},
                     {"Sessions", Column::Kind::number},
                     {"Why", Column::Kind::prose}};
    for (const auto& member : scene.port.members)
        table.rows.push_back(
            {member.member, host_of(scene.cluster, member.member), standing_cell(member),
             std::to_string(sessions_of(scene.cluster, member.member)),
             member.unreachable.empty() ? member.reason
                                        : "cannot be reached: " + member.unreachable});
    if (!client && !scene.port.allow.empty())
        table.notes.push_back("Clients are allowed from " + joined(scene.port.allow));
    for (const auto& setting : scene.cluster.operator_settings)
        table.notes.push_back(
            {setting_text(name.cluster, setting, TimeZone::local), Colour::warning});
    table.notes.push_back(verdict(scene, client));
    return table;
}

}  // namespace proxy::cli
