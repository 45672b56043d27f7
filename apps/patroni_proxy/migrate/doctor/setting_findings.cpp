#include <algorithm>
#include <chrono>
#include <optional>
#include <set>

#include "haproxy/model/time.h"
#include "patroni_proxy/migrate/doctor/findings.h"

// What timeouts, addresses and rules cost.
namespace proxy::migrate {
namespace {

using haproxy::Proxy;
using haproxy::Statement;
using namespace std::chrono_literals;

class SettingDoctor {
  public:
    SettingDoctor(const Examined& examined, std::vector<Finding>& findings)
        : examined_(examined), backend_(*examined.backend), findings_(findings) {}

    void examine() {
        find_http_mode();
        find_short_timeouts();
        find_slow_checks();
        for (std::size_t index = 0; index < examined_.frontends.size(); ++index) {
            find_tls(*examined_.frontends[index]);
            find_reads_without_a_way_out(*examined_.frontends[index], examined_.rules[index]);
        }
    }

  private:
    void add(const std::string& id, Severity severity, const haproxy::Place& place,
             const std::string& section, const std::string& what, const std::string& consequence,
             const std::string& remedy) {
        findings_.push_back({id, severity, place, section, what, consequence, remedy});
    }
    static std::string name_of_proxy(const Proxy& proxy) {
        return proxy.section->kind + " " + proxy.name;
    }

    void find_http_mode() {
        std::set<const Proxy*> proxies{&backend_};
        proxies.insert(examined_.frontends.begin(), examined_.frontends.end());
        for (const auto* proxy : proxies)
            if (proxy->mode() == "http")
                add("mode-http", Severity::critical, proxy->last({"mode"})->place,
                    name_of_proxy(*proxy), "'mode http' in front of PostgreSQL",
                    "HAProxy answers PostgreSQL's clients with an HTTP error: nobody can connect",
                    "write 'mode tcp' into the section");
    }

    static std::optional<std::chrono::milliseconds> time_of(const Statement* line) {
        return line ? haproxy::parse_time(line->word(2)) : std::nullopt;
    }

    void find_short_timeouts() {
        if (const auto tunnel = time_of(backend_.last({"timeout", "tunnel"}));
            tunnel && *tunnel >= 10min)
            return;
        const auto examine = [&](const Proxy& proxy, const char* side) {
            const auto* line = proxy.last({"timeout", side});
            const auto time = time_of(line);
            if (time && *time > 0ms && *time < 10min)
                add("short-timeout", Severity::high, line->place, name_of_proxy(proxy),
                    "'" + line->text() + "' ends every session on which no byte moves for " +
                        line->word(2) +
                        (line->word(2).find_first_not_of("0123456789") == std::string::npos ? " ms"
                                                                                            : ""),
                    "pools find their idle connections dead, and queries that run longer are cut "
                    "off",
                    "30m or more, or 'timeout tunnel 24h', with 'option clitcpka' and 'option "
                    "srvtcpka' against peers that are gone");
        };
        for (const auto* frontend : examined_.frontends)
            examine(*frontend, "client");
        examine(backend_, "server");
    }

    void find_slow_checks() {
        for (const auto& server : backend_.servers) {
            const auto* inter = server.find("inter");
            const auto* fall = server.find("fall");
            if (!server.find("check") || examined_.role.roles.empty())
                continue;
            const auto time = inter ? haproxy::parse_time(inter->value()) : std::optional(2'000ms);
            const std::string times = fall ? fall->value() : "3";
            if (!time || times.empty() || times.size() > 3 ||
                times.find_first_not_of("0123456789") != std::string::npos)
                continue;
            const auto total = *time * std::stoi(times);
            if (total <= 15s)
                continue;
            add("slow-check", Severity::medium, inter ? inter->place : server.line->place,
                name_of_proxy(backend_),
                "a server that is out is noticed after " +
                    std::to_string(
                        std::chrono::duration_cast<std::chrono::seconds>(total).count()) +
                    " s ('inter' times 'fall')",
                "for that long sessions go to a member that is gone or has lost its role",
                "'inter 3s fall 3 rise 2' or less");
            return;
        }
    }

    void find_tls(const Proxy& frontend) {
        for (const auto& bind : frontend.binds)
            if (const auto* ssl = bind.find("ssl"))
                add("bind-ssl", Severity::high, ssl->place, name_of_proxy(frontend),
                    "'bind ... ssl' expects TLS from the first byte on",
                    "libpq before 17 cannot do that, and later ones only with "
                    "sslnegotiation=direct: clients cannot connect",
                    "remove 'ssl' and let PostgreSQL itself speak TLS (ssl = on)");
    }

    void find_reads_without_a_way_out(const Proxy& frontend, const PortRules& rules) {
        static const std::set<std::string> reads{"replica", "sync", "async", "quorum"};
        const auto& roles = examined_.role.roles;
        const bool only_reads =
            !roles.empty() && std::all_of(roles.begin(), roles.end(),
                                          [](const auto& role) { return reads.contains(role); });
        const bool has_backup = std::any_of(backend_.servers.begin(), backend_.servers.end(),
                                            [](const auto& one) { return one.find("backup"); });
        if (only_reads && rules.fallback.empty() && !has_backup && rules.target == backend_.name)
            add("reads-without-a-way-out",
                roles.front() == "replica" ? Severity::medium : Severity::low,
                frontend.section->place, name_of_proxy(frontend),
                "reads have no way out when the last " +
                    (roles.front() == "replica" ? roles.front() : roles.front() + " replica") +
                    " goes",
                "then nobody can connect here, although the primary could serve them",
                "a frontend with 'use_backend PRIMARY if { nbsrv(" + backend_.name + ") eq 0 }'");
    }

    const Examined& examined_;
    const Proxy& backend_;
    std::vector<Finding>& findings_;
};

}  // namespace

void find_in_settings(const Examined& examined, std::vector<Finding>& findings) {
    SettingDoctor(examined, findings).examine();
}

}  // namespace proxy::migrate
