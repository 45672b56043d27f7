#pragma once

#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/config/yaml_mapping.h"
#include "daemon/log/log.h"
#include "daemon/system/file.h"
#include "net/socket/listen_address.h"
#include "patroni/answers/identity.h"
#include "patroni/rest/endpoint.h"
#include "patroni/rest/resolver.h"
#include "patroni/tls/tls_settings.h"
#include "patroni/verdict/eligibility.h"

// What the files of both daemons have in common. Each function reads its keys of a mapping, adds
// what is wrong with them to `problems`, and returns what it could make of the rest.
namespace daemons {

/// A file that cannot be used. what() holds every problem, a line each: "file:line: what".
class ConfigError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};
/// The text of a configuration file. Throws ConfigError.
[[nodiscard]] std::string read_config_file(const std::string& path, const ReadFile& read);
/// A name as it stands in messages: 'main'.
[[nodiscard]] std::string in_quotes(std::string_view name);
/// Throws ConfigError if there are any.
void refuse_if_any(const Problems& problems);

/// Reads the addresses of one file that are to be listened on, no two of which may keep each other
/// from being bound.
class ListenReader {
  public:
    explicit ListenReader(Problems& problems) : problems_(problems) {}

    /// One address. `what` names whose it is in messages: "port 'master'".
    std::optional<net::ListenAddress> read_one(YamlMapping& node, const std::string& key,
                                               const std::string& what);
    /// One or a list of them; it must be there.
    std::vector<net::ListenAddress> read_some(YamlMapping& node, const std::string& key,
                                              const std::string& what);
    /// One that is listened on although it does not stand in the file; `whose` is for messages.
    void reserve(const net::ListenAddress& address, const std::string& whose);
    /// Where each stands in the file, "file:line", by address.
    [[nodiscard]] const std::map<std::string, std::string>& places() const noexcept {
        return places_;
    }

  private:
    std::optional<net::ListenAddress> read(const std::string& text, const YAML::Node& where,
                                           const std::string& key, const std::string& what);

    struct Listen {
        net::ListenAddress address;
        std::string where;
    };
    Problems& problems_;
    std::vector<Listen> listens_;
    std::map<std::string, std::string> places_;
};

/// How a cluster is asked.
struct ClusterSource {
    std::vector<patroni::Endpoint> hosts;
    patroni::TlsCredentialsPtr tls;  ///< read already; null: as it comes
    patroni::ResolvePrefer resolve_prefer = patroni::ResolvePrefer::any;
    patroni::ClusterIdentity identity;  ///< empty, or in part: to be learned

    /// Files that were read again are not the same, whatever is in them.
    friend bool operator==(const ClusterSource&, const ClusterSource&) = default;
};
/// Keys: hosts, tls, resolve_prefer, scope, system_identifier. `cluster` is its name, for messages;
/// the files that `tls` names are read with `read`.
[[nodiscard]] ClusterSource read_cluster_source(YamlMapping& node, const std::string& cluster,
                                                const ReadFile& read, Problems& problems);

/// A list of roles, which must be there, each with the node it stands in.
[[nodiscard]] std::vector<std::pair<patroni::RequestedRole, YAML::Node>> read_roles(
    YamlMapping& node, const std::string& key, const std::string& what, Problems& problems);

/// Keys: roles, if they must be there, and what limits replicas. `what` names the mapping in
/// messages: "port 'master'".
[[nodiscard]] patroni::Requirements read_requirements(YamlMapping& node, const std::string& what,
                                                      Problems& problems, bool with_roles = true);

struct LogConfig {
    log::Settings settings;
    std::string file_place;           ///< "file:line" of the log's file, for messages
    std::optional<log::Level> level;  ///< if it is given; the settings' own is the default then
};
/// Keys: level, format, file.
[[nodiscard]] LogConfig read_log(YamlMapping& node, const Problems& problems);

}  // namespace daemons
