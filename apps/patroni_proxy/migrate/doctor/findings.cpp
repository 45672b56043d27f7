#include "patroni_proxy/migrate/doctor/findings.h"

#include <algorithm>

#include "haproxy/model/secret.h"

namespace proxy::migrate {
namespace {

using haproxy::HealthCheck;
using haproxy::Proxy;

/// Whether servers are PostgreSQL or a pooler before it, as far as it can be told.
bool serves_postgres(const Proxy& backend, const HealthCheck& check, const CheckRole& role) {
    if (backend.servers.empty())
        return false;
    if (check.kind == HealthCheck::Kind::postgres)
        return true;
    // "/" is every web server's path, so the port must tell there.
    const bool own_path = !role.roles.empty() && !check.requests.empty() &&
                          check.requests.front().uri.text != "/" &&
                          check.requests.front().uri.text != "/health";
    if (own_path)
        return true;
    const bool http = backend.mode() == "http";
    return std::any_of(backend.servers.begin(), backend.servers.end(), [&](const auto& server) {
        const std::string& text = server.address.text;
        for (const auto* port : {":5432", ":5433", ":6432", ":6543"})
            if (text.ends_with(port))
                return true;
        const auto* check_port = server.find("port");
        return !http && check_port && check_port->value() == "8008";
    });
}

std::vector<Examined> examined_of(const std::vector<Proxy>& proxies) {
    std::vector<Examined> all;
    for (const auto& backend : proxies) {
        if (!backend.has_backend())
            continue;
        Examined one;
        one.backend = &backend;
        const Proxy* checker = &backend;
        for (const auto& server : backend.servers)
            if (const auto* track = server.find("track"))
                for (const auto& other : proxies)
                    if (other.has_backend() && track->value().starts_with(other.name + "/"))
                        checker = &other;
        one.check = haproxy::health_check_of(*checker);
        one.role = role_of(one.check);
        if (!serves_postgres(backend, one.check, one.role))
            continue;
        for (const auto& frontend : proxies) {
            if (!frontend.has_frontend())
                continue;
            Ledger unused;
            PortRules rules = read_rules(frontend, unused);
            const bool own = &frontend == &backend && !frontend.binds.empty();
            if (!own && rules.target != backend.name)
                continue;
            if (&frontend != &backend && frontend.kind == Proxy::Kind::listen &&
                !frontend.servers.empty())
                continue;
            one.frontends.push_back(&frontend);
            one.rules.push_back(std::move(rules));
        }
        all.push_back(std::move(one));
    }
    return all;
}

}  // namespace

std::vector<Finding> examine(const haproxy::Configuration& configuration) {
    const auto proxies = haproxy::proxies_of(configuration);
    const auto examined = examined_of(proxies);
    std::vector<Finding> findings;
    for (const auto& one : examined) {
        find_in_check(one, findings);
        find_in_settings(one, findings);
    }
    find_in_file(configuration, examined, findings);
    rank(findings);
    return findings;
}

void find_in_file(const haproxy::Configuration& configuration,
                  const std::vector<Examined>& examined, std::vector<Finding>& findings) {
    for (const auto& section : configuration.sections)
        for (const auto& statement : section.statements)
            if (const auto secret = haproxy::secret_in(statement))
                findings.push_back(
                    {"secret", Severity::medium, statement.place, section.kind,
                     *secret + " stands in the file",
                     "everybody who may read the file, its backups and its repository knows it",
                     "take it from the environment (\"${NAME}\" in double quotes), and change it"});
    for (const auto& note : configuration.notes)
        if (note.kind != haproxy::Note::Kind::assumed)
            findings.push_back({"not-read", Severity::low, note.place, "", note.text,
                                "what depends on it was not examined",
                                "run doctor on the file that HAProxy itself reads"});
    if (examined.empty())
        return;
    std::vector<const haproxy::Statement*> sockets;
    for (const auto& section : configuration.sections)
        if (section.kind == "global")
            for (const auto& statement : section.statements)
                if (statement.starts_with({"stats", "socket"}))
                    sockets.push_back(&statement);
    const bool passes_sockets =
        std::any_of(sockets.begin(), sockets.end(), [](const auto* statement) {
            return statement->text().find("expose-fd listeners") != std::string::npos;
        });
    if (!passes_sockets) {
        const haproxy::Place place =
            sockets.empty() ? examined.front().backend->section->place : sockets.front()->place;
        findings.push_back(
            {"no-expose-fd", Severity::low, place, sockets.empty() ? "" : "global",
             sockets.empty() ? "there is no 'stats socket' with 'expose-fd listeners'"
                             : "'stats socket' has no 'expose-fd listeners'",
             "unless systemd's unit starts HAProxy with -Ws, a reload may refuse connections for a "
             "moment",
             "add 'expose-fd listeners' to the line"});
    }
}

}  // namespace proxy::migrate
