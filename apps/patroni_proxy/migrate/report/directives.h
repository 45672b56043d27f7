#pragma once

#include <string>

#include "haproxy/grammar/configuration.h"
#include "haproxy/model/line_options.h"
#include "patroni_proxy/migrate/report/ledger.h"

namespace proxy::migrate {

/// What becomes of a directive wherever it stands.
struct Fate {
    Outcome outcome;
    std::string why;
};

/// Of a statement that no other part of the import reads. One that is unknown is not carried over.
[[nodiscard]] Fate fate_of(const haproxy::Statement& statement);
/// Of a setting of a `server` or `default-server` line; `leader_only`: of a backend for writes.
[[nodiscard]] Fate fate_of_server_option(const haproxy::LineOption& option, bool leader_only);
/// Of a setting of a `bind` line.
[[nodiscard]] Fate fate_of_bind_option(const haproxy::LineOption& option);

}  // namespace proxy::migrate
