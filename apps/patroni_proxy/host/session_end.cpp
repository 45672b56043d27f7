#include "patroni_proxy/host/session_end.h"

namespace proxy {
namespace {

struct Text {
    std::string_view name;
    std::string_view description;
};

// In the order of SessionEnd.
constexpr std::array<Text, kSessionEnds> kTexts{{
    {"client_closed", "closed by the client"},
    {"backend_closed", "closed by the backend"},
    {"client_failed", "the client's connection broke"},
    {"backend_failed", "the backend's connection broke"},
    {"member_out", "the member may no longer serve"},
    {"idle_timeout", "idle for idle_timeout"},
    {"port_removed", "the port was removed from the configuration"},
    {"proxy_stopped", "the proxy is stopping"},
    {"out_of_resources", "out of kernel resources"},
    {"closed_by_operator", "closed by an operator"},
    {"cancel_request", "a cancel request was passed on"},
    {"not_allowed", "the client's address is not allowed"},
    {"bad_header", "no valid header of the PROXY protocol"},
    {"port_disabled", "an operator has disabled the port"},
    {"port_full", "the port has reached max_connections"},
    {"proxy_full", "the proxy has reached max_connections"},
    {"no_backend", "no backends available"},
    {"queue_timeout", "no backends available within queue_timeout"},
    {"queue_full", "max_queued clients are waiting already"},
    {"no_resources", "this host lacks the resources to connect to a backend"},
}};

}  // namespace

std::string_view name_of(SessionEnd end) {
    return kTexts[static_cast<std::size_t>(end)].name;
}

std::string_view describe(SessionEnd end) {
    return kTexts[static_cast<std::size_t>(end)].description;
}

}  // namespace proxy
