#pragma once

#include <string>

#include "patroni_proxy/history/story/incident.h"

// Why something happened, as far as Patroni's answers tell. Pure.
namespace proxy::history {

/// By all signs so far. `leads_now`: the leader that takes sessions; empty: none.
[[nodiscard]] Cause cause_of(const Incident& incident, const std::string& leads_now);
/// The cause in words: "leader died: its lock ran out after 19.8 s". `record`: the incident's, with
/// its cause and what was counted.
[[nodiscard]] std::string words_of(const Incident& incident, const Record& record,
                                   const std::string& leads_now);

/// "0.7 s", "19.8 s", "4 min 10 s"
[[nodiscard]] std::string seconds_text(double seconds);

}  // namespace proxy::history
