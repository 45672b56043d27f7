#include "patroni_proxy/backend_picker.h"

#include <algorithm>

namespace proxy {

BackendPtr pick_backend(const BackendTable& table, const std::vector<const Backend*>& tried,
                        std::size_t turn) {
    const std::size_t size = table.eligible.size();
    const BackendPtr* best = nullptr;
    std::uint32_t fewest = 0;
    for (std::size_t i = 0; i < size; ++i) {
        const BackendPtr& backend = table.eligible[(turn + i) % size];
        const auto connections = backend->connections.load(std::memory_order_relaxed);
        const bool untried = std::find(tried.begin(), tried.end(), backend.get()) == tried.end();
        if (untried && (!best || connections < fewest)) {
            best = &backend;
            fewest = connections;
        }
    }
    return best ? *best : nullptr;
}

}  // namespace proxy
