#pragma once

#include <chrono>

#include "patroni/rest/rest_client.h"

namespace patroni {

/// Nothing in a test takes this long.
inline constexpr RestClient::Timeouts kPatient{.connect = std::chrono::minutes{1},
                                               .total = std::chrono::minutes{1}};
/// What hangs is given up at once.
inline constexpr RestClient::Timeouts kImpatient{.connect = std::chrono::minutes{1},
                                                 .total = std::chrono::milliseconds{100}};
/// What ends at once or after 100 ms has ended by then, even on a busy machine; what does not end
/// takes the minute.
inline constexpr std::chrono::seconds kSoon{10};

}  // namespace patroni
