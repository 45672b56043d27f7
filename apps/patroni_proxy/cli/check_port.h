#pragma once

#include <cstdint>
#include <string>

#include "patroni_proxy/cli/status/names.h"
#include "patroni_proxy/report/report.h"

namespace proxy::cli {

/// The exit codes of a monitoring plug-in, as Nagios defined them.
enum class Alarm : std::uint8_t { ok = 0, warning = 1, critical = 2, unknown = 3 };
[[nodiscard]] std::string name_of(Alarm alarm);

struct PortCheck {
    Alarm alarm = Alarm::unknown;
    std::string text;         ///< one line for people, without `|`
    std::string performance;  ///< "sessions=12;;;0;500 held=0;;;0"

    /// "OK - main/master: p1 serves | sessions=12;;;0;500"
    [[nodiscard]] std::string line() const;
};

/// How a new client of the port would fare, by the exit codes that `check --help` lists. Pure.
/// Throws std::runtime_error if there is no such port.
[[nodiscard]] PortCheck check_port(const ProxyReport& report, const Name& port);

}  // namespace proxy::cli
