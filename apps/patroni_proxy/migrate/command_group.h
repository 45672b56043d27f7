#pragma once

#include <string>

#include "patroni/rest/endpoint.h"

// What the commands of this group share.
namespace proxy::migrate {

/// The heading above these commands in `patroni_proxy --help`.
inline constexpr const char* kCommandGroup = "Commands to begin with, and to come from HAProxy";

/// For ->check() of an option that takes the URL of Patroni's REST API.
[[nodiscard]] inline std::string check_api_url(const std::string& url) {
    const auto endpoint = patroni::Endpoint::parse(url);
    return endpoint ? ""
                    : "'" + url + "': " + endpoint.reason() +
                          "; it takes Patroni's REST API: http://10.0.0.11:8008";
}

}  // namespace proxy::migrate
