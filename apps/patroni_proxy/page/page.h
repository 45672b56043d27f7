#pragma once

#include <string>

#include "daemon/http/http_server.h"
#include "patroni_proxy/report/report.h"

namespace proxy::page {

/// Whether whoever asks for / with this Accept header is a browser: scripts and health checks get
/// the OK that they always got.
[[nodiscard]] bool is_for_browser(const std::string& accept);

/// The page: everything of /status that a person needs at 3 a.m. It loads nothing from elsewhere,
/// and says all without JavaScript; with it, it stays up to date. Any thread.
[[nodiscard]] daemons::HttpResponse page_response(const ProxyReport& report);

}  // namespace proxy::page
