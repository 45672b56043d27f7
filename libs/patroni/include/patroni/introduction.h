#pragma once

#include <string>
#include <string_view>

#include "patroni/result.h"

namespace patroni {

/// Who answers at an API, by its own word; what its version does not say is empty.
struct Introduction {
    std::string member;
    std::string scope;  ///< the cluster's own name

    friend bool operator==(const Introduction&, const Introduction&) = default;
};

/// Reads it out of a member's GET /patroni. Pure; any thread. Fails on what is not such an answer.
[[nodiscard]] Result<Introduction> parse_introduction(std::string_view body);

}  // namespace patroni
