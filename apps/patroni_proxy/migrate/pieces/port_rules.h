#pragma once

#include <string>
#include <vector>

#include "haproxy/model/proxy.h"
#include "patroni_proxy/migrate/report/ledger.h"

namespace proxy::migrate {

/// What the rules of a frontend decide: where its clients go, and which are let in.
struct PortRules {
    std::string target;    ///< the backend's name; empty: none
    std::string fallback;  ///< the backend that serves while `target` has no server
    const haproxy::Statement* fallback_line = nullptr;
    std::vector<std::string> allow;  ///< networks; empty: everybody
    const haproxy::Statement* allow_line = nullptr;
};

/// Says in `ledger` what became of each rule and ACL. Read: use_backend with nbsrv, and tcp-request
/// connection with src.
[[nodiscard]] PortRules read_rules(const haproxy::Proxy& proxy, Ledger& ledger);

}  // namespace proxy::migrate
