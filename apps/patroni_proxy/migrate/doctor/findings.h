#pragma once

#include <string>
#include <vector>

#include "haproxy/grammar/configuration.h"
#include "haproxy/model/health_check.h"
#include "haproxy/model/proxy.h"
#include "patroni_proxy/migrate/doctor/finding.h"
#include "patroni_proxy/migrate/pieces/check_role.h"
#include "patroni_proxy/migrate/pieces/port_rules.h"

namespace proxy::migrate {

/// A backend of PostgreSQL and those that lead to it.
struct Examined {
    const haproxy::Proxy* backend = nullptr;
    std::vector<const haproxy::Proxy*> frontends;
    std::vector<PortRules> rules;  ///< of each frontend
    haproxy::HealthCheck check;
    CheckRole role;

    [[nodiscard]] std::string name() const { return backend->section->kind + " " + backend->name; }
};

/// Everything that is wrong, ranked. Only sections that lead to PostgreSQL are examined: a server
/// on a port of PostgreSQL or PgBouncer, or a check of Patroni or PostgreSQL. No secret is in the
/// result. Pure. Throws haproxy::ReadError.
[[nodiscard]] std::vector<Finding> examine(const haproxy::Configuration& configuration);

/// What the health check and the servers of one backend cost.
void find_in_check(const Examined& examined, std::vector<Finding>& findings);
/// What timeouts, addresses and rules cost.
void find_in_settings(const Examined& examined, std::vector<Finding>& findings);
/// What `global` and the file as a whole cost.
void find_in_file(const haproxy::Configuration& configuration,
                  const std::vector<Examined>& examined, std::vector<Finding>& findings);

}  // namespace proxy::migrate
