#include "patroni_proxy/migrate/convert/converter.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "haproxy/model/proxy.h"
#include "net/socket/listen_address.h"
#include "patroni_proxy/migrate/convert/cluster_name.h"
#include "patroni_proxy/migrate/convert/port_draft.h"
#include "patroni_proxy/migrate/report/directives.h"

namespace proxy::migrate {
namespace {

using haproxy::Proxy;
using haproxy::Section;
using haproxy::Statement;

/// Sections that are not read at all, and why not.
const std::map<std::string, Fate, std::less<>>& other_sections() {
    static const std::map<std::string, Fate, std::less<>> sections{
        {"", {Outcome::not_carried, "it stands before any section"}},
        {"peers", {Outcome::not_needed, "there are no tables to be shared"}},
        {"resolvers",
         {Outcome::not_needed, "the system's resolver is asked at each poll; see resolve_prefer"}},
        {"userlist", {Outcome::not_needed, "the HTTP API has no users; see listen_address"}},
        {"mailers", {Outcome::not_carried, "alerts come from GET /metrics"}},
        {"program", {Outcome::not_carried, "start it with a unit of its own"}},
        {"cache", {Outcome::not_needed, "of HTTP only"}},
        {"ring", {Outcome::not_needed, "the log goes to stderr or to a file"}},
        {"fcgi-app", {Outcome::not_carried, "patroni_proxy speaks TCP only"}},
        {"http-errors", {Outcome::not_needed, "of HTTP only"}},
        {"crt-store", {Outcome::not_needed, "TLS is not ended here"}},
        {"log-forward", {Outcome::not_carried, "patroni_proxy receives no logs"}},
        {"traces", {Outcome::not_needed, "--log-level debug"}},
        {"acme", {Outcome::not_needed, "TLS is not ended here"}},
        {"log-profile", {Outcome::not_needed, "see log.sessions"}}};
    return sections;
}

/// A name with a part that is not known here.
bool is_symbolic(const std::string& name) {
    return name.find("{{") != std::string::npos || name.find("${") != std::string::npos;
}

class Converter {
  public:
    Converter(const haproxy::Configuration& configuration, const std::vector<std::string>& hosts)
        : configuration_(configuration),
          hosts_(hosts),
          proxies_(haproxy::proxies_of(configuration)) {
        for (const auto& proxy : proxies_)
            if (proxy.has_backend())
                backends_.emplace(proxy.name, &proxy);
    }

    Conversion convert() {
        for (const auto& note : configuration_.notes)
            ledger_.add(
                note.place, note.text,
                note.kind == haproxy::Note::Kind::assumed ? Outcome::changed : Outcome::not_carried,
                "");
        for (const auto& proxy : proxies_)
            if (proxy.has_frontend())
                read_frontend(proxy);
        if (!clusters_.empty())
            make_draft();
        report_the_rest();
        Conversion result{{}, std::move(ledger_)};
        if (!clusters_.empty())
            result.draft = std::move(draft_);
        return result;
    }

  private:
    struct Cluster {
        std::string key;
        std::vector<PortPlan> ports;
    };

    const Proxy* backend_named(const std::string& name) const {
        const auto found = backends_.find(name);
        return found == backends_.end() ? nullptr : found->second;
    }

    /// A server that tracks another one has the check of that one's backend.
    const Proxy& checker_of(const Proxy& backend) const {
        for (const auto& server : backend.servers)
            if (const auto* track = server.find("track")) {
                const auto slash = track->value().find('/');
                const Proxy* other = slash == std::string::npos
                                         ? nullptr
                                         : backend_named(track->value().substr(0, slash));
                if (other)
                    return *other;
            }
        return backend;
    }

    BackendPlan plan_of(const Proxy& backend) const {
        BackendPlan plan;
        plan.proxy = &backend;
        plan.checker = &checker_of(backend);
        plan.check = haproxy::health_check_of(*plan.checker);
        plan.servers = read_servers(*plan.checker, plan.check, configuration_);
        const ServerLines own = read_servers(backend, plan.check, configuration_);
        plan.servers.max_connections = own.max_connections;
        plan.servers.max_connections_comment = own.max_connections_comment;
        plan.servers.host_port = own.host_port;
        plan.servers.host_port_comment = own.host_port_comment;
        plan.servers.cuts_sessions = own.cuts_sessions;
        plan.servers.send_proxy = own.send_proxy;
        plan.servers.send_proxy_comment = own.send_proxy_comment;
        plan.role = role_of(plan.check);
        if (!plan.servers.checked) {
            plan.role.roles.clear();
            plan.role.why_none =
                "no server has 'check', so HAProxy takes all of them at all times, and writes go "
                "to "
                "any member";
        }
        return plan;
    }

