#include "patroni_proxy/migrate/draft/own_file.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/yaml/problems.h"
#include "daemon/yaml/yaml_node.h"
#include "patroni_proxy/config/config.h"
#include "patroni_proxy/migrate/draft/draft.h"

namespace proxy::migrate {
namespace {

using daemons::YamlNode;

/// Keys come first in this order, all others follow as they stand.
constexpr std::array<std::string_view, 37> kOrder{"include",
                                                  "cluster_update_interval",
                                                  "listen_address",
                                                  "workers",
                                                  "hosts",
                                                  "tls",
                                                  "listen",
                                                  "listen_mode",
                                                  "allow",
                                                  "proxy_protocol",
                                                  "proxy_protocol_from",
                                                  "send_proxy",
                                                  "roles",
                                                  "host_port",
                                                  "fallback_roles",
                                                  "fallback_return",
                                                  "max_lag_in_bytes",
                                                  "lag_source",
                                                  "lag_window",
                                                  "on_lag",
                                                  "on_noloadbalance",
                                                  "tags",
                                                  "replication_state",
                                                  "removal_grace",
                                                  "max_connections",
                                                  "max_connections_per_backend",
                                                  "max_connect_rate",
                                                  "max_queued",
                                                  "connect_timeout",
                                                  "idle_timeout",
                                                  "queue_timeout",
                                                  "no_backend",
                                                  "drain_timeout",
                                                  "tcp_keepalive",
                                                  "tcp_user_timeout",
                                                  "log",
                                                  "clusters"};

std::size_t rank(const std::string& key) {
    return static_cast<std::size_t>(std::find(kOrder.begin(), kOrder.end(), key) - kOrder.begin());
}

std::string scalar(const YamlNode& node) {
    if (node.is_null())
        return "~";
    // A plain text may hold characters that need quotes inside of [ ] and { }.
    const bool simple = node.is_plain() && !node.text().empty() &&
                        node.text().find_first_of(",[]{}:#&*!|>'\"%@`\\ ") == std::string::npos;
    return simple ? node.text() : in_double_quotes(node.text());
}

std::string inline_list(const YamlNode& node) {
    std::vector<std::string> values;
    for (const auto& element : node.elements())
        values.push_back(element.is_sequence() ? inline_list(element) : scalar(element));
    return list_of(values);
}

void print(std::string& out, const YamlNode& node, const std::string& indent, bool chosen_keys) {
    std::vector<std::pair<YamlNode, YamlNode>> entries = node.entries();
    if (!chosen_keys)
        std::stable_sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
            return rank(a.first.text()) < rank(b.first.text());
        });
    for (const auto& [key, value] : entries) {
        if (value.is_null())
            continue;  // counts as absent
        const std::string name = key.text() == "<<" ? "<<" : key_of(key.text());
        out += indent + name + ":";
        if (value.is_mapping()) {
            out += value.entries().empty() ? " {}\n" : "\n";
            const bool names =
                key.text() == "clusters" || key.text() == "ports" || key.text() == "tags";
            print(out, value, indent + "  ", names);
        } else {
            out += " " + (value.is_sequence() ? inline_list(value) : scalar(value)) + "\n";
        }
    }
}

}  // namespace

bool is_own_file(const std::string& text) {
    return text.starts_with("clusters:") || text.find("\nclusters:") != std::string::npos;
}

std::string normalised(const std::string& text, const std::string& path,
                       const daemons::Inputs& inputs) {
    (void)parse_config(text, path, inputs);
    daemons::Problems problems;
    const YamlNode root =
        daemons::parse_yaml(text, std::make_shared<const daemons::Source>(path), problems);
    std::string out;
    print(out, root, "", false);
    return out;
}

}  // namespace proxy::migrate
