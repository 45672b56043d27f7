#pragma once

#include <map>
#include <string>
#include <vector>

#include "patroni_proxy/backend/backend_table.h"
#include "patroni_proxy/upgrade/messages/messages.h"

namespace proxy::upgrade {

/// What a port with this table serves. Pure.
[[nodiscard]] PortNeeds needs_of(const std::string& label, const BackendTable& table);

/// Why a process with these tables, by label, would serve less than the running one: a port has no
/// backend any more, or sessions would end that stay there. Empty if it would serve the same. Ports
/// that it does not have are no reason: their sessions stay where they are. Pure.
[[nodiscard]] std::string why_not_yet(const std::vector<PortNeeds>& needs,
                                      const std::map<std::string, BackendTablePtr>& tables);

}  // namespace proxy::upgrade
