#pragma once

#include <optional>
#include <string>
#include <vector>

#include "daemon/config/config_parts.h"
#include "daemon/yaml/variables.h"
#include "daemon/yaml/yaml_mapping.h"
#include "net/socket/network.h"
#include "patroni_proxy/config/config.h"

// Who may come, to the HTTP API, to the control socket and to ports. Each function adds what is
// wrong to the problems.
namespace proxy {

/// An octal file mode. `what` names the mapping in messages: "port 'master'".
[[nodiscard]] std::optional<unsigned> read_mode(daemons::YamlMapping& node, const std::string& key,
                                                const std::string& what,
                                                daemons::Problems& problems);
/// A list of networks; none if the key is absent.
[[nodiscard]] std::vector<net::Network> read_networks(daemons::YamlMapping& node,
                                                      const std::string& key,
                                                      const std::string& what,
                                                      daemons::Problems& problems);
/// Keys of the top level: listen_mode, http_allow, http_tls, http_control, http_control_token_file.
[[nodiscard]] HttpApiConfig read_http_api(daemons::YamlMapping& file, const daemons::ReadFile& read,
                                          daemons::Problems& problems);
/// The key `control` of the top level; nothing if it is absent.
[[nodiscard]] std::optional<OperatorSocket> read_control(daemons::YamlMapping& file,
                                                         daemons::ListenReader& listens,
                                                         daemons::Problems& problems);
/// The key `haproxy_socket` of the top level: an address, or a mapping as that of `control`.
[[nodiscard]] OperatorSocket read_haproxy_socket(daemons::YamlMapping& file,
                                                 daemons::ListenReader& listens,
                                                 daemons::Problems& problems);
/// The control socket where the file says nothing: control.sock in systemd's RUNTIME_DIRECTORY, if
/// it is set and short enough for a socket; else none.
[[nodiscard]] OperatorSocket default_control(const daemons::Variables& variables);

}  // namespace proxy
