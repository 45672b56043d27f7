#pragma once

#include <functional>
#include <map>
#include <string>

#include "patroni_proxy/migrate/report/directives.h"

// What the tables of directives and of line settings have in common.
namespace proxy::migrate {

/// By keyword.
using FateTable = std::map<std::string, Fate, std::less<>>;

inline constexpr auto kNot = Outcome::not_carried;
inline constexpr auto kChanged = Outcome::changed;
inline constexpr auto kCarried = Outcome::carried;
inline constexpr auto kNeedless = Outcome::not_needed;

// Reasons that many keywords share.
inline constexpr const char* kTuning = "a setting of HAProxy's own memory and threads";
inline constexpr const char* kHttp = "of HTTP only";
inline constexpr const char* kStats =
    "GET /status and GET /metrics show it; HAProxy's tools can read GET /stats;csv";

}  // namespace proxy::migrate
