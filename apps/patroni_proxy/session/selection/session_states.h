#pragma once

#include <array>
#include <string_view>

namespace proxy {

/// What a session is doing, by the names of Session::State and in its order.
inline constexpr std::array<std::string_view, 10> kSessionStates{
    "accepted", "reading_header", "admission_check", "holding",    "connecting",
    "relaying", "closing",        "refusing",        "cancelling", "closed"};

}  // namespace proxy
