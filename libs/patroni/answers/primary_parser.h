#pragma once

#include <string>
#include <string_view>

#include "patroni/answers/identity.h"
#include "patroni/answers/observation.h"
#include "patroni/result.h"

namespace patroni {

/// Reads the answer of a member's GET /primary, whose body is that of GET /patroni whatever the
/// status. Pure; any thread. Fails on what is not such an answer.
[[nodiscard]] Result<PrimaryAnswer> parse_primary(const std::string& member, int status,
                                                  std::string_view body);

/// Reads the position out of a member's GET /patroni: written on a primary, replayed on a replica.
[[nodiscard]] Result<PositionAnswer> parse_position(const std::string& member,
                                                    std::string_view body);

/// Who gave such an answer; all empty where it does not say.
[[nodiscard]] Speaker parse_speaker(std::string_view body);

}  // namespace patroni
