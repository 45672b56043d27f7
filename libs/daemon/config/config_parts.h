#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/log/log.h"
#include "daemon/system/file.h"
#include "daemon/yaml/yaml_mapping.h"
#include "net/socket/listen_address.h"
#include "patroni/answers/identity.h"
#include "patroni/rest/endpoint.h"
#include "patroni/rest/resolver.h"
#include "patroni/tls/tls_settings.h"
#include "patroni/verdict/eligibility.h"

// What both configuration files have in common. Each function reads its keys from a mapping, adds
// what is wrong to `problems`, and returns the rest. One thread at a time.
namespace daemons {

/// Patroni's default. https://patroni.readthedocs.io/en/latest/dynamic_configuration.html
inline constexpr std::chrono::seconds kPatroniTtl{30};

/// A configuration cannot be used. what() lists every problem, one per line: "file:line: what".
class ConfigError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};
/// A name in quotes, for messages: 'main'.
[[nodiscard]] std::string in_quotes(std::string_view name);
/// Throws ConfigError if there are any.
void refuse_if_any(const Problems& problems);
/// Makes a configuration of a tree with Reader(read, problems).read(root), and adds all warnings to
/// it. Throws ConfigError with everything that is wrong.
template <typename Reader>
auto read_config(const YamlNode& root, const ReadFile& read, Problems& problems) {
    decltype(Reader(read, problems).read(root)) config;
    if (problems.empty())
        config = Reader(read, problems).read(root);
    refuse_if_any(problems);
    config.warnings = problems.warnings();
    return config;
}
/// The results of `read_one` for each entry of the mapping at `key`, which is required.
template <typename ReadOne>
auto read_each(YamlMapping& node, const std::string& key, Problems& problems, ReadOne read_one) {
    std::vector<decltype(read_one(std::declval<const YamlMapping::Entry&>()))> all;
    if (const auto found = node.require(key)) {
        const YamlMapping mapping(*found, key, problems);
        for (const auto& entry : mapping.entries())
            all.push_back(read_one(entry));
    }
    return all;
}
/// A poll interval: at least 100 ms; a warning if it is longer than Patroni's default ttl.
[[nodiscard]] std::optional<std::chrono::milliseconds> read_interval(YamlMapping& node,
                                                                     const std::string& key,
                                                                     Problems& problems);

/// Reads the listening addresses of one configuration, and reports any two that cannot be bound
/// together.
class ListenReader {
  public:
    explicit ListenReader(Problems& problems) : problems_(problems) {}

    /// One address. `what` names its owner in messages: "port 'master'".
    std::optional<net::ListenAddress> read_one(YamlMapping& node, const std::string& key,
                                               const std::string& what);
    /// One address or a list; required.
    std::vector<net::ListenAddress> read_some(YamlMapping& node, const std::string& key,
                                              const std::string& what);
    /// An address that is used although it is not in the file. `whose` names its owner in messages.
    void reserve(const net::ListenAddress& address, const std::string& whose);
    /// "file:line" of each, by address.
    [[nodiscard]] const std::map<std::string, std::string>& places() const noexcept {
        return places_;
    }

  private:
    std::optional<net::ListenAddress> read(const std::string& text, const YamlNode& where,
                                           const std::string& key, const std::string& what);

    [[nodiscard]] static std::string key_of(const net::ListenAddress& address);

    struct Listen {
        net::ListenAddress address;
        Place place;
        std::string whose;  ///< of an address that is not in the file; otherwise empty
    };
    Problems& problems_;
    /// By port or path: only addresses with the same one can overlap.
    std::multimap<std::string, Listen> listens_;
    std::map<std::string, std::string> places_;
};

/// How to poll a cluster.
struct ClusterSource {
    std::vector<patroni::Endpoint> hosts;
    patroni::TlsCredentialsPtr tls;  ///< read from their files; null: POCO's defaults
    patroni::ResolvePrefer resolve_prefer = patroni::ResolvePrefer::any;
    patroni::ClusterIdentity identity;  ///< empty parts are learned

    /// Files that were read again are not equal, even with the same content.
    friend bool operator==(const ClusterSource&, const ClusterSource&) = default;
};
/// The hosts of all clusters of one configuration, by URL.
using HostPlaces = std::map<std::string, Place>;
/// Keys: hosts, tls, resolve_prefer, scope, system_identifier. `cluster` is its name, for messages;
/// the files that `tls` names are read with `read`. Adds the hosts to `places`.
[[nodiscard]] ClusterSource read_cluster_source(YamlMapping& node, const std::string& cluster,
                                                const ReadFile& read, HostPlaces& places,
                                                Problems& problems);

/// A list of roles, required, each with its node.
[[nodiscard]] std::vector<std::pair<patroni::RequestedRole, YamlNode>> read_roles(
    YamlMapping& node, const std::string& key, const std::string& what, Problems& problems);

/// Keys: roles (required, if `with_roles`) and the limits for replicas. `what` names the mapping in
/// messages: "port 'master'".
[[nodiscard]] patroni::Requirements read_requirements(YamlMapping& node, const std::string& what,
                                                      Problems& problems, bool with_roles = true);

/// Warns about keys for replicas in a mapping that only the leader serves.
void warn_of_replica_keys(YamlMapping& node, const std::string& what, Problems& problems);

struct LogConfig {
    log::Settings settings;
    std::string file_place;           ///< "file:line" of the log's file, for messages
    std::optional<log::Level> level;  ///< if the file has one; else `settings` has the default
};
/// Keys: level, format, file, syslog, syslog_facility.
[[nodiscard]] LogConfig read_log(YamlMapping& node, Problems& problems);

}  // namespace daemons
