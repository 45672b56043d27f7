#pragma once

#include <cstddef>
#include <vector>

#include "patroni_proxy/backend_table.h"

namespace proxy {

/// The eligible backend with the fewest connections that is not among `tried`; null if none is
/// left. `turn` decides between equals, so that they are used in turn: hundreds of proxies with
/// few sessions each must not all prefer the first.
[[nodiscard]] BackendPtr pick_backend(const BackendTable& table,
                                      const std::vector<const Backend*>& tried, std::size_t turn);

}  // namespace proxy
