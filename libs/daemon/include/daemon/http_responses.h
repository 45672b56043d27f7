#pragma once

#include <string>

#include "daemon/http_server.h"

// What the HTTP APIs of both daemons answer with. Pure; any thread.
namespace daemons {

[[nodiscard]] HttpResponse text_response(int status, std::string body);
[[nodiscard]] HttpResponse json_response(std::string body);
/// Of Prometheus' text format.
[[nodiscard]] HttpResponse metrics_response(std::string body);
/// `allowed` is the value of Allow: "GET, HEAD".
[[nodiscard]] HttpResponse method_not_allowed(const std::string& allowed);
[[nodiscard]] HttpResponse not_found();

}  // namespace daemons
