#pragma once

#include <chrono>
#include <cstdint>
#include <random>

namespace simulation {

/// Random numbers that depend on the seed alone, with any standard library. A value.
class Chance {
  public:
    explicit Chance(std::uint64_t seed) : source_(seed) {}

    /// Any number in [least, most].
    [[nodiscard]] std::int64_t between(std::int64_t least, std::int64_t most) {
        const auto range = static_cast<std::uint64_t>(most - least) + 1;
        return least + static_cast<std::int64_t>(source_() % range);
    }
    [[nodiscard]] bool one_in(std::int64_t n) { return between(1, n) == 1; }
    [[nodiscard]] std::chrono::milliseconds ms(std::int64_t least, std::int64_t most) {
        return std::chrono::milliseconds(between(least, most));
    }
    template <typename Container>
    [[nodiscard]] auto& any_of(Container& container) {
        return container[static_cast<std::size_t>(between(0, std::ssize(container) - 1))];
    }

  private:
    std::mt19937_64 source_;
};

}  // namespace simulation
