#include "haproxy/model/line_options.h"

#include <set>
#include <string_view>

namespace haproxy {
namespace {

using Words = std::set<std::string_view>;

// The configuration manual, 5.1 and 5.2, as of HAProxy 3.2.
const Words& server_flags() {
    static const Words words{"agent-check",
                             "allow-0rtt",
                             "backup",
                             "check",
                             "check-reuse-pool",
                             "check-send-proxy",
                             "check-ssl",
                             "check-via-socks4",
                             "disabled",
                             "enabled",
                             "force-sslv3",
                             "force-tlsv10",
                             "force-tlsv11",
                             "force-tlsv12",
                             "force-tlsv13",
                             "non-stick",
                             "send-proxy",
                             "send-proxy-v2",
                             "send-proxy-v2-ssl",
                             "send-proxy-v2-ssl-cn",
                             "ssl",
                             "ssl-reuse",
                             "sslv3",
                             "stick",
                             "strict-maxconn",
                             "tfo",
                             "tls-tickets",
                             "tlsv10",
                             "tlsv11",
                             "tlsv12",
                             "tlsv13",
                             "sni-auto",
                             "check-sni-auto"};
    return words;
}

const Words& server_settings() {
    static const Words words{"addr",
                             "agent-addr",
                             "agent-inter",
                             "agent-port",
                             "agent-send",
                             "alpn",
                             "ca-file",
                             "cc",
                             "check-alpn",
                             "check-pool-conn-name",
                             "check-proto",
                             "check-sni",
                             "ciphers",
                             "ciphersuites",
                             "client-sigalgs",
                             "cookie",
                             "crl-file",
                             "crt",
                             "curves",
                             "downinter",
                             "error-limit",
                             "fall",
                             "fastinter",
                             "guid",
                             "hash-key",
                             "id",
                             "init-addr",
                             "init-state",
                             "inter",
                             "interface",
                             "log-bufsize",
                             "log-proto",
                             "max-reuse",
                             "maxconn",
                             "maxqueue",
                             "minconn",
                             "namespace",
                             "npn",
                             "observe",
                             "on-error",
                             "on-marked-down",
                             "on-marked-up",
                             "pool-conn-name",
                             "pool-low-conn",
                             "pool-max-conn",
                             "pool-purge-delay",
                             "port",
                             "proto",
                             "proxy-v2-options",
                             "redir",
                             "renegotiate",
                             "resolve-net",
                             "resolve-opts",
                             "resolve-prefer",
                             "resolvers",
                             "rise",
                             "set-proxy-v2-tlv-fmt",
                             "shard",
                             "sigalgs",
                             "slowstart",
                             "sni",
                             "socks4",
                             "source",
                             "ssl-max-ver",
                             "ssl-min-ver",
                             "tcp-md5sig",
                             "tcp-ut",
                             "track",
                             "usesrc",
                             "verify",
                             "verifyhost",
                             "weight",
                             "ws"};
    return words;
}

const Words& bind_flags() {
    static const Words words{"accept-proxy",
                             "allow-0rtt",
                             "defer-accept",
                             "force-sslv3",
                             "force-tlsv10",
                             "force-tlsv11",
                             "force-tlsv12",
                             "force-tlsv13",
                             "generate-certificates",
                             "no-alpn",
                             "prefer-client-ciphers",
                             "quic-force-retry",
                             "ssl",
                             "sslv3",
                             "strict-sni",
                             "tfo",
                             "tls-tickets",
                             "tlsv10",
                             "tlsv11",
                             "tlsv12",
                             "tlsv13",
                             "transparent",
                             "v4v6",
                             "v6only"};
    return words;
}

const Words& bind_settings() {
    static const Words words{"accept-netscaler-cip",
                             "alpn",
                             "backlog",
                             "ca-file",
                             "ca-ignore-err",
                             "ca-sign-file",
                             "ca-sign-pass",
                             "ca-verify-file",
                             "cc",
                             "ciphers",
                             "ciphersuites",
                             "client-sigalgs",
                             "crl-file",
                             "crt",
                             "crt-ignore-err",
                             "crt-list",
                             "curves",
                             "default-crt",
                             "ecdhe",
                             "expose-fd",
                             "gid",
                             "group",
                             "guid-prefix",
                             "id",
                             "idle-ping",
                             "interface",
                             "ktls",
                             "label",
                             "level",
                             "maxconn",
                             "mode",
                             "mss",
                             "name",
                             "namespace",
                             "nbconn",
                             "nice",
                             "npn",
                             "ocsp-update",
                             "process",
                             "proto",
                             "quic-cc-algo",
                             "quic-socket",
                             "severity-output",
                             "shards",
                             "sigalgs",
                             "ssl-max-ver",
                             "ssl-min-ver",
                             "tcp-md5sig",
                             "tcp-ss",
                             "tcp-ut",
                             "thread",
                             "tls-ticket-keys",
                             "uid",
                             "user",
                             "verify"};
    return words;
}

std::vector<LineOption> read_options(const Statement& line, std::size_t first, const Words& flags,
                                     const Words& settings) {
    std::vector<LineOption> options;
    for (std::size_t index = first; index < line.words.size(); ++index) {
        LineOption option{line.word(index), false, true, {}, line.place};
        if (!flags.contains(option.keyword) && !settings.contains(option.keyword)) {
            const bool negates = option.keyword.starts_with("no-") &&
                                 flags.contains(std::string_view(option.keyword).substr(3));
            option.negated = negates;
            option.known = negates;
            if (negates)
                option.keyword.erase(0, 3);
        } else if (settings.contains(option.keyword) && index + 1 < line.words.size()) {
            option.arguments.push_back(line.words[++index]);
        }
        options.push_back(std::move(option));
    }
    return options;
}

}  // namespace

std::string LineOption::text() const {
    std::string all = (negated ? "no-" : "") + keyword;
    for (const auto& argument : arguments)
        all += " " + argument.text;
    return all;
}

std::vector<LineOption> read_server_options(const Statement& line, std::size_t first) {
    return read_options(line, first, server_flags(), server_settings());
}

std::vector<LineOption> read_bind_options(const Statement& line, std::size_t first) {
    return read_options(line, first, bind_flags(), bind_settings());
}

}  // namespace haproxy
