#pragma once

#include <string>
#include <vector>

#include "haproxy/model/proxy.h"
#include "patroni_proxy/migrate/draft/draft.h"
#include "patroni_proxy/migrate/report/ledger.h"

namespace proxy::migrate {

/// Where a port listens, from its `bind` lines.
struct ListenDraft {
    std::vector<std::string> addresses;  ///< empty: none that we can listen on
    std::string comment;                 ///< the lines they come from
    std::string mode;                    ///< of unix sockets; empty: not given
    std::string mode_comment;
    std::string accepts_proxy;  ///< the line that has `accept-proxy`; empty: none
};

/// Says in `ledger` what became of each address and each of its settings.
[[nodiscard]] ListenDraft read_listen(const haproxy::Proxy& proxy, Ledger& ledger);

}  // namespace proxy::migrate
