#pragma once

namespace proxy::migrate {

/// The heading above these commands in `patroni_proxy --help`.
inline constexpr const char* kCommandGroup = "Commands to begin with, and to come from HAProxy";

}  // namespace proxy::migrate
