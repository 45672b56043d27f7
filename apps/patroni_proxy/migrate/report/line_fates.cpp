#include <optional>

#include "patroni_proxy/migrate/report/directives.h"
#include "patroni_proxy/migrate/report/fate_table.h"

// What becomes of the settings of `server` and `bind` lines.
namespace proxy::migrate {
namespace {

const FateTable& server_options() {
    static const FateTable table{
        {"check", {kCarried, "every member is asked for its role"}},
        {"port", {kCarried, "the port in hosts"}},
        {"addr", {kCarried, "the host in hosts"}},
        {"inter",
         {kChanged,
          "cluster_update_interval: one member is polled for the whole cluster, and up to ten "
          "times per second while a change is expected"}},
        {"fastinter", {kNeedless, "up to ten polls per second while a change is expected"}},
        {"downinter", {kNeedless, "up to ten polls per second while a change is expected"}},
        {"fall",
         {kNeedless,
          "one answer ends new sessions, a second one at least 0.5 s later ends those that exist"}},
        {"rise", {kNeedless, "a member serves as soon as it proves its role"}},
        {"on-marked-up", {kNeedless, "see fallback_return: close"}},
        {"check-ssl", {kCarried, "https in hosts"}},
        {"verify", {kCarried, "tls"}},
        {"ca-file", {kCarried, "tls.ca_cert"}},
        {"crt", {kCarried, "tls.client_cert"}},
        {"verifyhost", {kChanged, "the certificate must be valid for the host in hosts"}},
        {"crl-file", {kNot, "revocation lists are not read"}},
        {"check-sni", {kChanged, "the host in hosts is sent"}},
        {"check-alpn", {kNeedless, "Patroni speaks HTTP/1"}},
        {"check-proto", {kNeedless, "Patroni speaks HTTP/1"}},
        {"ssl",
         {kNot,
          "sessions are passed on as they are; PostgreSQL and its clients speak TLS with each "
          "other"}},
        {"sni", {kNeedless, "sessions are passed on as they are"}},
        {"agent-check", {kNeedless, "patroni_proxy asks Patroni itself"}},
        {"agent-port", {kNeedless, "patroni_proxy asks Patroni itself"}},
        {"agent-addr", {kNeedless, "patroni_proxy asks Patroni itself"}},
        {"agent-inter", {kNeedless, "patroni_proxy asks Patroni itself"}},
        {"agent-send", {kNeedless, "patroni_proxy asks Patroni itself"}},
        {"resolvers", {kNeedless, "names are looked up by the system's resolver at each poll"}},
        {"init-addr", {kNeedless, "a name that cannot be looked up yet is looked up again"}},
        {"init-state", {kNeedless, "nobody is sent to a member before it has proved its role"}},
        {"resolve-opts", {kNeedless, "names are looked up by the system's resolver"}},
        {"resolve-net", {kNeedless, "names are looked up by the system's resolver"}},
        {"slowstart",
         {kNot, "a member gets its share at once; max_connect_rate limits new connections to it"}},
        {"maxqueue", {kNot, "max_queued limits the held clients of a port, not of a member"}},
        {"minconn", {kNot, "max_connections_per_backend is a fixed limit"}},
        {"observe", {kNeedless, "trouble with sessions makes patroni_proxy poll at once"}},
        {"error-limit", {kNeedless, "trouble with sessions makes patroni_proxy poll at once"}},
        {"on-error", {kNeedless, "trouble with sessions makes patroni_proxy poll at once"}},
        {"send-proxy", {kCarried, "send_proxy: v1"}},
        {"send-proxy-v2", {kCarried, "send_proxy: v2"}},
        {"send-proxy-v2-ssl", {kNot, "the header says nothing of TLS; send_proxy: v2 is the rest"}},
        {"send-proxy-v2-ssl-cn",
         {kNot, "the header says nothing of TLS; send_proxy: v2 is the rest"}},
        {"proxy-v2-options", {kNot, "the header has no extensions"}},
        {"check-send-proxy", {kNeedless, "Patroni is asked directly"}},
        {"cookie", {kNeedless, kHttp}},
        {"id", {kNeedless, kStats}},
        {"guid", {kNeedless, kStats}},
        {"enabled", {kNeedless, "that is the default"}},
        {"tfo", {kNeedless, kTuning}},
        {"non-stick", {kNeedless, "there are no tables of clients"}},
        {"source", {kNot, "the system chooses the address towards PostgreSQL"}},
        {"usesrc", {kNot, "PostgreSQL sees the proxy's address"}},
        {"interface", {kNot, "the system chooses the address towards PostgreSQL"}},
        {"namespace", {kNot, "run patroni_proxy in that network namespace"}},
        {"socks4", {kNot, "members are connected to directly"}},
        {"redir", {kNeedless, kHttp}},
        {"proto", {kNeedless, kHttp}},
        {"track", {kCarried, "the check of that backend"}},
        {"pool-max-conn", {kNeedless, kHttp}},
        {"pool-purge-delay", {kNeedless, kHttp}},
        {"pool-low-conn", {kNeedless, kHttp}},
        {"max-reuse", {kNeedless, kHttp}},
        {"alpn", {kNeedless, kHttp}},
        {"ssl-min-ver", {kNeedless, "TLS 1.2 or later"}},
        {"ssl-max-ver", {kNeedless, "TLS 1.2 or later"}},
        {"ciphers", {kNeedless, "OpenSSL's defaults"}},
        {"ciphersuites", {kNeedless, "OpenSSL's defaults"}},
        {"force-tlsv12", {kNeedless, "TLS 1.2 or later"}},
        {"force-tlsv13", {kChanged, "TLS 1.2 or later"}},
        {"disabled",
         {kChanged,
          "members are not switched off in this file: tag the member noloadbalance in "
          "patroni.yml"}},
        {"resolve-prefer", {kCarried, "resolve_prefer"}},
        {"tcp-ut", {kChanged, "tcp_user_timeout, for both sides and all ports"}},
    };
    return table;
}

const FateTable& bind_options() {
    static const FateTable table{
        {"name", {kNeedless, kStats}},
        {"id", {kNeedless, kStats}},
        {"label", {kNeedless, kStats}},
        {"backlog", {kNeedless, "the kernel's own limit is used"}},
        {"process", {kNeedless, "all workers serve every port"}},
        {"thread", {kNeedless, "all workers serve every port"}},
        {"shards", {kNeedless, "all workers serve every port"}},
        {"nice", {kNeedless, kTuning}},
        {"tfo", {kNeedless, kTuning}},
        {"mss", {kNot, "the kernel chooses it"}},
        {"defer-accept", {kNeedless, "a client of PostgreSQL speaks first anyway"}},
        {"v4v6", {kCarried, "[::] includes IPv4"}},
        {"v6only", {kChanged, "[::] includes IPv4"}},
        {"expose-fd", {kNeedless, "a reload keeps every listening socket"}},
        {"level", {kNeedless, kStats}},
        {"maxconn", {kNot, "max_connections limits a port, not one of its addresses"}},
        {"interface",
         {kNot,
          "an address is listened on whatever the interface: name the interface's own address, or "
          "use allow"}},
        {"namespace", {kNot, "run patroni_proxy in that network namespace"}},
        {"transparent", {kNot, "only addresses of this host can be listened on"}},
        {"accept-proxy",
         {kChanged,
          "proxy_protocol: required. HAProxy believes everybody's header; name your balancers in "
          "proxy_protocol_from instead of all networks"}},
        {"accept-netscaler-cip", {kNot, "the client's address is that of the connection"}},
        {"ssl",
         {kNot,
          "TLS is not ended here: clients speak TLS with PostgreSQL itself, so set ssl = on "
          "there"}},
        {"crt", {kNot, "the certificate belongs to PostgreSQL: ssl_cert_file"}},
        {"crt-list", {kNot, "the certificate belongs to PostgreSQL: ssl_cert_file"}},
        {"ca-file", {kNot, "clients' certificates are checked by PostgreSQL: ssl_ca_file"}},
        {"verify",
         {kNot, "clients' certificates are checked by PostgreSQL: clientcert in pg_hba.conf"}},
        {"mode", {kCarried, "listen_mode"}},
        {"user", {kNot, "the socket belongs to patroni_proxy's user; see listen_mode"}},
        {"group", {kNot, "the socket belongs to patroni_proxy's group; see listen_mode"}},
        {"uid", {kNot, "the socket belongs to patroni_proxy's user; see listen_mode"}},
        {"gid", {kNot, "the socket belongs to patroni_proxy's group; see listen_mode"}},
        {"tcp-ut", {kChanged, "tcp_user_timeout, for both sides and all ports"}},
    };
    return table;
}

/// Of a setting whose fate depends on more than its name.
std::optional<Fate> conditional_fate(const haproxy::LineOption& option, bool leader_only) {
    if (option.keyword == "on-marked-down")
        return option.value() == "shutdown-sessions"
                   ? Fate{kCarried, "always: a member that is out loses its sessions"}
                   : Fate{kNot, "this value is not known here"};
    if (option.keyword == "weight")
        return leader_only ? Fate{kNeedless, "one member at a time serves writes"}
                           : Fate{kNot,
                                  "members are not weighted: the one with the fewest sessions "
                                  "gets the next one"};
    if (option.keyword == "backup")
        return leader_only
                   ? Fate{kNeedless, "one member at a time serves writes"}
                   : Fate{kNot,
                          "a member cannot be kept in reserve: give it a tag in patroni.yml "
                          "and ask for tags, or use fallback_roles"};
    return std::nullopt;
}

Fate fate_in(const FateTable& table, const haproxy::LineOption& option) {
    if (option.negated)
        return {kNeedless, "that is switched off"};
    if (const auto found = table.find(option.keyword); found != table.end())
        return found->second;
    return {kNot,
            option.known ? "patroni_proxy has nothing like it" : "this setting is not known here"};
}

}  // namespace

Fate fate_of_server_option(const haproxy::LineOption& option, bool leader_only) {
    if (!option.negated)
        if (const auto fate = conditional_fate(option, leader_only))
            return *fate;
    return fate_in(server_options(), option);
}

Fate fate_of_bind_option(const haproxy::LineOption& option) {
    return fate_in(bind_options(), option);
}

}  // namespace proxy::migrate
