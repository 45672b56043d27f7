#include "patroni_proxy/migrate/bootstrap/bootstrap_file.h"

#include <algorithm>
#include <set>
#include <vector>

#include "daemon/text/utf8.h"
#include "patroni_proxy/migrate/draft/draft.h"

namespace proxy::migrate {
namespace {

constexpr std::size_t kLongestRemark = 200;

std::string comment(const std::string& text) {
    return daemons::one_line(text, kLongestRemark);
}

/// The REST API of each member; the one that was asked if no member tells its own.
std::vector<std::string> hosts_of(const BootstrapFacts& facts) {
    std::vector<std::string> hosts;
    std::set<std::string> seen;
    for (const auto& member : facts.cluster.members)
        if (const auto api = patroni::Endpoint::of_api_url(member.api_url);
            api && seen.insert(api.value().url()).second)
            hosts.push_back("      - " + yaml_scalar(api.value().url()) + "  # " +
                            comment(member.name));
    if (hosts.empty())
        hosts.push_back("      - " + yaml_scalar(facts.asked.url()));
    return hosts;
}

std::string tls_of(const patroni::TlsSettings& tls) {
    std::vector<std::string> keys;
    if (!tls.ca_cert.empty())
        keys.push_back("ca_cert: " + yaml_scalar(tls.ca_cert));
    if (!tls.client_cert.empty())
        keys.push_back("client_cert: " + yaml_scalar(tls.client_cert));
    if (!tls.client_key.empty())
        keys.push_back("client_key: " + yaml_scalar(tls.client_key));
    if (tls.skip_verify)
        keys.emplace_back("skip_verify: true");
    const std::string list = list_of(keys);
    return "{" + list.substr(1, list.size() - 2) + "}";
}

}  // namespace

std::string bootstrap_file(const BootstrapFacts& facts) {
    const std::string scope =
        facts.identity.scope.empty() ? facts.cluster.scope : facts.identity.scope;
    std::string out =
        "# Written by patroni_proxy bootstrap from what " + facts.asked.url() +
        " said.\n"
        "# Every key: docs/configuration.md. Check this file: patroni_proxy --check "
        "FILE\n\n"
        "# The HTTP API: /status, /metrics, /ready. It has no password.\n"
        "listen_address: \"127.0.0.1:8009\"\n\n"
        "# How long a client without a member waits instead of being refused: more "
        "than a switchover\n# takes, and less than the clients' own connect_timeout.\n"
        "queue_timeout: 10s\n\n"
        "# A client that is refused is told why.\n"
        "no_backend: postgres_error\n\n"
        "clusters:\n";
    out += "  " + key_of(scope.empty() ? "main" : scope) + ":\n";
    out += "    # Patroni's REST APIs; one that answers is enough.\n    hosts:\n";
    for (const auto& host : hosts_of(facts))
        out += host + "\n";
    const bool identified = !scope.empty() || !facts.identity.system_identifier.empty();
    if (identified)
        out += "    # An answer about another cluster counts for nothing.\n";
    if (!scope.empty())
        out += "    scope: " + yaml_scalar(scope) + "\n";
    if (!facts.identity.system_identifier.empty())
        out += "    system_identifier: " + yaml_scalar(facts.identity.system_identifier) + "\n";
    if (facts.tls != patroni::TlsSettings{})
        out += "    tls: " + tls_of(facts.tls) + "\n";
    else if (facts.asked.tls)
        out +=
            "    # Patroni's certificate is signed by a CA that this host trusts.\n"
            "    #tls: {ca_cert: /etc/patroni/ca.crt}\n";
    out +=
        "    ports:\n"
        "      # Writes.\n"
        "      read_write:\n"
        "        listen: \"0.0.0.0:5000\"\n"
        "        roles: [leader]\n";
    out +=
        "        # Connect to this port on every member, such as that of a PgBouncer beside it. "
        "Default: the\n        # port that Patroni tells";
    std::set<std::uint16_t> ports;
    for (const auto& member : facts.cluster.members)
        if (member.port)
            ports.insert(*member.port);
    out += ports.size() == 1 ? ", here " + std::to_string(*ports.begin()) : std::string();
    out +=
        ".\n        #host_port: 6432\n"
        "        # Networks that clients may come from. Default: everywhere.\n"
        "        #allow: [\"10.0.0.0/8\"]\n\n"
        "      # Reads: replicas that are up to date, and the leader while there is none.\n"
        "      read_only:\n"
        "        listen: \"0.0.0.0:5001\"\n"
        "        roles: [replica]\n"
        "        fallback_roles: [leader]\n"
        "        max_lag_in_bytes: 16MB\n";
    return out;
}

}  // namespace proxy::migrate
