#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "patroni_proxy/cli/terminal/table.h"
#include "patroni_proxy/report/report.h"

// What the commands show: answers of the daemon in, tables out. Pure.
namespace proxy::cli {

/// One table per cluster, as by `patronictl list`, with what is wrong with the cluster below it.
[[nodiscard]] std::vector<Table> member_tables(const ProxyReport& report);
[[nodiscard]] std::vector<Table> port_tables(const ProxyReport& report);
/// From the answer of GET /history, the latest last; then the steps of one of its records, nothing
/// if it has none of that number. Both throw Unreadable if it is no such answer.
[[nodiscard]] Table history_table(const std::string& json);
[[nodiscard]] std::optional<Table> record_table(const std::string& json, const std::string& id);
/// From the answer of GET /sessions. Throws Unreadable if it is none.
[[nodiscard]] Table session_table(const std::string& json);

/// The sessions that a member has on all ports of its cluster.
[[nodiscard]] std::uint64_t sessions_of(const ClusterReport& cluster, const std::string& member);
/// How many an operator lets it have; empty: no cap.
[[nodiscard]] std::optional<std::uint32_t> cap_of(const ClusterReport& cluster,
                                                  const std::string& member);
/// Its cap or the port's max_connections_per_backend leaves no place for another one.
[[nodiscard]] bool is_full(const ClusterReport& cluster, const PortReport& port,
                           const std::string& member);

}  // namespace proxy::cli
