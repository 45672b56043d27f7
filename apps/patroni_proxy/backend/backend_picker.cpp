#include "patroni_proxy/backend/backend_picker.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace proxy {
namespace {

using Nanoseconds = std::chrono::nanoseconds;

std::int64_t steady_now() {
    return Nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// The rate limit at one moment. Reads the clock only if there is a limit.
class Pace {
  public:
    explicit Pace(std::uint32_t max_rate)
        : interval_(max_rate == 0 ? 0 : Nanoseconds(std::chrono::seconds(1)).count() / max_rate),
          now_(max_rate == 0 ? 0 : steady_now()) {}

    [[nodiscard]] bool allows(const Backend& backend) const {
        return interval_ == 0 ||
               backend.paid_until.load(std::memory_order_relaxed) + interval_ <= latest();
    }
    /// False if other workers have used up the rest.
    [[nodiscard]] bool spend_on(Backend& backend) const {
        if (interval_ == 0)
            return true;
        auto paid = backend.paid_until.load(std::memory_order_relaxed);
        do {
            if (paid + interval_ > latest())
                return false;
        } while (!backend.paid_until.compare_exchange_weak(paid, std::max(paid, now_) + interval_,
                                                           std::memory_order_relaxed));
        return true;
    }

  private:
    /// A connection that is due later than this must wait; the first one never must.
    [[nodiscard]] std::int64_t latest() const {
        return now_ + std::max<std::int64_t>(Nanoseconds(kRateWindow).count(), interval_);
    }

    const std::int64_t interval_;  ///< between two connections; 0: no limit
    const std::int64_t now_;
};

bool among(const std::vector<const Backend*>& backends, const BackendPtr& backend) {
    return std::find(backends.begin(), backends.end(), backend.get()) != backends.end();
}

/// The eligible backends, and the spares of members whose preferred address fails or was tried.
template <typename Task>
void for_each_candidate(const BackendTable& table, const std::vector<const Backend*>& tried,
                        std::size_t turn, Task task) {
    const std::size_t size = table.eligible.size();
    for (std::size_t i = 0; i < size; ++i)
        if (const BackendPtr& backend = table.eligible[(turn + i) % size]; !among(tried, backend))
            task(backend);
    for (const auto& spare : table.spares) {
        const auto fails = [&](const BackendPtr& preferred) {
            return preferred->member == spare->member &&
                   (preferred->reachability.is_failing() || among(tried, preferred));
        };
        if (!among(tried, spare) &&
            std::any_of(table.eligible.begin(), table.eligible.end(), fails))
            task(spare);
    }
}

/// Connections to the same member at its other addresses: they all reach one server.
std::uint32_t connections_elsewhere(const BackendTable& table, const Backend& backend) {
    std::uint32_t sum = 0;
    if (table.spares.empty())
        return sum;
    for (const auto* backends : {&table.eligible, &table.spares})
        for (const auto& each : *backends)
            if (each.get() != &backend && each->member == backend.member)
                sum += each->connections.load(std::memory_order_relaxed);
    return sum;
}

struct Choice {
    const BackendPtr* backend = nullptr;    ///< null: none is left
    std::uint32_t connections = 0;          ///< when it was chosen
    std::pair<bool, std::uint32_t> rank{};  ///< does it fail, and its member's connections
};

Choice choose(const BackendTable& table, const std::vector<const Backend*>& tried, std::size_t turn,
              const ClaimRules& rules, const Pace& pace, Claim& claim) {
    Choice best;
    for_each_candidate(table, tried, turn, [&](const BackendPtr& backend) {
        const auto connections = backend->connections.load(std::memory_order_relaxed);
        const auto of_member = connections + connections_elsewhere(table, *backend);
        if (rules.confirmed_only && !backend->reachability.accepts()) {
            claim.any_unconfirmed = true;
        } else if (!pace.allows(*backend)) {
            claim.any_rate_limited = true;
        } else if (rules.max_connections != 0 && of_member >= rules.max_connections) {
            claim.any_full = true;
        } else if (of_member >= backend->cap.load(std::memory_order_relaxed)) {
            claim.any_capped = true;
        } else if (const std::pair rank{backend->reachability.is_failing(), of_member};
                   !best.backend || rank < best.rank) {
            best = {&backend, connections, rank};
        }
    });
    return best;
}

}  // namespace

Claim claim_backend(const BackendTable& table, const std::vector<const Backend*>& tried,
                    std::size_t turn, const ClaimRules& rules) {
    const Pace pace(rules.max_rate);
    for (;;) {
        Claim claim;
        Choice best = choose(table, tried, turn, rules, pace, claim);
        if (!best.backend)
            return claim;
        Backend& backend = **best.backend;
        // If another worker has claimed it meanwhile, it may no longer be the best.
        if (!backend.connections.compare_exchange_strong(best.connections, best.connections + 1,
                                                         std::memory_order_relaxed))
            continue;
        if (pace.spend_on(backend)) {
            claim.backend = *best.backend;
            return claim;
        }
        backend.connections.fetch_sub(1, std::memory_order_relaxed);
    }
}

std::vector<BackendPtr> unconfirmed_candidates(const BackendTable& table,
                                               const std::vector<const Backend*>& tried) {
    std::vector<BackendPtr> unconfirmed;
    for_each_candidate(table, tried, 0, [&](const BackendPtr& backend) {
        if (!backend->reachability.accepts())
            unconfirmed.push_back(backend);
    });
    return unconfirmed;
}

}  // namespace proxy
