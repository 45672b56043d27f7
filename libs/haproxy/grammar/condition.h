#pragma once

#include <cstdint>
#include <string_view>

#include "haproxy/grammar/configuration.h"

namespace haproxy {

/// What is known of a condition. `unknown`: it depends on HAProxy's version, on how it was built or
/// on a variable that is not known here.
enum class Truth : std::uint8_t { no, yes, unknown };

/// Evaluates the expression of `.if` and `.elif` (configuration manual, 2.4), without its comment
/// and with its quotes: numbers, streq(), strneq(), strstr(), defined(), `!`, `&&`, `||` and
/// parentheses. Other functions of HAProxy are unknown. Pure. Throws ReadError for what HAProxy
/// would refuse.
[[nodiscard]] Truth evaluate(std::string_view expression, const Place& place,
                             const Symbols& symbols);

}  // namespace haproxy
