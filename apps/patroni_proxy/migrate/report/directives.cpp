#include "patroni_proxy/migrate/report/directives.h"

#include <string>

#include "patroni_proxy/migrate/report/fate_table.h"

namespace proxy::migrate {
namespace {

const char* const kSystemd = "systemd's unit does that for patroni_proxy";
const char* const kTlsDefaults = "of HAProxy's own TLS; PostgreSQL speaks TLS itself";
const char* const kUnused = "nothing that is carried over uses it";
const char* const kMessages =
    "patroni_proxy logs one line per session in a form of its own; see log";

/// By the first words of a statement; the longest entry counts.
const FateTable& statements() {
    static const FateTable table{
        // global
        {"chroot", {kNeedless, kSystemd}},
        {"daemon", {kNeedless, kSystemd}},
        {"user", {kNeedless, kSystemd}},
        {"group", {kNeedless, kSystemd}},
        {"uid", {kNeedless, kSystemd}},
        {"gid", {kNeedless, kSystemd}},
        {"pidfile", {kNeedless, kSystemd}},
        {"master-worker", {kNeedless, kSystemd}},
        {"ulimit-n", {kNeedless, "patroni_proxy raises its limit itself; see LimitNOFILE"}},
        {"nbproc", {kNeedless, "one process with a thread per core; see workers"}},
        {"cpu-map", {kNeedless, kTuning}},
        {"cpu-policy", {kNeedless, kTuning}},
        {"thread-groups", {kNeedless, kTuning}},
        {"numa-cpu-mapping", {kNeedless, kTuning}},
        {"tune", {kNeedless, kTuning}},
        {"maxpipes", {kNeedless, kTuning}},
        {"maxsslconn", {kNeedless, kTlsDefaults}},
        {"spread-checks", {kNeedless, "polls spread themselves"}},
        {"max-spread-checks", {kNeedless, "polls spread themselves"}},
        {"noepoll", {kNeedless, kTuning}},
        {"nosplice", {kNeedless, kTuning}},
        {"busy-polling", {kNeedless, kTuning}},
        {"quiet", {kNeedless, kSystemd}},
        {"debug", {kNeedless, "--log-level debug"}},
        {"zero-warning", {kNeedless, "patroni_proxy --check tells errors only"}},
        {"node", {kNeedless, kStats}},
        {"description", {kNeedless, "a comment"}},
        {"desc", {kNeedless, "a comment"}},
        {"stats", {kNeedless, kStats}},
        {"stats socket", {kNeedless, kStats}},
        {"stats timeout", {kNeedless, kStats}},
        {"log",
         {kChanged,
          "patroni_proxy logs to stderr, which is the journal under systemd, or "
          "to a file: log.file"}},
        {"no log", {kChanged, "see log.sessions"}},
        {"log-tag", {kNeedless, "the journal knows the unit"}},
        {"log-send-hostname", {kNeedless, "the journal knows the host"}},
        {"log-format", {kChanged, kMessages}},
        {"log-format-sd", {kChanged, kMessages}},
        {"error-log-format", {kChanged, kMessages}},
        {"unique-id-format", {kNeedless, kHttp}},
        {"ssl-default-bind-ciphers", {kNeedless, kTlsDefaults}},
        {"ssl-default-bind-ciphersuites", {kNeedless, kTlsDefaults}},
        {"ssl-default-bind-options", {kNeedless, kTlsDefaults}},
        {"ssl-default-bind-curves", {kNeedless, kTlsDefaults}},
        {"ssl-default-server-ciphers", {kNeedless, kTlsDefaults}},
        {"ssl-default-server-ciphersuites", {kNeedless, kTlsDefaults}},
        {"ssl-default-server-options", {kNeedless, kTlsDefaults}},
        {"ssl-dh-param-file", {kNeedless, kTlsDefaults}},
        {"ssl-engine", {kNeedless, kTlsDefaults}},
        {"ssl-server-verify", {kNeedless, kUnused}},
        {"ca-base", {kNeedless, kUnused}},
        {"crt-base", {kNeedless, kUnused}},
        {"key-base", {kNeedless, kUnused}},
        {"setenv", {kNeedless, "its value stands where the variable is used"}},
        {"presetenv", {kNeedless, "its value stands where the variable is used"}},
        {"unsetenv", {kNeedless, "variables are replaced by their values"}},
        {"resetenv", {kNeedless, "variables are replaced by their values"}},
        {"server-state-base", {kNeedless, "a reload of patroni_proxy forgets nothing"}},
        {"server-state-file", {kNeedless, "a reload of patroni_proxy forgets nothing"}},
        {"load-server-state-from-file", {kNeedless, "a reload of patroni_proxy forgets nothing"}},
        {"external-check", {kNot, "patroni_proxy runs no programs to check members"}},
        {"insecure-fork-wanted", {kNeedless, "patroni_proxy starts no programs"}},
        {"insecure-setuid-wanted", {kNeedless, "patroni_proxy starts no programs"}},
        {"lua-load", {kNot, "patroni_proxy runs no scripts"}},
        {"lua-load-per-thread", {kNot, "patroni_proxy runs no scripts"}},
        {"lua-prepend-path", {kNot, "patroni_proxy runs no scripts"}},
        {"default-path", {kNeedless, "the files were given"}},
        {"grace", {kNeedless, "SIGUSR1 stops listening at once; see drain_timeout"}},
        {"expose-experimental-directives", {kNeedless, "of HAProxy's own settings"}},
        {"unix-bind", {kChanged, "see listen_mode of each port"}},
        {"maxconnrate",
         {kNot,
          "the rate of new clients is not limited; max_connect_rate limits "
          "new connections to each member"}},
        {"maxsessrate",
         {kNot,
          "the rate of new clients is not limited; max_connect_rate limits "
          "new connections to each member"}},
        {"rate-limit",
         {kNot,
          "the rate of new clients is not limited; max_connect_rate limits "
          "new connections to each member"}},
        {"hard-stop-after", {kNeedless, kUnused}},
        {"nbthread", {kNeedless, kUnused}},
        // defaults and proxies
        {"mode", {kNeedless, "patroni_proxy speaks TCP only"}},
        {"maxconn", {kNeedless, kUnused}},
        {"backlog", {kNeedless, "the kernel's own limit is used"}},
        {"retries",
         {kNeedless,
          "the next member is tried at once if one refuses, and after 250 ms "
          "if it is silent"}},
        {"retry-on", {kNeedless, kHttp}},
        {"balance", {kNeedless, kUnused}},
        {"hash-type", {kNot, "a client is not bound to a member by a hash"}},
        {"hash-balance-factor", {kNot, "a client is not bound to a member by a hash"}},
        {"fullconn", {kNeedless, "it only scales minconn"}},
        {"timeout connect", {kNeedless, kUnused}},
        {"timeout client", {kNeedless, kUnused}},
        {"timeout server", {kNeedless, kUnused}},
        {"timeout tunnel", {kNeedless, kUnused}},
        {"timeout queue", {kNeedless, kUnused}},
        {"timeout check", {kNeedless, "each question to Patroni has limits of its own"}},
        {"timeout client-fin",
         {kNot,
          "a session that one side has closed ends with the other side, "
          "or after idle_timeout"}},
        {"timeout server-fin",
         {kNot,
          "a session that one side has closed ends with the other side, "
          "or after idle_timeout"}},
        {"timeout http-request", {kNeedless, kHttp}},
        {"timeout http-keep-alive", {kNeedless, kHttp}},
        {"timeout tarpit", {kNeedless, kHttp}},
        {"option tcplog", {kCarried, "one line per session: log.sessions: all is the default"}},
        {"option httplog", {kNeedless, kHttp}},
        {"option httpslog", {kNeedless, kHttp}},
        {"option dontlognull",
         {kChanged,
          "connections without data are logged like any session; "
          "log.sessions: failed leaves out what ended well"}},
        {"option dontlog-normal", {kNeedless, kUnused}},
        {"option logasap", {kNeedless, "a session is logged when it ends"}},
        {"option log-health-checks",
         {kCarried, "each change of a member is logged with its reason"}},
        {"option log-separate-errors", {kNeedless, "what went wrong is a WARNING or an ERROR"}},
        {"option redispatch", {kCarried, "the next member is tried, always"}},
        {"option clitcpka", {kCarried, "tcp_keepalive, on by default"}},
        {"option srvtcpka", {kCarried, "tcp_keepalive, on by default"}},
        {"option tcpka", {kCarried, "tcp_keepalive, on by default"}},
        {"clitcpka-idle", {kNeedless, kUnused}},
        {"srvtcpka-idle", {kNeedless, kUnused}},
        {"clitcpka-intvl", {kChanged, "a third of tcp_keepalive, at most 5 s"}},
        {"srvtcpka-intvl", {kChanged, "a third of tcp_keepalive, at most 5 s"}},
        {"clitcpka-cnt", {kChanged, "three probes"}},
        {"srvtcpka-cnt", {kChanged, "three probes"}},
        {"option splice-auto", {kNeedless, "bytes are copied, which was faster"}},
        {"option splice-request", {kNeedless, "bytes are copied, which was faster"}},
        {"option splice-response", {kNeedless, "bytes are copied, which was faster"}},
        {"option tcp-smart-accept", {kNeedless, kTuning}},
        {"option tcp-smart-connect", {kNeedless, kTuning}},
        {"option nolinger", {kNeedless, "a session that is aborted ends with a reset"}},
        {"option abortonclose", {kCarried, "a held client that goes away leaves the queue"}},
        {"option allbackups", {kNot, "backup servers have no counterpart; see fallback_roles"}},
        {"option checkcache", {kNeedless, kHttp}},
        {"option contstats", {kNeedless, "bytes are counted as they pass"}},
        {"option socket-stats", {kNeedless, kStats}},
        {"option external-check", {kNot, "patroni_proxy runs no programs to check members"}},
        {"option transparent", {kNot, "PostgreSQL sees the proxy's address"}},
        {"option http-server-close", {kNeedless, kHttp}},
        {"option http-keep-alive", {kNeedless, kHttp}},
        {"option httpclose", {kNeedless, kHttp}},
        {"option forwardfor", {kNeedless, kHttp}},
        {"option persist", {kNeedless, "of a server that is DOWN; nobody is sent to one"}},
        {"option prefer-last-server", {kNeedless, kHttp}},
        {"option tcp-check", {kNeedless, kUnused}},
        {"option httpchk", {kNeedless, kUnused}},
        {"option pgsql-check", {kNeedless, kUnused}},
        {"no option", {kNeedless, "the option is off"}},
        {"option", {kNot, "this option is not known here"}},
        {"http-check", {kNeedless, kUnused}},
        {"tcp-check", {kNeedless, kUnused}},
        {"default-server", {kNeedless, kUnused}},
        {"errorfile", {kNeedless, kHttp}},
        {"errorfiles", {kNeedless, kHttp}},
        {"errorloc", {kNeedless, kHttp}},
        {"http-reuse", {kNeedless, kHttp}},
        {"compression", {kNeedless, kHttp}},
        {"cookie", {kNeedless, kHttp}},
        {"monitor-uri", {kNeedless, "GET /ready and GET /ready/CLUSTER/PORT of the HTTP API"}},
        {"monitor-net", {kNeedless, "GET /ready of the HTTP API"}},
        {"id", {kNeedless, kStats}},
        {"guid", {kNeedless, kStats}},
        {"declare", {kNot, "there are no rules on the content of a session"}},
        {"filter", {kNot, "there are no filters"}},
        {"stick", {kNot, "a client is not bound to a member"}},
        {"stick-table", {kNot, "there are no tables of clients"}},
        {"source", {kNot, "the system chooses the address towards PostgreSQL"}},
        {"dispatch", {kNot, "members come from Patroni only"}},
        {"email-alert", {kNot, "alerts come from GET /metrics"}},
        {"tcp-response", {kNot, "there are no rules on the content of a session"}},
        {"tcp-request", {kNot, "of its rules only those on the client's address are read (src)"}},
        {"http-request", {kNot, "there are no rules on requests"}},
        {"http-response", {kNot, "there are no rules on requests"}},
        {"acl", {kNeedless, kUnused}},
        {"disabled", {kNot, "the section is switched off; leave the port out if it is to stay so"}},
        {"enabled", {kNeedless, "that is the default"}},
        {"dynamic-cookie-key", {kNeedless, kHttp}},
        {"max-keep-alive-queue", {kNeedless, kHttp}},
        {"max-session-srv-conns", {kNeedless, kHttp}},
        {"use-server", {kNot, "a port chooses by role and number of sessions only"}},
        {"force-persist", {kNeedless, "nobody is sent to a member that is out"}},
        {"ignore-persist", {kNeedless, "nobody is sent to a member that is out"}},
    };
    return table;
}

}  // namespace

Fate fate_of(const haproxy::Statement& statement) {
    const std::string two = statement.word(0) + " " + statement.word(1);
    for (const std::string& words : {two, statement.word(0)})
        if (const auto found = statements().find(words); found != statements().end())
            return found->second;
    if (statement.word(0).starts_with("tune.") || statement.word(0).starts_with("h1-") ||
        statement.word(0).starts_with("h2-") || statement.word(0).starts_with("profiling."))
        return {kNeedless, kTuning};
    return {kNot, "this directive is not known here"};
}

}  // namespace proxy::migrate
