#include "patroni_proxy/config/config.h"

#include <algorithm>
#include <array>
#include <thread>
#include <utility>

#include "daemon/config/config_parts.h"
#include "daemon/config/yaml_mapping.h"

namespace proxy {
namespace {

using daemons::in_quotes;
using daemons::Problems;
using daemons::YamlMapping;

constexpr std::uint64_t kMaxWorkers = 256;
constexpr std::uint64_t kMaxCount = 1'000'000'000;
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
        config.listen_address = read_listen_address(file);
        const auto cores = std::max(1U, std::thread::hardware_concurrency());
        config.workers =
            static_cast<unsigned>(file.number("workers", 1, kMaxWorkers).value_or(cores));
        config.drain_timeout = file.duration("drain_timeout").value_or(config.drain_timeout);
        config.max_connections = file.number("max_connections", 0, kMaxCount).value_or(0);
        if (const auto log = file.find("log"))
            read_log(*log, config);
        read_tcp(file, config.tcp);
        defaults_.tcp = config.tcp;
        defaults_.log_sessions = log_sessions_;
        read_treatment(file, defaults_);
        config.clusters = daemons::read_each(
            file, "clusters", problems_, [this](const auto& entry) { return read_cluster(entry); });
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

    /// Keys allowed at the top of the file, for all ports, and in a port.
    void read_treatment(YamlMapping& node, PortSettings& settings) {
        if (const auto timeout = node.duration("connect_timeout")) {
            settings.connect_timeout = *timeout;
            if (timeout->count() == 0)
                problems_.add(*node.find("connect_timeout"),
                              "connect_timeout must be at least 1ms");
        }
        settings.idle_timeout = node.duration("idle_timeout").value_or(settings.idle_timeout);
        settings.queue_timeout = node.duration("queue_timeout").value_or(settings.queue_timeout);
        if (const auto words = node.choice("no_backend", {"close", "postgres_error"}))
            settings.no_backend = *words == 1 ? NoBackend::postgres_error : NoBackend::close;
    }

    ClusterConfig read_cluster(const YamlMapping::Entry& entry) {
        ClusterConfig cluster;
        cluster.name = entry.key;
        YamlMapping node(entry.value, "cluster " + in_quotes(entry.key), problems_);
        static_cast<daemons::ClusterSource&>(cluster) =
            daemons::read_cluster_source(node, cluster.name, read_file_, problems_);
        if (const auto ports = node.require("ports")) {
            YamlMapping mapping(*ports, "ports of cluster " + in_quotes(entry.key), problems_);
            if (ports->is_mapping() && mapping.entries().empty())
                problems_.add(*ports,
                              "cluster " + in_quotes(entry.key) + " needs at least one port");
            for (const auto& port : mapping.entries())
                cluster.ports.push_back(read_port(port));
        }
        node.reject_unknown();
        return cluster;
    }

    PortConfig read_port(const YamlMapping::Entry& entry) {
        PortConfig port;
        port.name = entry.key;
        const std::string what = "port " + in_quotes(entry.key);
        YamlMapping node(entry.value, what, problems_);
        port.listen = listens_.read_some(node, "listen", what);
        read_listen_mode(node, what, port);
        read_limits(node, what, port.settings);
        port.wanted = daemons::read_requirements(node, what, problems_);
        for (const auto role : port.wanted.roles)
            port.settings.roles.append(port.settings.roles.empty() ? "" : ", ")
                .append(patroni::name_of(role));
        port.fallback = read_fallback(node, what, port.wanted.roles);
        if (const auto host_port = node.number("host_port", 1, 65535))
            port.host_port = static_cast<std::uint16_t>(*host_port);
        node.reject_unknown();
        return port;
    }

    std::optional<Fallback> read_fallback(YamlMapping& node, const std::string& what,
                                          const std::set<patroni::RequestedRole>& roles) {
        const auto listed = node.find("fallback_roles");
        const auto on_return = node.choice("fallback_return", {"keep", "close"});
        if (!listed) {
            if (on_return)
                problems_.add(*node.find("fallback_return"),
                              what + ": fallback_return needs fallback_roles");
            return std::nullopt;
        }
        Fallback fallback;
        fallback.on_return = on_return.value_or(0) == 1 ? OnReturn::close : OnReturn::keep;
        for (const auto& [role, where] :
             daemons::read_roles(node, "fallback_roles", what, problems_)) {
            fallback.roles.insert(role);
            // Such a role is out whenever the regular roles are, so it is no fallback.
            if (patroni::covers(roles, role))
                problems_.add(where, what + ": " + in_quotes(patroni::name_of(role)) +
                                         " in fallback_roles is already covered by roles");
        }
        return fallback;
    }

    void read_listen_mode(YamlMapping& node, const std::string& what, PortConfig& port) {
        const auto mode = node.text("listen_mode");
        if (!mode)
            return;
        const bool octal = mode->size() >= 3 && mode->size() <= 4 &&
                           mode->find_first_not_of("01234567") == std::string::npos;
        if (octal)
            port.listen_mode = static_cast<unsigned>(std::stoul(*mode, nullptr, 8));
        if (!octal || *port.listen_mode > 0777)
            problems_.add(*node.find("listen_mode"),
                          what + ": listen_mode must be an octal file mode such as 0770");
    }

    void read_limits(YamlMapping& node, const std::string& what, PortSettings& settings) {
        settings = defaults_;
        read_treatment(node, settings);
        settings.max_connections = node.number("max_connections", 0, kMaxCount).value_or(0);
        settings.max_connections_per_backend = static_cast<std::uint32_t>(
            node.number("max_connections_per_backend", 0, kMaxCount).value_or(0));
        settings.max_queued = node.number("max_queued", 1, kMaxCount).value_or(settings.max_queued);
        settings.max_connect_rate = static_cast<std::uint32_t>(
            node.number("max_connect_rate", 1, kMaxCount).value_or(settings.max_connect_rate));
        if (settings.queue_timeout.count() == 0)
            for (const std::string key : {"max_queued", "max_connect_rate"})
                if (const auto found = node.find(key))
                    problems_.add(*found, std::string(what).append(": ").append(key).append(
                                              " needs queue_timeout"));
        if (!node.find("allow"))
            return;
        for (const auto& [text, where] : node.texts("allow"))
            read_network(text, where, what, settings);
    }

    void read_network(const std::string& text, const daemons::YamlNode& where,
                      const std::string& what, PortSettings& settings) {
        std::string reason;
        if (const auto network = net::Network::parse(text, &reason))
            settings.allow.push_back(*network);
        else
            problems_.add(where, what + ": allow: " + in_quotes(text) + " " + reason);
    }

    const daemons::ReadFile& read_file_;
    Problems& problems_;
    daemons::ListenReader listens_{problems_};
    PortSettings defaults_;
    bool log_sessions_ = true;
};

}  // namespace

Config parse_config(const std::string& text, const std::string& path,
                    const daemons::ReadFile& read) {
    return daemons::read_config<Reader>(text, Problems(path), read);
}

Config load_config(const std::string& path, const daemons::ReadFile& read) {
    return parse_config(daemons::read_config_file(path, read), path, read);
}

}  // namespace proxy
