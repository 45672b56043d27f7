#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "patroni/result.h"

namespace proxy::migrate {

/// A member as our GET /status tells it.
struct StatusMember {
    std::string name;
    std::string host;
    std::optional<std::uint16_t> port;
    /// Numeric addresses of the host.
    std::vector<std::string> addresses = {};
};

/// A port as our GET /status tells it.
struct StatusPort {
    std::string cluster;
    std::string name;
    std::vector<std::string> roles;
    bool falls_back = false;
    struct Standing {
        bool eligible = false;
        std::string reason;
    };
    std::map<std::string, Standing> standings;  ///< by member

    [[nodiscard]] std::string label() const { return cluster + "/" + name; }
};

struct ProxyStatus {
    std::map<std::string, std::vector<StatusMember>> members;  ///< by cluster
    std::vector<StatusPort> ports;
};

/// Reads the answer to GET /status. Pure. `addresses` of numeric hosts are filled in.
[[nodiscard]] patroni::Result<ProxyStatus> parse_status(std::string_view json);

}  // namespace proxy::migrate
