#include "daemon/http/http_responses.h"

#include <utility>

#include "daemon/text/json.h"

namespace daemons {
namespace {

HttpResponse response_of(int status, std::string body, const char* type) {
    return {status, std::move(body), {{"Content-Type", type}}};
}

}  // namespace

HttpResponse text_response(int status, std::string body) {
    return response_of(status, std::move(body), "text/plain; charset=utf-8");
}

HttpResponse json_response(std::string body) {
    return response_of(200, std::move(body), "application/json");
}

HttpResponse error_response(int status, const std::string& why) {
    return response_of(status, Json::object().add("error", why).text(), "application/json");
}

HttpResponse metrics_response(std::string body, MetricsFormat format) {
    return response_of(200, std::move(body),
                       format == MetricsFormat::text
                           ? "text/plain; version=0.0.4; charset=utf-8"
                           : "application/openmetrics-text; version=1.0.0; charset=utf-8");
}

HttpResponse method_not_allowed(const std::string& allowed) {
    auto response = text_response(405, "Method Not Allowed\n");
    response.headers["Allow"] = allowed;
    return response;
}

HttpResponse not_found() {
    return text_response(404, "Not Found\n");
}

}  // namespace daemons
