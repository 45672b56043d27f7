#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "haproxy/grammar/configuration.h"

namespace proxy::migrate {

/// What a flaw costs. The order is that of the report.
enum class Severity : std::uint8_t {
    critical,  ///< writes reach a standby and fail, or clients cannot connect at all
    high,      ///< sessions end, or stay where they must not
    medium,    ///< a moment of errors at each reload or failover, or a secret in the file
    low,       ///< costs little
};
[[nodiscard]] std::string_view name_of(Severity severity);

struct Finding {
    std::string id;  ///< stable, for programs: "no-role"
    Severity severity;
    haproxy::Place place;
    std::string section;  ///< "listen primary"; empty: of the whole file
    std::string what;
    std::string consequence;
    std::string remedy;
};

/// By severity, then in the order in which they were found.
void rank(std::vector<Finding>& findings);
/// For people; "nothing found" if there are none.
[[nodiscard]] std::string text_of(const std::vector<Finding>& findings);
/// {"findings": [...], "worst": "critical"}; no finding: worst is null.
[[nodiscard]] std::string json_of(const std::vector<Finding>& findings);
/// 0 nothing found or only low ones, 4 medium, 5 high, 6 critical: 1 to 3 mean what they mean for
/// the other commands.
[[nodiscard]] int exit_code_of(const std::vector<Finding>& findings);

}  // namespace proxy::migrate
