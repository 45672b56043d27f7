#include "patroni_proxy/migrate/doctor/findings.h"

#include <algorithm>
#include <map>
#include <utility>

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

/// A frontend with where it leads.
struct Entrance {
    const Proxy* proxy;
    PortRules rules;
};

class Examination {
  public:
    explicit Examination(const std::vector<Proxy>& proxies) : proxies_(proxies) {
        for (const auto& proxy : proxies) {
            if (proxy.has_backend())
                backends_.emplace(proxy.name, &proxy);
            if (!proxy.has_frontend())
                continue;
            Ledger unused;
            PortRules rules = read_rules(proxy, unused);
            const std::string target = rules.target;
            entrances_.emplace(target, Entrance{&proxy, std::move(rules)});
        }
    }

    [[nodiscard]] std::vector<Examined> examined() const {
        std::vector<Examined> all;
        for (const auto& proxy : proxies_) {
            if (!proxy.has_backend())
                continue;
            Examined one;
            one.backend = &proxy;
            one.check = haproxy::health_check_of(checker_of(proxy));
            one.role = role_of(one.check);
            if (!serves_postgres(proxy, one.check, one.role))
                continue;
            add_frontends(one);
            all.push_back(std::move(one));
        }
        return all;
    }

  private:
    /// A server that tracks another one has the check of that one's backend.
    [[nodiscard]] const Proxy& checker_of(const Proxy& backend) const {
        const Proxy* checker = &backend;
        for (const auto& server : backend.servers)
            if (const auto* track = server.find("track")) {
                const auto& value = track->value();
                const auto found = backends_.find(value.substr(0, value.find('/')));
                if (found != backends_.end() && value.find('/') != std::string::npos)
                    checker = found->second;
            }
        return *checker;
    }

    void add_frontends(Examined& one) const {
        const auto [begin, end] = entrances_.equal_range(one.backend->name);
        for (auto entry = begin; entry != end; ++entry) {
            const auto& [proxy, rules] = entry->second;
            const bool has_servers = proxy->kind == Proxy::Kind::listen && !proxy->servers.empty();
            if (proxy == one.backend ? proxy->binds.empty() : has_servers)
                continue;
            one.frontends.push_back(proxy);
            one.rules.push_back(rules);
        }
    }

    const std::vector<Proxy>& proxies_;
    std::map<std::string, const Proxy*> backends_;    ///< the first of each name
    std::multimap<std::string, Entrance> entrances_;  ///< by target, in the order of the files
};

// What HAProxy 2.6 takes and later ones refuse, as seen with 3.0.11 and 3.2.26.

void find_equal_name(const haproxy::Section& section,
                     std::map<std::string, const haproxy::Section*>& names,
                     std::vector<Finding>& findings) {
    if (section.kind != "frontend" && section.kind != "backend" && section.kind != "listen")
        return;
    const auto [first, is_new] = names.emplace(section.name.text, &section);
    if (is_new || section.name.symbolic || first->second->every || section.every)
        return;
    findings.push_back(
        {"equal-names", Severity::low, section.place, section.kind + " " + section.name.text,
         "the " + first->second->kind + " in " + first->second->place.text() + " has the same name",
         "HAProxy 3.2 warns of it, and 3.3 does not start with it", "rename one of them"});
}

void find_header_behind_version(const haproxy::Section& section,
                                const haproxy::Statement& statement,
                                std::vector<Finding>& findings) {
    if (statement.starts_with({"option", "httpchk"}) &&
        statement.text().find('\n') != std::string::npos)
        findings.push_back(
            {"refused-by-3", Severity::low, statement.place, section.kind + " " + section.name.text,
             "'option httpchk' has headers behind the version",
             "HAProxy 3.0 and later do not start with it", "http-check send hdr NAME VALUE"});
}

}  // namespace

std::vector<Finding> examine(const haproxy::Configuration& configuration) {
    const auto proxies = haproxy::proxies_of(configuration);
    const auto examined = Examination(proxies).examined();
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
    std::map<std::string, const haproxy::Section*> names;
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
    for (const auto& section : configuration.sections) {
        find_equal_name(section, names, findings);
        for (const auto& statement : section.statements)
            find_header_behind_version(section, statement, findings);
    }
    if (examined.empty()) {
        findings.push_back({"nothing-examined", Severity::low,
                            configuration.sections.empty() ? haproxy::Place{}
                                                           : configuration.sections.front().place,
                            "", "no section leads to PostgreSQL, as far as can be seen",
                            "nothing was examined",
                            "name all files that HAProxy reads, in its order"});
        return;
    }
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
