#include <algorithm>

#include "patroni_proxy/migrate/doctor/findings.h"

// What the health check and the servers of one backend cost.
namespace proxy::migrate {
namespace {

using haproxy::HealthCheck;
using haproxy::Server;

class CheckDoctor {
  public:
    CheckDoctor(const Examined& examined, std::vector<Finding>& findings)
        : examined_(examined), backend_(*examined.backend), findings_(findings) {}

    void examine() {
        find_missing_role();
        find_unchecked_servers();
        find_check_on_server_port();
        find_overridden();
        if (examined_.role.leader_only()) {
            find_early_promotion();
            find_unchecked_start();
        }
        if (!examined_.role.roles.empty())
            find_sessions_that_stay();
        find_agent_without_disabled();
        find_disabled_without_agent();
    }

  private:
    void add(const std::string& id, Severity severity, const haproxy::Place& place,
             const std::string& what, const std::string& consequence, const std::string& remedy) {
        findings_.push_back({id, severity, place, examined_.name(), what, consequence, remedy});
    }
    [[nodiscard]] const haproxy::Place& section() const { return backend_.section->place; }
    [[nodiscard]] const haproxy::Place& check_line() const {
        if (examined_.role.line)
            return examined_.role.line->place;
        return examined_.check.line ? examined_.check.line->place : section();
    }

    void find_missing_role() {
        const auto& check = examined_.check;
        if (check.kind == HealthCheck::Kind::http && check.requests.empty()) {
            add("no-request", Severity::critical, check.used.back()->place,
                "no request is sent: the http-check rules of this section replace the 'option "
                "httpchk' of its defaults",
                "every check times out, so no server is UP and nobody can connect",
                "write 'option httpchk' with its path into this section too");
            return;
        }
        const bool asks =
            !check.requests.empty() && (check.requests.front().uri.text.starts_with("/health") ||
                                        check.requests.front().uri.text == "/readiness");
        if (!examined_.role.roles.empty() && !asks)
            return;
        if (check.kind == HealthCheck::Kind::other)
            return add("unknown-role", Severity::medium, check_line(),
                       "what 'option " + check.name + "' lets through cannot be seen in this file",
                       "if it does not tell the primary from standbys, writes go anywhere",
                       "ask Patroni: 'option httpchk OPTIONS /primary' with 'check port 8008'");
        const bool has_agent =
            std::any_of(backend_.servers.begin(), backend_.servers.end(),
                        [](const Server& server) { return server.find("agent-check"); });
        add("no-role", has_agent ? Severity::high : Severity::critical, check_line(),
            asks ? check.requests.front().uri.text + " asks for no role" : examined_.role.why_none,
            has_agent
                ? "while the agent is dead, writes that come here reach standbys and fail (25006, "
                  "read-only transaction)"
                : "writes that come here reach standbys and fail (25006, read-only transaction); "
                  "after a failover they may reach the former primary and be lost",
            "ask Patroni for the role: 'option httpchk OPTIONS /primary' (reads: /replica) with "
            "'http-check expect status 200' and 'check port 8008'");
    }

    void find_unchecked_servers() {
        bool any = false;
        for (const auto& server : backend_.servers)
            any |= server.find("check") || server.find("track");
        for (const auto& server : backend_.servers) {
            if (server.find("check") || server.find("track"))
                continue;
            if (!any) {
                add("no-check", Severity::critical, section(), "no server has 'check'",
                    "HAProxy takes all servers at all times, so writes that come here reach "
                    "standbys",
                    "add 'check port 8008' to 'default-server'");
                return;
            }
            add("no-check", Severity::critical, server.line->place,
                "server " + server.name + " has no 'check', unlike others of this section",
                "it gets sessions whatever its role",
                "add 'check port 8008', best to 'default-server'");
        }
    }

    void find_check_on_server_port() {
        if (examined_.check.kind != HealthCheck::Kind::http || !examined_.check.connects.empty())
            return;
        for (const auto& server : backend_.servers) {
            const bool postgres =
                server.address.text.ends_with(":5432") || server.address.text.ends_with(":6432");
            if (server.find("check") && !server.find("port") && !server.find("addr") && postgres)
                return add("check-on-server-port", Severity::critical, server.line->place,
                           "HTTP is asked of " + server.address.text +
                               ", for there is no 'port' behind 'check'",
                           "PostgreSQL does not answer HTTP, so no server is UP and nobody can "
                           "connect",
                           "write 'check port 8008'");
        }
    }

