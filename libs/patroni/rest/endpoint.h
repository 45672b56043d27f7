#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "patroni/result.h"

namespace patroni {

/// Where a Patroni REST API is: a value.
struct Endpoint {
    bool tls = false;
    std::string host;  ///< an address (IPv6 without brackets) or a DNS name
    std::uint16_t port = 0;

    /// "http://192.168.1.1:8008", "https://[::1]:8008/", "http://pg1.example.com:8008".
    /// The default port is the scheme's, 80 or 443, as in every URL.
    static Result<Endpoint> parse(std::string_view url);
    /// The API that a member's `api_url` in GET /cluster belongs to, such as
    /// "http://127.0.0.11:8008/patroni".
    static Result<Endpoint> of_api_url(std::string_view api_url);
    /// "http://192.168.1.1:8008"
    [[nodiscard]] std::string url() const;
    /// The host as TLS and HTTP know it: without the trailing dot that DNS allows.
    [[nodiscard]] std::string server_name() const;

    friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

}  // namespace patroni
