#include "patroni_proxy/backend_picker.h"

#include <algorithm>

namespace proxy {
namespace {

struct Choice {
    const BackendPtr* backend = nullptr;  ///< null: none is left
    std::uint32_t connections = 0;        ///< those it had when it was looked at
};

Choice fewest_connections(const BackendTable& table, const std::vector<const Backend*>& tried,
                          std::size_t turn) {
    const std::size_t size = table.eligible.size();
    Choice best;
    for (std::size_t i = 0; i < size; ++i) {
        const BackendPtr& backend = table.eligible[(turn + i) % size];
        const auto connections = backend->connections.load(std::memory_order_relaxed);
        const bool untried = std::find(tried.begin(), tried.end(), backend.get()) == tried.end();
        if (untried && (!best.backend || connections < best.connections))
            best = {&backend, connections};
    }
    return best;
}

}  // namespace

Claim claim_backend(const BackendTable& table, const std::vector<const Backend*>& tried,
                    std::size_t turn, std::uint32_t max_connections) {
    for (;;) {
        Choice best = fewest_connections(table, tried, turn);
        if (!best.backend)
            return {};
        if (max_connections != 0 && best.connections >= max_connections)
            return {nullptr, true};
        // Another worker may have claimed it meanwhile: then it may not be the best any more.
        if ((*best.backend)
                ->connections.compare_exchange_strong(best.connections, best.connections + 1,
                                                      std::memory_order_relaxed))
            return {*best.backend, false};
    }
}

}  // namespace proxy
