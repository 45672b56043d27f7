#pragma once

#include <atomic>
#include <cstdint>

namespace proxy {

/// Counts the sessions that have a place, of which `max_connections` allows so many: those that
/// connect to a backend or are on one, not those that are held or refused. Any thread.
class Places {
  public:
    /// False if all are taken. 0: no limit.
    [[nodiscard]] bool take(std::uint64_t max) noexcept {
        auto taken = taken_.load(std::memory_order_relaxed);
        do {
            if (max != 0 && taken >= max)
                return false;
        } while (!taken_.compare_exchange_weak(taken, taken + 1, std::memory_order_relaxed));
        return true;
    }
    /// Below zero: as many fewer. No limit counts.
    void add(std::uint64_t difference) noexcept {
        taken_.fetch_add(difference, std::memory_order_relaxed);
    }
    void give_back() noexcept { taken_.fetch_sub(1, std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t taken() const noexcept {
        return taken_.load(std::memory_order_relaxed);
    }

  private:
    std::atomic<std::uint64_t> taken_{0};
};

}  // namespace proxy
