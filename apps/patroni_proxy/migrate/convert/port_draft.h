#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "haproxy/model/health_check.h"
#include "haproxy/model/proxy.h"
#include "patroni_proxy/migrate/draft/draft.h"
#include "patroni_proxy/migrate/pieces/check_role.h"
#include "patroni_proxy/migrate/pieces/listen_draft.h"
#include "patroni_proxy/migrate/pieces/port_rules.h"
#include "patroni_proxy/migrate/pieces/server_lines.h"
#include "patroni_proxy/migrate/report/ledger.h"

namespace proxy::migrate {

/// A backend of HAProxy, read.
struct BackendPlan {
    const haproxy::Proxy* proxy = nullptr;
    const haproxy::Proxy* checker = nullptr;  ///< whose check counts: itself unless it tracks
    haproxy::HealthCheck check;
    CheckRole role;
    ServerLines servers;
};

/// A frontend of HAProxy that becomes a port of ours.
struct PortPlan {
    const haproxy::Proxy* frontend = nullptr;
    BackendPlan backend;
    std::optional<BackendPlan> fallback;
    PortRules rules;
    ListenDraft listen;
};

/// The cluster that these ports lead to. Says in `ledger` what became of their directives.
[[nodiscard]] ClusterDraft draft_cluster(const std::vector<PortPlan>& ports,
                                         const std::string& name,
                                         const std::vector<std::string>& hosts, Ledger& ledger);

/// The settings of the top level: of `global`, and of all ports where they agree.
class GlobalSettings {
  public:
    GlobalSettings(const haproxy::Configuration& configuration, Ledger& ledger);

    void take(const PortPlan& port);
    /// Moves what all ports of `draft` have in common to the top.
    [[nodiscard]] std::vector<Entry> finish(Draft& draft);

  private:
    void add_number(const char* directive, const char* key, Outcome outcome, const char* why);
    void add_time(const haproxy::Statement* statement, std::size_t word, const char* key,
                  std::int64_t least, std::int64_t most);

    const haproxy::Configuration& configuration_;
    Ledger& ledger_;
    std::map<std::string, Entry> entries_;
    std::optional<std::int64_t> interval_;
};

}  // namespace proxy::migrate