    void read_frontend(const Proxy& proxy) {
        if (serves_statistics(proxy)) {
            say_all(*proxy.section, Outcome::not_needed,
                    "the HTTP API (listen_address) shows it: GET /status, /metrics, /stats and "
                    "/stats;csv");
            return;
        }
        PortPlan port;
        port.frontend = &proxy;
        Ledger said;  // of a section that is left out, nothing is carried over
        port.rules = read_rules(proxy, said);
        const Proxy* target = backend_named(port.rules.target);
        if (proxy.kind == Proxy::Kind::listen && port.rules.target == proxy.name)
            target = &proxy;
        if (!target || target->servers.empty()) {
            leave_out(proxy, target,
                      port.rules.target.empty()
                          ? "it leads to no backend that can be known from this file"
                      : is_symbolic(port.rules.target)
                          ? "the backend '" + port.rules.target +
                                "' is chosen when the template is rendered: patroni_proxy chooses "
                                "the leader itself, with roles: [leader]"
                          : "the backend '" + port.rules.target + "' has no servers");
            return;
        }
        port.backend = plan_of(*target);
        if (port.backend.role.roles.empty()) {
            leave_out(proxy, target,
                      proxy.mode() == "http" ? "it is for HTTP, and asks for no role"
                                             : port.backend.role.why_none);
            return;
        }
        if (const Proxy* fallback = backend_named(port.rules.fallback))
            port.fallback = plan_of(*fallback);
        ledger_.add_all(said);
        port.listen = read_listen(proxy, ledger_);
        drop_taken_addresses(port);
        if (port.listen.addresses.empty()) {
            leave_out(proxy, target, "patroni_proxy can listen on none of its addresses");
            return;
        }
        used_.insert(target);
        left_out_.erase(target);
        add(std::move(port));
    }

    /// Two ports cannot listen on one address.
    void drop_taken_addresses(PortPlan& port) {
        std::vector<net::ListenAddress> own;
        std::erase_if(port.listen.addresses, [&](const std::string& text) {
            const auto address = *net::ListenAddress::parse(text);
            for (const auto& [name, taken] : taken_)
                if (taken.overlaps(address)) {
                    ledger_.add(port.frontend->section->place, "bind " + text, Outcome::not_carried,
                                "'" + name + "' listens on " + taken.to_string() + " already");
                    return true;
                }
            own.push_back(address);
            return false;
        });
        for (const auto& address : own)
            taken_.emplace_back(port.frontend->name, address);
    }

    void add(PortPlan port) {
        const std::string key = port.backend.servers.key;
        for (auto& cluster : clusters_)
            if (cluster.key == key) {
                cluster.ports.push_back(std::move(port));
                return;
            }
        clusters_.push_back({key, {}});
        clusters_.back().ports.push_back(std::move(port));
    }

    /// A section, and its backend, from which nothing can be made.
    void leave_out(const Proxy& proxy, const Proxy* target, const std::string& why) {
        ledger_.add(proxy.section->place, proxy.section->kind + " " + proxy.name,
                    Outcome::not_carried, why);
        say_all(*proxy.section, Outcome::not_carried, "the section is not carried over");
        if (target && target != &proxy && !used_.contains(target))
            left_out_.insert(target);
    }

    static bool serves_statistics(const Proxy& proxy) {
        const bool leads = !proxy.servers.empty() || proxy.last({"default_backend"}) ||
                           !proxy.own({"use_backend"}).empty();
        if (leads)
            return false;
        for (const auto& statement : proxy.section->statements)
            if (statement.word(0) == "stats" || statement.word(0) == "monitor-uri" ||
                statement.starts_with({"http-request", "use-service", "prometheus-exporter"}))
                return true;
        return false;
    }

    void make_draft() {
        GlobalSettings settings(configuration_, ledger_);
        std::set<std::string> names;
        for (auto& cluster : clusters_) {
            std::vector<std::string> sections;
            for (const auto& port : cluster.ports)
                sections.push_back(port.frontend->name);
            std::string name = cluster_name_from(sections);
            const bool derived = !name.empty();
            if (!derived)
                name = "main";
            const std::string base = name;
            for (int number = 2; !names.insert(name).second; ++number)
                name = base + std::to_string(number);
            draft_.clusters.push_back(draft_cluster(cluster.ports, name, hosts_, ledger_));
            draft_.clusters.back().comment =
                derived ? "named after the sections of HAProxy; choose another name if you like"
                        : "HAProxy's file has no name for it; choose your own";
            for (const auto& port : cluster.ports)
                settings.take(port);
        }
        draft_.settings = settings.finish(draft_);
    }

    void report_the_rest() {
        for (const auto& proxy : proxies_) {
            if (left_out_.contains(&proxy))
                say_all(*proxy.section, Outcome::not_carried, "the section is not carried over");
            else if (proxy.kind == Proxy::Kind::backend && !used_.contains(&proxy))
                say_all(*proxy.section, Outcome::not_needed,
                        "no port that is carried over uses it");
        }
        for (const auto& section : configuration_.sections) {
            const auto found = other_sections().find(section.kind);
            if (found != other_sections().end()) {
                say_all(section, found->second.outcome, found->second.why);
                continue;
            }
            for (const auto& statement : section.statements) {
                if (ledger_.has(statement))
                    continue;
                const Fate fate = fate_of(statement);
                ledger_.add(statement, fate.outcome, fate.why);
            }
        }
    }

    void say_all(const Section& section, Outcome outcome, const std::string& why) {
        for (const auto& statement : section.statements)
            if (!ledger_.has(statement))
                ledger_.add(statement, outcome, why);
    }

    const haproxy::Configuration& configuration_;
    const std::vector<std::string>& hosts_;
    const std::vector<Proxy> proxies_;
    std::map<std::string, const Proxy*> backends_;  ///< the first of each name
    Ledger ledger_;
    std::vector<Cluster> clusters_;
    std::vector<std::pair<std::string, net::ListenAddress>> taken_;  // by section
    std::set<const Proxy*> used_;
    std::set<const Proxy*> left_out_;
    Draft draft_;
};

}  // namespace

Conversion convert(const haproxy::Configuration& configuration,
                   const std::vector<std::string>& hosts) {
    return Converter(configuration, hosts).convert();
}

}  // namespace proxy::migrate