    void find_overridden() {
        for (const auto* line : examined_.check.overridden)
            add("overridden-check", Severity::high, line->place,
                "a later line overrides '" + line->word(0) + " " + line->word(1) + "'",
                "only the last check counts" + (examined_.role.roles.empty()
                                                    ? std::string(", and it asks for no role")
                                                    : std::string(", whatever this line asks for")),
                "delete the one that is not meant");
    }

    void find_early_promotion() {
        if (std::none_of(examined_.check.expects.begin(), examined_.check.expects.end(),
                         haproxy::looks_at_role))
            add("early-promotion", Severity::medium, check_line(),
                "only the status of " + path() + " counts",
                "Patroni answers 200 as soon as a member holds the leader lock, which is before "
                "its PostgreSQL takes writes: the first writes after a failover fail",
                "use GET, and add: http-check expect rstring "
                R"("\"role\": *\"(primary|master)\"")");
    }

    [[nodiscard]] std::string path() const {
        return examined_.check.requests.empty() ? "/" : examined_.check.requests.front().uri.text;
    }

    void find_unchecked_start() {
        const bool all_disabled =
            std::all_of(backend_.servers.begin(), backend_.servers.end(), [](const Server& server) {
                return server.find("disabled") ||
                       (server.find("init-state") &&
                        server.find("init-state")->value().find("down") != std::string::npos);
            });
        if (all_disabled || backend_.servers.size() < 2)
            return;
        std::string time = "2 s";
        const auto* inter = backend_.servers.front().find("inter");
        if (inter)
            time = inter->value();
        add("starts-up", Severity::medium, section(),
            "all servers are UP after a start and after each reload, until their first check",
            "for up to one 'inter' (" + time + ") writes reach standbys",
            "HAProxy 3.1 or later: 'init-state down' in 'default-server'; before, "
            "patroni_agent with 'agent-check' and 'disabled' (docs/migration.md, step 1)");
    }

    void find_sessions_that_stay() {
        for (const auto& server : backend_.servers) {
            const auto* down = server.find("on-marked-down");
            if (down && down->value() == "shutdown-sessions")
                continue;
            add("sessions-stay", Severity::high, server.line->place,
                "there is no 'on-marked-down shutdown-sessions'",
                examined_.role.leader_only()
                    ? "after a switchover, pooled sessions stay on the former primary and every "
                      "write in them fails"
                    : "sessions stay on a member that has lost its role or is broken",
                "add 'on-marked-down shutdown-sessions' to 'default-server'");
            return;
        }
    }

    void find_agent_without_disabled() {
        for (const auto& server : backend_.servers)
            if (const auto* agent = server.find("agent-check"); agent && !server.find("disabled"))
                return add(
                    "agent-without-disabled", Severity::medium, agent->place,
                    "'agent-check' without 'disabled'",
                    "after a start and after each reload every server is UP until its agent "
                    "has answered, so " +
                        std::string(examined_.role.leader_only() || examined_.role.roles.empty()
                                        ? "writes reach standbys"
                                        : "sessions reach members without the role"),
                    "add 'disabled' to 'default-server': the agent's READY lifts it");
    }

    void find_disabled_without_agent() {
        for (const auto& server : backend_.servers)
            if (const auto* disabled = server.find("disabled");
                disabled && !server.find("agent-check"))
                return add("disabled-without-agent", Severity::medium, disabled->place,
                           "'disabled' without 'agent-check'",
                           "the server stays in maintenance after each start until somebody lifts "
                           "it by hand",
                           "remove 'disabled', or add 'agent-check agent-port PORT'");
    }

    const Examined& examined_;
    const haproxy::Proxy& backend_;
    std::vector<Finding>& findings_;
};

}  // namespace

void find_in_check(const Examined& examined, std::vector<Finding>& findings) {
    CheckDoctor(examined, findings).examine();
}

}  // namespace proxy::migrate
