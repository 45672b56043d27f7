#pragma once

#include <string>
#include <string_view>

#include "daemon/http/http_server.h"

// What the HTTP APIs of both daemons answer with. Pure; any thread.
namespace daemons {

[[nodiscard]] HttpResponse text_response(int status, std::string body);
[[nodiscard]] HttpResponse json_response(std::string body);
/// Of Prometheus' text format.
[[nodiscard]] HttpResponse metrics_response(std::string body);
// Which methods a path answers. HAProxy's `option httpchk` asks with OPTIONS unless it is told
// otherwise, and takes the status for the answer: a health path answers that as it does GET.
inline constexpr char kReadMethods[] = "GET, HEAD";
inline constexpr char kHealthMethods[] = "GET, HEAD, OPTIONS";
[[nodiscard]] inline bool reads(std::string_view method) {
    return method == "GET" || method == "HEAD";
}
[[nodiscard]] inline bool checks_health(std::string_view method) {
    return reads(method) || method == "OPTIONS";
}

/// `allowed` is the value of Allow.
[[nodiscard]] HttpResponse method_not_allowed(const std::string& allowed);
[[nodiscard]] HttpResponse not_found();

}  // namespace daemons
