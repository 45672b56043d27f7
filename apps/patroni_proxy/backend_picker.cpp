#include "patroni_proxy/backend_picker.h"

#include <algorithm>
#include <chrono>

namespace proxy {
namespace {

using Nanoseconds = std::chrono::nanoseconds;

std::int64_t steady_now() {
    return Nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Of the connections of one moment. Without a limit nobody asks for the time.
class Pace {
  public:
    explicit Pace(std::uint32_t max_rate)
        : interval_(max_rate == 0 ? 0 : Nanoseconds(std::chrono::seconds(1)).count() / max_rate),
          now_(max_rate == 0 ? 0 : steady_now()) {}

    [[nodiscard]] bool allows(const Backend& backend) const {
        return interval_ == 0 ||
               backend.paid_until.load(std::memory_order_relaxed) + interval_ <= latest();
    }
    /// False if other workers took what was left.
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
    /// One that is due later than this has to wait; the first one never has.
    [[nodiscard]] std::int64_t latest() const {
        return now_ + std::max<std::int64_t>(Nanoseconds(kRateWindow).count(), interval_);
    }

    const std::int64_t interval_;  ///< between two connections, 0: none
    const std::int64_t now_;
};

struct Choice {
    const BackendPtr* backend = nullptr;  ///< null: none is left
    std::uint32_t connections = 0;        ///< those it had when it was looked at
    bool met_hurried = false;
    bool met_doubtful = false;
};

Choice fewest_connections(const std::vector<BackendPtr>& backends,
                          const std::vector<const Backend*>& tried, std::size_t turn,
                          bool no_doubtful, const Pace& pace) {
    const std::size_t size = backends.size();
    Choice best;
    for (std::size_t i = 0; i < size; ++i) {
        const BackendPtr& backend = backends[(turn + i) % size];
        if (std::find(tried.begin(), tried.end(), backend.get()) != tried.end())
            continue;
        const auto connections = backend->connections.load(std::memory_order_relaxed);
        if (no_doubtful && backend->is_doubtful()) {
            best.met_doubtful = true;
        } else if (!pace.allows(*backend)) {
            best.met_hurried = true;
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
    const Pace pace(rules.max_rate);
    for (;;) {
        Choice best = fewest_connections(table.eligible, tried, turn, rules.no_doubtful, pace);
        // All were tried: a member that does not answer at one address may at another.
        if (!best.backend && !best.met_hurried && !best.met_doubtful)
            best = fewest_connections(table.spares, tried, 0, rules.no_doubtful, pace);
        Claim claim{.met_hurried = best.met_hurried, .met_doubtful = best.met_doubtful};
        if (!best.backend)
            return claim;
        if (rules.max_connections != 0 && best.connections >= rules.max_connections) {
            claim.met_full = true;
            return claim;
        }
        Backend& backend = **best.backend;
        // Another worker may have claimed it meanwhile: then it may not be the best any more.
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

}  // namespace proxy
