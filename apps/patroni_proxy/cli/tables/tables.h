#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "patroni_proxy/cli/terminal/table.h"
#include "patroni_proxy/report/report.h"

// What the commands that look show: answers of the daemon in, tables out. Pure.
namespace proxy::cli {

/// One table a cluster, as `patronictl list`, and what is wrong with the cluster below it.
[[nodiscard]] std::vector<Table> member_tables(const ProxyReport& report);
[[nodiscard]] std::vector<Table> port_tables(const ProxyReport& report);
/// From the answer of GET /sessions. Throws Unreadable if it is none.
[[nodiscard]] Table session_table(const std::string& json);

/// The sessions that a member has on all ports of its cluster.
[[nodiscard]] std::uint64_t sessions_of(const ClusterReport& cluster, const std::string& member);

/// "p1 is drained by uid 0, pid 42 since 2026-11-27 03:12:07, until 05:12:07: new disks".
[[nodiscard]] std::string setting_text(const std::string& cluster, const OperatorReport& setting);
/// "3 min 20 s": the two largest units.
[[nodiscard]] std::string duration_text(double seconds);
/// "12 kB", with PostgreSQL's units.
[[nodiscard]] std::string bytes_text(std::uint64_t bytes);
[[nodiscard]] std::string joined(const std::vector<std::string>& words);

}  // namespace proxy::cli
