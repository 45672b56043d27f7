#pragma once

#include <cstdint>

#include "daemon/config/config_parts.h"
#include "daemon/yaml/yaml_mapping.h"
#include "patroni_proxy/config/config.h"

namespace proxy {

inline constexpr std::uint64_t kMaxConnections = 1'000'000'000;

/// What reading a port needs from the rest of the file.
struct PortContext {
    daemons::ListenReader& listens;
    const PortSettings& defaults;  ///< those of the top level
    bool freebind;                 ///< the same
    daemons::Problems& problems;
};

/// Reads an entry of `ports`, and adds what is wrong to the problems.
[[nodiscard]] PortConfig read_port(const daemons::YamlMapping::Entry& entry,
                                   const PortContext& context);

/// The keys that a port may have, and the top level for all ports: connect_timeout, idle_timeout,
/// queue_timeout, no_backend.
void read_treatment(daemons::YamlMapping& node, PortSettings& settings,
                    daemons::Problems& problems);

}  // namespace proxy
