#include "patroni_agent/config.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <set>
#include <utility>

#include "daemon/config/config_tree.h"
#include "daemon/yaml/yaml_mapping.h"

namespace agent {
namespace {

using daemons::in_quotes;
using daemons::Problems;
using daemons::YamlMapping;

const daemons::SpreadKeys kSpread{"clusters", "listeners"};

/// Without roles HAProxy names them.
bool may_take_writes(const patroni::Requirements& wanted) {
    return wanted.roles.empty() || wanted.roles.contains(patroni::RequestedRole::leader) ||
           wanted.roles.contains(patroni::RequestedRole::any);
}

/// A verdict for reads only may be older.
Profile profile_for(const patroni::Requirements& wanted) {
    Profile profile;
    if (!may_take_writes(wanted))
        profile.stale_after = std::chrono::seconds{30};
    return profile;
}

/// Reads one file and collects its problems.
class Reader {
  public:
    Reader(const daemons::ReadFile& read_file, Problems& problems)
        : read_file_(read_file), problems_(problems) {}

    Config read(const daemons::YamlNode& root) {
        Config config;
        YamlMapping file(root, "the file", problems_);
        config.interval =
            daemons::read_interval(file, "interval", problems_).value_or(config.interval);
        config.listen_address = listens_.read_one(file, "listen_address", "HTTP API");
        config.maintenance = file.boolean("maintenance").value_or(false);
        config.maintenance_file = file.text("maintenance_file").value_or(config.maintenance_file);
        if (const auto log = file.find("log")) {
            YamlMapping node(*log, "log", problems_);
            config.log = daemons::read_log(node, problems_);
            node.reject_unknown();
        }
        config.clusters = daemons::read_each(
            file, "clusters", problems_, [this](const auto& entry) { return read_cluster(entry); });
        config.listeners = daemons::read_each(file, "listeners", problems_, [&](const auto& entry) {
            return read_listener(entry, config);
        });
        if (const auto listeners = file.find("listeners"); listeners && config.listeners.empty())
            problems_.warn(*listeners, "there are no listeners, so HAProxy gets no answer");
        file.find("include");  // read_config_tree() has put the files in its place
        file.reject_unknown();
        return config;
    }

  private:
    ClusterConfig read_cluster(const YamlMapping::Entry& entry) {
        ClusterConfig cluster;
        cluster.name = entry.key;
        YamlMapping node(entry.value, "cluster " + in_quotes(entry.key), problems_);
        static_cast<daemons::ClusterSource&>(cluster) =
            daemons::read_cluster_source(node, cluster.name, read_file_, hosts_, problems_);
        node.reject_unknown();
        return cluster;
    }

    ListenerConfig read_listener(const YamlMapping::Entry& entry, const Config& config) {
        ListenerConfig listener;
        listener.name = entry.key;
        const std::string what = "listener " + in_quotes(entry.key);
        YamlMapping node(entry.value, what, problems_);
        listener.listen = listens_.read_some(node, "listen", what);
        listener.by_request = node.boolean("by_request").value_or(false);
        listener.wanted = daemons::read_requirements(node, what, problems_, !listener.by_request);
        listener.profile = profile_for(listener.wanted);
        listener.profile.stale_after =
            node.duration("stale_after").value_or(listener.profile.stale_after);
        listener.profile.ineligible =
            read_state(node, "ineligible").value_or(listener.profile.ineligible);
        listener.profile.unknown = read_state(node, "unknown").value_or(listener.profile.unknown);
        // Otherwise one slow answer would make the verdict stale before the next answer.
        if (listener.profile.stale_after < 2 * config.interval)
            problems_.add(node.find("stale_after").value_or(entry.key_node),
                          what + ": stale_after must be at least twice the interval");
        if (may_take_writes(listener.wanted) &&
            listener.profile.stale_after >= daemons::kPatroniTtl)
            problems_.warn(node.find("stale_after").value_or(entry.key_node),
                           what +
                               ": with this stale_after a leader that fell silent may be READY "
                               "beside its successor; keep it below Patroni's ttl, 30 seconds "
                               "by default");
        if (listener.wanted.roles == std::set{patroni::RequestedRole::leader})
            daemons::warn_of_replica_keys(node, what, problems_);
        read_target(node, what, config.clusters, listener);
        node.reject_unknown();
        return listener;
    }

    /// The member to answer for, unless HAProxy names it.
    void read_target(YamlMapping& node, const std::string& what,
                     const std::vector<ClusterConfig>& clusters, ListenerConfig& listener) {
        listener.cluster = node.text("cluster").value_or("");
        listener.member = node.text("member").value_or("");
        if (listener.by_request) {
            for (const std::string key : {"cluster", "member", "roles"})
                if (const auto given = node.find(key))
                    problems_.add(*given, std::string(what).append(": ").append(key).append(
                                              " is what HAProxy names with by_request: true"));
            return;
        }
        const bool known = std::any_of(clusters.begin(), clusters.end(), [&](const auto& cluster) {
            return cluster.name == listener.cluster;
        });
        if (listener.cluster.empty() && clusters.size() == 1)
            listener.cluster = clusters.front().name;
        else if (listener.cluster.empty())
            node.require("cluster");
        else if (!known)
            problems_.add(*node.find("cluster"),
                          what + ": there is no cluster " + in_quotes(listener.cluster));
    }

    static std::optional<ServerState> read_state(YamlMapping& node, const std::string& key) {
        static constexpr std::array kStates{ServerState::maint, ServerState::drain,
                                            ServerState::down};
        const auto choice = node.choice(key, {"maint", "drain", "down"});
        return choice ? std::optional(kStates[*choice]) : std::nullopt;
    }

    const daemons::ReadFile& read_file_;
    Problems& problems_;
    daemons::ListenReader listens_{problems_};
    daemons::HostPlaces hosts_;
};

}  // namespace

Config load_config(const std::string& path, const daemons::Inputs& inputs) {
    Problems problems;
    const auto root = daemons::read_config_tree(path, kSpread, inputs, problems);
    return daemons::read_config<Reader>(root, inputs.read, problems);
}

Config parse_config(const std::string& text, const std::string& path,
                    const daemons::Inputs& inputs) {
    Problems problems;
    const auto root = daemons::parse_config_tree(text, path, kSpread, inputs, problems);
    return daemons::read_config<Reader>(root, inputs.read, problems);
}

Config parse_options(const std::string& text, const daemons::SourcePtr& source,
                     const daemons::ReadFile& read) {
    Problems problems;
    const auto root = daemons::parse_yaml(text, source, problems);
    return daemons::read_config<Reader>(root, read, problems);
}

}  // namespace agent
