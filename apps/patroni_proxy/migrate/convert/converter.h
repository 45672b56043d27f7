#pragma once

#include <optional>
#include <string>
#include <vector>

#include "haproxy/grammar/configuration.h"
#include "patroni_proxy/migrate/draft/draft.h"
#include "patroni_proxy/migrate/report/ledger.h"

namespace proxy::migrate {

struct Conversion {
    /// Nothing if no section routes by a role that Patroni tells.
    std::optional<Draft> draft;
    Ledger ledger;
};

/// Makes a configuration of ours. `hosts` are REST APIs ("http://10.0.0.11:8008") for clusters
/// whose servers the files do not name, as templates do. Pure. Throws haproxy::ReadError.
[[nodiscard]] Conversion convert(const haproxy::Configuration& configuration,
                                 const std::vector<std::string>& hosts);

}  // namespace proxy::migrate
