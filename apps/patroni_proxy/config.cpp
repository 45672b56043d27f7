#include "patroni_proxy/config.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <sstream>
#include <system_error>
#include <thread>
#include <utility>

#include "daemon/yaml_mapping.h"

namespace proxy {
namespace {

using daemons::Problems;
using daemons::YamlMapping;

// A hundred clusters with ten ports each take some 200 kB.
constexpr std::size_t kMaxFileSize = 4 * 1024 * 1024;
constexpr std::uint64_t kMaxWorkers = 256;
constexpr std::string_view kListenForm = "an address with a port (127.0.0.1:6432, [::1]:6432)";

std::string quoted(const std::string& name) {
    return "'" + name + "'";
}

/// As Patroni compares it: its own file is YAML too, where an unquoted yes is true.
std::string tag_value(const YAML::Node& node) {
    bool flag = false;
    const bool plain = node.Tag() == "?";
    if (plain && node.Scalar().size() > 1 && YAML::convert<bool>::decode(node, flag))
        return flag ? "true" : "false";
    return node.Scalar();
}

/// Reads one file; collects what is wrong with it.
class Reader {
  public:
    explicit Reader(Problems& problems) : problems_(problems) {}

    Config read(const YAML::Node& root) {
        Config config;
        YamlMapping file(root, "the file", problems_);
        if (const auto interval = file.duration("cluster_update_interval")) {
            config.cluster_update_interval = *interval;
            if (interval->count() < 100)
                problems_.add(*file.find("cluster_update_interval"),
                              "cluster_update_interval must be at least 100ms");
        }
        config.listen_address = read_listen(file, "listen_address", "HTTP API")
                                    .value_or(*net::SocketAddress::parse("127.0.0.1:8009"));
        const auto cores = std::max(1U, std::thread::hardware_concurrency());
        config.workers =
            static_cast<unsigned>(file.number("workers", 1, kMaxWorkers).value_or(cores));
        if (const auto clusters = file.require("clusters")) {
            const YamlMapping mapping(*clusters, "clusters", problems_);
            for (const auto& entry : mapping.entries())
                config.clusters.push_back(read_cluster(entry));
        }
        file.reject_unknown();
        return config;
    }

  private:
    ClusterConfig read_cluster(const YamlMapping::Entry& entry) {
        ClusterConfig cluster;
        cluster.name = entry.key;
        YamlMapping node(entry.value, "cluster " + quoted(entry.key), problems_);
        for (const auto& [url, where] : node.texts("hosts"))
            read_host(url, where, cluster);
        if (const auto tls = node.find("tls"))
            cluster.tls = read_tls(*tls, cluster.name);
        static constexpr std::array kPrefer{patroni::ResolvePrefer::any,
                                            patroni::ResolvePrefer::ipv4,
                                            patroni::ResolvePrefer::ipv6};
        cluster.resolve_prefer =
            kPrefer[node.choice("resolve_prefer", {"any", "ipv4", "ipv6"}).value_or(0)];
        if (const auto ports = node.require("ports")) {
            YamlMapping mapping(*ports, "ports of cluster " + quoted(entry.key), problems_);
            if (ports->IsMap() && mapping.entries().empty())
                problems_.add(*ports, "cluster " + quoted(entry.key) + " needs at least one port");
            for (const auto& port : mapping.entries())
                cluster.ports.push_back(read_port(port));
        }
        node.reject_unknown();
        return cluster;
    }

    void read_host(const std::string& url, const YAML::Node& where, ClusterConfig& cluster) {
        const auto endpoint = patroni::Endpoint::parse(url);
        if (!endpoint)
            problems_.add(where, "host " + quoted(url) + ": " + endpoint.reason() +
                                     "; it takes the form http://192.168.1.1:8008");
        else if (std::count(cluster.hosts.begin(), cluster.hosts.end(), endpoint.value()) != 0)
            problems_.add(where, "host " + quoted(url) + " is listed twice");
        else
            cluster.hosts.push_back(endpoint.value());
    }

    /// The files are read here, so that --check finds what is wrong with them.
    patroni::TlsCredentialsPtr read_tls(const YAML::Node& where, const std::string& cluster) {
        YamlMapping node(where, "tls of cluster " + quoted(cluster), problems_);
        patroni::TlsSettings settings;
        settings.ca_cert = node.text("ca_cert").value_or("");
        settings.client_cert = node.text("client_cert").value_or("");
        settings.client_key = node.text("client_key").value_or("");
        settings.skip_verify = node.boolean("skip_verify").value_or(false);
        node.reject_unknown();
        try {
            return patroni::read_tls_credentials(settings);
        } catch (const std::runtime_error& error) {
            problems_.add(where, "tls of cluster " + quoted(cluster) + ": " + error.what());
            return nullptr;
        }
    }

