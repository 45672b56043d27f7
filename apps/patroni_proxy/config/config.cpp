#include "patroni_proxy/config/config.h"

#include <algorithm>
#include <thread>

#include "daemon/config/config_parts.h"
#include "daemon/config/config_tree.h"
#include "daemon/yaml/yaml_mapping.h"
#include "patroni_proxy/config/hook_reader.h"
#include "patroni_proxy/config/http_reader.h"
#include "patroni_proxy/config/port_reader.h"

namespace proxy {
namespace {

using daemons::in_quotes;
using daemons::Problems;
using daemons::YamlMapping;

const daemons::SpreadKeys kSpread{"clusters"};

constexpr std::uint64_t kMaxWorkers = 256;
// The kernel's limit is 32,767 s for either.
constexpr std::chrono::hours kMaxKeepalive{9};

/// Reads one file and collects its problems.
class Reader {
  public:
    Reader(const daemons::ReadFile& read_file, Problems& problems)
        : read_file_(read_file), problems_(problems) {}

    Config read(const daemons::YamlNode& root) {
        Config config;
        YamlMapping file(root, "the file", problems_);
        config.cluster_update_interval =
            daemons::read_interval(file, "cluster_update_interval", problems_)
                .value_or(config.cluster_update_interval);
        freebind_ = file.boolean("freebind").value_or(false);
        config.freebind = freebind_;
        config.listen_address = read_listen_address(file);
        config.http = read_http_api(file, read_file_, problems_);
        config.control = read_control(file, listens_, problems_);
        config.haproxy = read_haproxy_socket(file, listens_, problems_);
        config.on_change = read_on_change(file, problems_);
        const auto cores = std::max(1U, std::thread::hardware_concurrency());
        config.workers =
            static_cast<unsigned>(file.number("workers", 1, kMaxWorkers).value_or(cores));
        config.drain_timeout = file.duration("drain_timeout").value_or(config.drain_timeout);
        if (const auto word = file.choice("stop", {"close", "drain"}))
            config.stop = *word == 1 ? OnStop::drain : OnStop::close;
        if (config.stop == OnStop::drain && config.drain_timeout.count() == 0)
            problems_.warn(
                *file.find("stop"),
                "stop: drain has no effect with drain_timeout: 0, which gives sessions no "
                "time to become idle");
        read_state_file(file, config);
        config.max_connections = file.number("max_connections", 0, kMaxConnections).value_or(0);
        if (const auto log = file.find("log"))
            read_log(*log, config);
        read_tcp(file, config.tcp);
        defaults_.tcp = config.tcp;
        defaults_.log_sessions = log_sessions_;
        read_treatment(file, defaults_, problems_);
        config.clusters = daemons::read_each(
            file, "clusters", problems_, [this](const auto& entry) { return read_cluster(entry); });
        if (const auto clusters = file.find("clusters"); clusters && config.clusters.empty())
            problems_.warn(*clusters, "there are no clusters, so no client is served");
        file.find("include");  // read_config_tree() has put the files in its place
        file.reject_unknown();
        config.listen_places = listens_.places();
        return config;
    }

  private:
    net::ListenAddress read_listen_address(YamlMapping& file) {
        auto usual = *net::ListenAddress::parse("127.0.0.1:8009");
        if (file.find("listen_address"))
            return listens_.read_one(file, "listen_address", "HTTP API").value_or(usual);
        listens_.reserve(usual, "the HTTP API (listen_address)");
        return usual;
    }

    void read_state_file(YamlMapping& file, Config& config) {
        config.state_file = file.text("state_file").value_or("");
        if (!config.state_file.empty() && config.state_file.front() != '/')
            problems_.add(*file.find("state_file"),
                          "state_file must be an absolute path such as "
                          "/var/lib/patroni_proxy/state");
        if (const auto age = file.duration("state_max_age")) {
            config.state_max_age = *age;
            if (config.state_file.empty())
                problems_.add(*file.find("state_max_age"), "state_max_age needs state_file");
        }
    }

    void read_log(const daemons::YamlNode& where, Config& config) {
        YamlMapping node(where, "log", problems_);
        config.log = daemons::read_log(node, problems_);
        log_sessions_ = node.choice("sessions", {"all", "failed"}).value_or(0) == 0;
        node.reject_unknown();
    }

    void read_tcp(YamlMapping& file, net::TcpOptions& tcp) {
        if (const auto timeout = file.duration("tcp_user_timeout"))
            tcp.user_timeout = *timeout;
        if (const auto idle = file.duration("tcp_keepalive")) {
            if (*idle > kMaxKeepalive || (idle->count() != 0 && idle->count() < 1'000))
                problems_.add(*file.find("tcp_keepalive"),
                              "tcp_keepalive must be from 1s to 9h, or 0 for none");
            tcp.keepalive_idle = std::chrono::duration_cast<std::chrono::seconds>(*idle);
            tcp.keepalive_interval =
                std::clamp(tcp.keepalive_idle / 3, std::chrono::seconds{1}, tcp.keepalive_interval);
        }
    }

    ClusterConfig read_cluster(const YamlMapping::Entry& entry) {
        ClusterConfig cluster;
        cluster.name = entry.key;
        YamlMapping node(entry.value, "cluster " + in_quotes(entry.key), problems_);
        static_cast<daemons::ClusterSource&>(cluster) =
            daemons::read_cluster_source(node, cluster.name, read_file_, hosts_, problems_);
        if (const auto ports = node.require("ports")) {
            YamlMapping mapping(*ports, "ports of cluster " + in_quotes(entry.key), problems_);
            if (ports->is_mapping() && mapping.entries().empty())
                problems_.add(*ports,
                              "cluster " + in_quotes(entry.key) + " needs at least one port");
            for (const auto& port : mapping.entries())
                read_port_of(cluster, port);
        }
        node.reject_unknown();
        return cluster;
    }

    void read_port_of(ClusterConfig& cluster, const YamlMapping::Entry& entry) {
        const auto port = read_port(entry, {listens_, defaults_, freebind_, problems_});
        for (const auto& other : cluster.ports)
            if (differ_only_in_address(other, port))
                problems_.warn(entry.key_node, "port " + in_quotes(port.name) + " differs from " +
                                                   in_quotes(other.name) +
                                                   " only in its address; is that meant? One port "
                                                   "may listen on several addresses");
        cluster.ports.push_back(port);
    }
    static bool differ_only_in_address(PortConfig a, const PortConfig& b) {
        a.name = b.name;
        a.listen = b.listen;
        a.listen_mode = b.listen_mode;
        a.freebind = b.freebind;
        return a == b;
    }

    const daemons::ReadFile& read_file_;
    Problems& problems_;
    daemons::ListenReader listens_{problems_};
    daemons::HostPlaces hosts_;
    PortSettings defaults_;
    bool freebind_ = false;
    bool log_sessions_ = true;
};

Config finished(Config config, const daemons::Inputs& inputs) {
    if (!config.control)
        config.control = default_control(inputs.variables);
    return config;
}

}  // namespace

Config load_config(const std::string& path, const daemons::Inputs& inputs) {
    Problems problems;
    const auto root = daemons::read_config_tree(path, kSpread, inputs, problems);
    return finished(daemons::read_config<Reader>(root, inputs.read, problems), inputs);
}

Config parse_config(const std::string& text, const std::string& path,
                    const daemons::Inputs& inputs) {
    Problems problems;
    const auto root = daemons::parse_config_tree(text, path, kSpread, inputs, problems);
    return finished(daemons::read_config<Reader>(root, inputs.read, problems), inputs);
}

}  // namespace proxy
