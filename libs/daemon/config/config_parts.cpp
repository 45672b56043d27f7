#include "daemon/config/config_parts.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include "daemon/config/secret_file.h"
#include "daemon/yaml/yaml_value.h"

namespace daemons {
namespace {

constexpr std::string_view kListenForm =
    "an address with a port (127.0.0.1:6432, [::]:6432) or a unix socket "
    "(unix:/run/patroni_proxy/.s.PGSQL.6432)";

/// Keeps a password out of the log and the status.
std::string without_user(const std::string& url) {
    const auto at = url.rfind('@');
    if (at == std::string::npos)
        return url;
    const auto scheme = url.find("://");
    return (scheme < at ? url.substr(0, scheme + 3) : "") + "***" + url.substr(at);
}

constexpr std::uint16_t kHttp = 80;
constexpr std::array<std::uint16_t, 2> kPostgresPorts{5432, 6432};
// A replica that is a WAL page behind is merely in the middle of a commit.
constexpr std::uint64_t kWalPage = 8'192;

/// Never quotes a pasted file: it may be a key.
std::string read_path(YamlMapping& node, const std::string& key, Problems& problems) {
    auto path = node.text(key).value_or("");
    if (path.find("-----BEGIN") == std::string::npos)
        return path;
    problems.add(*node.find(key), key + " takes the path of a file, not its content");
    return {};
}

void read_host(const std::string& url, const YamlNode& where, ClusterSource& source,
               Problems& problems) {
    const std::string shown = in_quotes(without_user(where.written()));
    const auto endpoint = patroni::Endpoint::parse(url);
    if (!endpoint)
        problems.add(where, "host " + shown + ": " + endpoint.reason() +
                                "; it takes the form http://192.168.1.1:8008");
    else if (std::count(source.hosts.begin(), source.hosts.end(), endpoint.value()) != 0)
        problems.add(where, "host " + shown + " is listed twice");
    else
        source.hosts.push_back(endpoint.value());
}

void warn_of_host(const std::string& cluster, const YamlNode& where,
                  const patroni::Endpoint& endpoint, HostPlaces& places, Problems& problems) {
    const std::string host = "host " + in_quotes(where.written());
    const std::string usual = "; Patroni's REST API usually listens on port 8008";
    const auto of_postgres = std::find(kPostgresPorts.begin(), kPostgresPorts.end(), endpoint.port);
    if (of_postgres != kPostgresPorts.end())
        problems.warn(where, host + ": " + std::to_string(endpoint.port) +
                                 " is usually the port of PostgreSQL or a proxy" + usual);
    else if (!endpoint.tls && endpoint.port == kHttp)
        problems.warn(where, host + ": the port is 80" + usual);
    const auto [first, is_new] = places.emplace(endpoint.url(), where.place());
    if (!is_new)
        problems.warn(where, "cluster " + in_quotes(cluster) + ": host " +
                                 in_quotes(where.written()) + " belongs to another cluster too: " +
                                 first->second.seen_from(where.place()));
}

void read_hosts(YamlMapping& node, const std::string& cluster, ClusterSource& source,
                HostPlaces& places, Problems& problems) {
    for (const auto& [url, where] : node.texts("hosts")) {
        const std::size_t before = source.hosts.size();
        read_host(url, where, source, problems);
        if (source.hosts.size() > before)
            warn_of_host(cluster, where, source.hosts.back(), places, problems);
    }
}

/// Reads the files here, so that --check finds their problems.
patroni::TlsCredentialsPtr read_tls(const YamlNode& where, const std::string& cluster,
                                    const ReadFile& read, Problems& problems) {
    YamlMapping node(where, "tls of cluster " + in_quotes(cluster), problems);
    patroni::TlsSettings settings;
    settings.ca_cert = read_path(node, "ca_cert", problems);
    settings.client_cert = read_path(node, "client_cert", problems);
    settings.client_key = read_path(node, "client_key", problems);
    // Without a file of its own the key is in that of the certificate.
    const std::string key = settings.client_key.empty() ? "client_cert" : "client_key";
    const std::string& path = key == "client_key" ? settings.client_key : settings.client_cert;
    if (!path.empty())
        warn_if_no_secret(path, *node.find(key),
                          "tls of cluster " + in_quotes(cluster) + ": " + key, problems);
    settings.skip_verify = node.boolean("skip_verify").value_or(false);
    if (settings.skip_verify)
        problems.warn(*node.find("skip_verify"),
                      "skip_verify: true accepts any certificate: whoever is on the way can answer "
                      "as Patroni and name the leader. Use it only while testing");
    node.reject_unknown();
    try {
        return patroni::read_tls_credentials(settings, read);
    } catch (const std::runtime_error& error) {
        problems.add(where,
                     "tls of cluster " + in_quotes(cluster) + ": " +
                         node.as_written(error.what(), {"ca_cert", "client_cert", "client_key"}));
        return nullptr;
    }
}

patroni::OnIneligible read_on_ineligible(YamlMapping& node, const std::string& key) {
    return node.choice(key, {"close", "drain"}).value_or(0) == 1 ? patroni::OnIneligible::drain
                                                                 : patroni::OnIneligible::close;
}

/// Patroni's own file is YAML too: what is written alike has the same value.
patroni::TagValue tag_value(const YamlNode& node) {
    const bool plain = node.is_plain();
    return {node.text(), plain ? yaml_value_of(node.text()) : node.text()};
}

void read_tags(const YamlNode& tags, patroni::Requirements& wanted, Problems& problems) {
    const YamlMapping mapping(tags, "tags", problems);
    for (const auto& tag : mapping.entries())
        if (tag.value.is_scalar())
            wanted.tags.emplace(tag.key, tag_value(tag.value));
        else
            problems.add(tag.value, "tags: the value of " + in_quotes(tag.key) +
                                        " must be text, a number, true or false");
}

void warn_of_small_lag(const YamlNode& where, std::uint64_t bytes, const std::string& what,
                       Problems& problems) {
    const std::string key = what + ": max_lag_in_bytes " + where.written();
    if (bytes == 0)
        problems.warn(where, key +
                                 " leaves out every replica that is a byte behind; without the "
                                 "key there is no limit");
    else if (where.text() == std::to_string(bytes))
        problems.warn(where, key + " is " + where.written() +
                                 " bytes, less than a page of WAL; did "
                                 "you mean " +
                                 where.written() + "MB? If not, write " + where.written() + "B");
}

patroni::ClusterIdentity read_identity(YamlMapping& node, Problems& problems) {
    patroni::ClusterIdentity identity;
    identity.scope = node.text("scope").value_or("");
    identity.system_identifier = node.text("system_identifier").value_or("");
    const std::string& digits = identity.system_identifier;
    // A 64-bit number has 20 digits at most.
    if (digits.size() > 20 || digits.find_first_not_of("0123456789") != std::string::npos)
        problems.add(*node.find("system_identifier"),
                     "system_identifier must be a number, as database_system_identifier in a "
                     "member's GET /patroni");
    return identity;
}

}  // namespace

std::string in_quotes(std::string_view name) {
    return "'" + std::string(name) + "'";
}

void refuse_if_any(const Problems& problems) {
    std::string message;
    for (const auto& line : problems.lines())
        message += (message.empty() ? "" : "\n") + line;
    if (!problems.empty())
        throw ConfigError(message);
}

std::optional<std::chrono::milliseconds> read_interval(YamlMapping& node, const std::string& key,
                                                       Problems& problems) {
    const std::size_t warnings_before = problems.warnings().size();
    const auto interval = node.duration(key, std::chrono::seconds{100});
    if (interval && interval->count() < 100)
        problems.add(*node.find(key), key + " must be at least 100ms");
    if (interval && *interval > kPatroniTtl && problems.warnings().size() == warnings_before)
        problems.warn(*node.find(key),
                      key + " " + node.find(key)->written() +
                          " is longer than Patroni's ttl, 30 seconds by default: a whole failover "
                          "may pass between two polls");
    return interval;
}

std::optional<net::ListenAddress> ListenReader::read_one(YamlMapping& node, const std::string& key,
                                                         const std::string& what) {
    const auto text = node.text(key);
    return text ? read(*text, *node.find(key), key, what) : std::nullopt;
}

std::vector<net::ListenAddress> ListenReader::read_some(YamlMapping& node, const std::string& key,
                                                        const std::string& what) {
    std::vector<net::ListenAddress> addresses;
    for (const auto& [text, where] : node.texts(key))
        if (const auto address = read(text, where, key, what))
            addresses.push_back(*address);
    return addresses;
}

void ListenReader::reserve(const net::ListenAddress& address, const std::string& whose) {
    // Spelt out: GCC 12 takes the empty place for uninitialized otherwise.
    listens_.emplace(key_of(address), Listen{address, Place(), whose});
}

std::string ListenReader::key_of(const net::ListenAddress& address) {
    return address.is_unix() ? address.path() : std::to_string(address.port());
}

std::optional<net::ListenAddress> ListenReader::read(const std::string& text, const YamlNode& where,
                                                     const std::string& key,
                                                     const std::string& what) {
    auto address = net::ListenAddress::parse(text);
    if (!address) {
        problems_.add(where, what + ": " + key + " " + in_quotes(where.written()) +
                                 " is not allowed; it takes " + std::string(kListenForm));
        return std::nullopt;
    }
    const auto [first, last] = listens_.equal_range(key_of(*address));
    for (auto each = first; each != last; ++each) {
        const Listen& other = each->second;
        if (other.address.overlaps(*address)) {
            const bool same = other.address == *address;
            const std::string owner =
                other.whose.empty() ? other.place.seen_from(where.place()) : other.whose;
            problems_.add(where, std::string(what)
                                     .append(": ")
                                     .append(where.written())
                                     .append(" is taken by ")
                                     .append(same ? "" : other.address.to_string() + " in ")
                                     .append(owner)
                                     .append(" already"));
        }
    }
    listens_.insert({key_of(*address), {*address, where.place(), {}}});
    places_[address->to_string()] = where.place().to_string();
    return address;
}

ClusterSource read_cluster_source(YamlMapping& node, const std::string& cluster,
                                  const ReadFile& read, HostPlaces& places, Problems& problems) {
    ClusterSource source;
    read_hosts(node, cluster, source, places, problems);
    if (const auto tls = node.find("tls")) {
        source.tls = read_tls(*tls, cluster, read, problems);
        if (!source.hosts.empty() && std::none_of(source.hosts.begin(), source.hosts.end(),
                                                  [](const auto& host) { return host.tls; }))
            problems.warn(*tls, "tls of cluster " + in_quotes(cluster) +
                                    " has no effect: no host begins with https://");
    }
    static constexpr std::array kPrefer{patroni::ResolvePrefer::any, patroni::ResolvePrefer::ipv4,
                                        patroni::ResolvePrefer::ipv6};
    source.resolve_prefer =
        kPrefer[node.choice("resolve_prefer", {"any", "ipv4", "ipv6"}).value_or(0)];
    source.identity = read_identity(node, problems);
    return source;
}

std::vector<std::pair<patroni::RequestedRole, YamlNode>> read_roles(YamlMapping& node,
                                                                    const std::string& key,
                                                                    const std::string& what,
                                                                    Problems& problems) {
    std::vector<std::pair<patroni::RequestedRole, YamlNode>> roles;
    for (const auto& [word, where] : node.texts(key))
        if (const auto role = patroni::requested_role_from(word))
            roles.emplace_back(*role, where);
        else
            problems.add(where, what + ": unknown role " + in_quotes(where.written()) +
                                    "; allowed: " + patroni::requested_role_names());
    return roles;
}

patroni::Requirements read_requirements(YamlMapping& node, const std::string& what,
                                        Problems& problems, bool with_roles) {
    patroni::Requirements wanted;
    if (with_roles)
        for (const auto& [role, where] : read_roles(node, "roles", what, problems))
            wanted.roles.insert(role);
    wanted.max_lag = node.size("max_lag_in_bytes");
    if (wanted.max_lag && *wanted.max_lag < kWalPage)
        warn_of_small_lag(*node.find("max_lag_in_bytes"), *wanted.max_lag, what, problems);
    static constexpr std::array kLagSources{patroni::LagSource::automatic,
                                            patroni::LagSource::cluster, patroni::LagSource::live};
    wanted.lag_source =
        kLagSources[node.choice("lag_source", {"auto", "cluster", "live"}).value_or(0)];
    wanted.lag_window = node.duration("lag_window").value_or(wanted.lag_window);
    wanted.on_lag = read_on_ineligible(node, "on_lag");
    wanted.on_noloadbalance = read_on_ineligible(node, "on_noloadbalance");
    wanted.removal_grace = node.duration("removal_grace").value_or(wanted.removal_grace);
    wanted.streaming = node.choice("replication_state", {"streaming"}).has_value();
    if (const auto tags = node.find("tags"))
        read_tags(*tags, wanted, problems);
    return wanted;
}

void warn_of_replica_keys(YamlMapping& node, const std::string& what, Problems& problems) {
    for (const std::string key : {"max_lag_in_bytes", "lag_source", "lag_window", "on_lag",
                                  "on_noloadbalance", "tags", "replication_state"})
        if (const auto found = node.find(key))
            problems.warn(*found, std::string(what).append(": ").append(key).append(
                                      " has no effect: it concerns replicas, and only the leader "
                                      "is in roles"));
}

namespace {

constexpr std::string_view kSyslogForm =
    "10.0.0.5:514 or [fd00::5]:514 (UDP), or unix:/run/rsyslog/socket";

void read_syslog(YamlMapping& node, LogConfig& config, Problems& problems) {
    std::vector<std::string> facilities;
    for (const auto& [name, number] : log::kFacilities)
        facilities.emplace_back(name);
    if (const auto facility = node.choice("syslog_facility", facilities)) {
        config.settings.syslog_facility = log::kFacilities[*facility].second;
        if (!node.find("syslog"))
            problems.warn(*node.find("syslog_facility"),
                          "log: syslog_facility has no effect without syslog");
    }
    const auto address = node.text("syslog");
    if (!address)
        return;
    const auto where = *node.find("syslog");
    const auto parsed = net::ListenAddress::parse(*address);
    if (!parsed || (!parsed->is_unix() && parsed->port() == 0))
        problems.add(where, std::string("log: syslog ")
                                .append(in_quotes(where.written()))
                                .append(" is not allowed; it takes ")
                                .append(kSyslogForm));
    else if (!config.settings.file.empty())
        problems.add(where,
                     "log: syslog and file are not allowed together: the log has one target");
    else
        config.settings.syslog = *address;
}

}  // namespace

LogConfig read_log(YamlMapping& node, Problems& problems) {
    // The last one is another spelling of the second.
    static constexpr std::array kLevels{log::Level::error, log::Level::warning, log::Level::info,
                                        log::Level::debug, log::Level::warning};
    LogConfig config;
    if (const auto level = node.choice("level", {"error", "warning", "info", "debug", "warn"}))
        config.level = config.settings.level = kLevels[*level];
    if (node.choice("format", {"text", "json"}).value_or(0) == 1)
        config.settings.format = log::Format::json;
    config.settings.file = node.text("file").value_or("");
    if (const auto file = node.find("file"))
        config.file_place = file->place().to_string();
    read_syslog(node, config, problems);
    return config;
}

}  // namespace daemons