    PortConfig read_port(const YamlMapping::Entry& entry) {
        PortConfig port;
        port.name = entry.key;
        const std::string what = "port " + quoted(entry.key);
        YamlMapping node(entry.value, what, problems_);
        node.require("listen");
        port.listen = read_listen(node, "listen", what).value_or(net::SocketAddress{});
        for (const auto& [word, where] : node.texts("roles"))
            if (const auto role = patroni::requested_role_from(word))
                port.wanted.roles.insert(*role);
            else
                problems_.add(where, what + ": unknown role " + quoted(word) +
                                         "; allowed: " + patroni::requested_role_names());
        if (const auto host_port = node.number("host_port", 1, 65535))
            port.host_port = static_cast<std::uint16_t>(*host_port);
        read_replica_limits(node, port.wanted);
        node.reject_unknown();
        return port;
    }

    void read_replica_limits(YamlMapping& node, patroni::Requirements& wanted) {
        wanted.max_lag = node.size("max_lag_in_bytes");
        wanted.live_lag = node.choice("lag_source", {"cluster", "live"}).value_or(0) == 1;
        wanted.lag_window = node.duration("lag_window").value_or(wanted.lag_window);
        wanted.on_lag = read_on_unfit(node, "on_lag");
        wanted.on_noloadbalance = read_on_unfit(node, "on_noloadbalance");
        wanted.removal_grace = node.duration("removal_grace").value_or(wanted.removal_grace);
        wanted.streaming = node.choice("replication_state", {"streaming"}).has_value();
        if (const auto tags = node.find("tags")) {
            const YamlMapping mapping(*tags, "tags", problems_);
            for (const auto& tag : mapping.entries())
                if (tag.value.IsScalar())
                    wanted.tags.emplace(tag.key, tag_value(tag.value));
                else
                    problems_.add(tag.value, "tags: the value of " + quoted(tag.key) +
                                                 " must be text, a number, true or false");
        }
    }

    static patroni::OnUnfit read_on_unfit(YamlMapping& node, const std::string& key) {
        return node.choice(key, {"close", "drain"}).value_or(0) == 1 ? patroni::OnUnfit::drain
                                                                     : patroni::OnUnfit::close;
    }

    /// An address to listen on, which no other place of the file may name as well.
    std::optional<net::SocketAddress> read_listen(YamlMapping& node, const std::string& key,
                                                  const std::string& what) {
        const auto text = node.text(key);
        if (!text)
            return std::nullopt;
        const auto address = net::SocketAddress::parse(*text);
        const YAML::Node where = *node.find(key);
        if (!address) {
            problems_.add(where, what + ": " + key + " " + quoted(*text) +
                                     " is not allowed; it takes " + std::string(kListenForm));
            return std::nullopt;
        }
        for (const auto& [other, line] : listens_)
            if (other == *address && address->port() != 0)
                problems_.add(where, what + ": " + *text + " is taken by line " +
                                         std::to_string(line) + " already");
        listens_.emplace_back(*address, where.Mark().line + 1);
        return address;
    }

    Problems& problems_;
    std::vector<std::pair<net::SocketAddress, int>> listens_;
};

}  // namespace

Config parse_config(const std::string& text, const std::string& path) {
    Problems problems(path);
    const YAML::Node root = daemons::parse_yaml(text, problems);
    Config config;
    if (problems.empty())
        config = Reader(problems).read(root);
    if (problems.empty())
        return config;
    std::string message;
    for (const auto& line : problems.lines())
        message += (message.empty() ? "" : "\n") + line;
    throw ConfigError(message);
}

Config load_config(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    // A directory opens, but cannot be read. Of an empty file there is nothing to insert, which the
    // stream would call a failure.
    file.peek();
    if (!file || (!file.eof() && !(text << file.rdbuf())))
        throw ConfigError(path + ": cannot be read: " + std::generic_category().message(errno));
    if (text.view().size() > kMaxFileSize)
        throw ConfigError(path + ": is larger than 4 MiB");
    return parse_config(text.str(), path);
}

}  // namespace proxy
