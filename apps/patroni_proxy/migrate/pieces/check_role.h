#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "haproxy/model/health_check.h"
#include "patroni_proxy/migrate/report/ledger.h"

namespace proxy::migrate {

/// Which members a health check lets through, in our terms.
struct CheckRole {
    std::vector<std::string> roles;  ///< empty: it names none
    std::string why_none;            ///< why there are no roles
    std::string max_lag;             ///< "16MB"; empty: no limit
    std::map<std::string, std::string> tags;
    bool streaming = false;
    const haproxy::Statement* line = nullptr;  ///< what names the role; null if nothing does

    struct Remark {
        const haproxy::Statement* line;
        Outcome outcome;
        std::string why;
    };
    std::vector<Remark> remarks;  ///< on the lines of the check

    [[nodiscard]] bool leader_only() const { return roles == std::vector<std::string>{"leader"}; }
};

/// From the path that Patroni is asked for, its query, and what the answer must be. Pure.
[[nodiscard]] CheckRole role_of(const haproxy::HealthCheck& check);

}  // namespace proxy::migrate
