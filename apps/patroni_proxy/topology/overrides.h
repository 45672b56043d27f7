#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "patroni/verdict/judge.h"

namespace proxy {

/// What operators have set for one cluster and its members. It narrows what Patroni's answers
/// allow and never widens it: no override makes a member eligible.
struct Overrides {
    std::map<std::string, std::string> drained;  ///< the reason, by member
    std::map<std::string, std::uint32_t> caps;   ///< most sessions of each member
    std::optional<std::string> frozen;           ///< the reason; set: the tables stay as they are

    friend bool operator==(const Overrides&, const Overrides&) = default;
};

/// Drained members get no new sessions and keep those they have. Pure.
void apply_drains(std::vector<patroni::Verdict>& verdicts, const Overrides& overrides);

}  // namespace proxy
