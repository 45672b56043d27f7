#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>

namespace base {

/// Counts durations by size. `Scale::bounds` are the upper bounds of its buckets in seconds,
/// ascending. It neither allocates nor locks: each thread counts in its own, and whoever reports
/// adds up copies.
template <typename Scale>
struct Histogram {
    static constexpr auto& bounds = Scale::bounds;
    static constexpr std::size_t kBuckets = Scale::bounds.size() + 1;

    std::array<std::uint64_t, kBuckets>
        counts{};    ///< not cumulative; the last bucket has no upper bound
    double sum = 0;  ///< seconds

    void note(double seconds) noexcept {
        const auto bucket = std::lower_bound(bounds.begin(), bounds.end(), seconds);
        ++counts[static_cast<std::size_t>(bucket - bounds.begin())];
        sum += seconds;
    }
    Histogram& operator+=(const Histogram& other) noexcept {
        for (std::size_t i = 0; i < kBuckets; ++i)
            counts[i] += other.counts[i];
        sum += other.sum;
        return *this;
    }
    /// What was counted since `earlier`, a copy of the same histogram.
    Histogram& operator-=(const Histogram& earlier) noexcept {
        for (std::size_t i = 0; i < kBuckets; ++i)
            counts[i] -= std::min(counts[i], earlier.counts[i]);
        sum -= earlier.sum;
        return *this;
    }

    [[nodiscard]] std::uint64_t total() const noexcept {
        return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
    }
    /// The value that `share` of all values do not exceed, interpolated within its bucket as
    /// Prometheus' histogram_quantile() does. Values above the highest bound count as that bound.
    /// Nothing if nothing was counted.
    [[nodiscard]] std::optional<double> quantile(double share) const noexcept {
        const std::uint64_t all = total();
        if (all == 0)
            return std::nullopt;
        const double rank = share * static_cast<double>(all);
        double below = 0;
        for (std::size_t i = 0; i < bounds.size(); ++i) {
            const auto here = static_cast<double>(counts[i]);
            if (here > 0 && below + here >= rank) {
                const double from = i == 0 ? 0 : bounds[i - 1];
                return from + (bounds[i] - from) * (rank - below) / here;
            }
            below += here;
        }
        return bounds.back();
    }

    friend bool operator==(const Histogram&, const Histogram&) = default;
};

}  // namespace base
