#pragma once

#include <string>
#include <string_view>

#include "patroni/answers/identity.h"
#include "patroni/answers/observation.h"
#include "patroni/result.h"

namespace patroni {

/// Reads the answer of a member's GET /primary; its body is that of GET /patroni, with any status.
/// Pure; any thread. Fails if it is no such answer.
[[nodiscard]] Result<PrimaryAnswer> parse_primary(const std::string& member, int status,
                                                  std::string_view body);

/// Reads the position from a member's GET /patroni: written on a primary, replayed on a replica.
[[nodiscard]] Result<PositionAnswer> parse_position(const std::string& member,
                                                    std::string_view body);

/// Who gave such an answer; empty fields if it does not say, and at most 1 KiB of each.
[[nodiscard]] Speaker parse_speaker(std::string_view body);

}  // namespace patroni
