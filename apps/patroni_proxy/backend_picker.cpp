#include "patroni_proxy/backend_picker.h"

#include <algorithm>

namespace proxy {
namespace {

struct Choice {
    const BackendPtr* backend = nullptr;  ///< null: none is left
    std::uint32_t connections = 0;        ///< those it had when it was looked at
    bool met_doubtful = false;
};

Choice fewest_connections(const BackendTable& table, const std::vector<const Backend*>& tried,
                          std::size_t turn, bool no_doubtful) {
    const std::size_t size = table.eligible.size();
    Choice best;
    for (std::size_t i = 0; i < size; ++i) {
        const BackendPtr& backend = table.eligible[(turn + i) % size];
        if (std::find(tried.begin(), tried.end(), backend.get()) != tried.end())
            continue;
        const auto connections = backend->connections.load(std::memory_order_relaxed);
        if (no_doubtful && backend->is_doubtful()) {
            best.met_doubtful = true;
        } else if (!best.backend || connections < best.connections) {
            best.backend = &backend;
            best.connections = connections;
        }
    }
    return best;
}

}  // namespace

Claim claim_backend(const BackendTable& table, const std::vector<const Backend*>& tried,
                    std::size_t turn, const ClaimRules& rules) {
    for (;;) {
        Choice best = fewest_connections(table, tried, turn, rules.no_doubtful);
        if (!best.backend)
            return {.met_doubtful = best.met_doubtful};
        if (rules.max_connections != 0 && best.connections >= rules.max_connections)
            return {.met_full = true, .met_doubtful = best.met_doubtful};
        // Another worker may have claimed it meanwhile: then it may not be the best any more.
        if ((*best.backend)
                ->connections.compare_exchange_strong(best.connections, best.connections + 1,
                                                      std::memory_order_relaxed))
            return {.backend = *best.backend, .met_doubtful = best.met_doubtful};
    }
}

}  // namespace proxy
