#pragma once

#include <optional>
#include <string>

#include "patroni_proxy/migrate/draft/draft.h"
#include "patroni_proxy/migrate/report/ledger.h"

namespace proxy::migrate {

/// Whether a text is a configuration of PgBouncer.
[[nodiscard]] bool is_pgbouncer_file(const std::string& text);

/// Says in `ledger` for each entry of `[databases]` which port of `draft` it leads to. Reads host,
/// port and dbname only; passwords are not shown. Pure.
void read_pgbouncer_file(const std::string& text, const std::string& name,
                         const std::optional<Draft>& draft, Ledger& ledger);

}  // namespace proxy::migrate
