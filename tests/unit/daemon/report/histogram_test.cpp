#include "base/histogram.h"

#include <array>

#include <gtest/gtest.h>

namespace base {
namespace {

struct Scale {
    static constexpr std::array bounds{0.1, 1.0, 10.0};
};
using Counts = std::array<std::uint64_t, 4>;

TEST(HistogramTest, ABoundBelongsToItsBucket) {
    Histogram<Scale> histogram;
    for (const double seconds : {0.0, 0.1, 0.11, 1.0, 9.0, 10.5, 1e9})
        histogram.note(seconds);
    EXPECT_EQ(histogram.counts, (Counts{2, 2, 1, 2}));
    EXPECT_EQ(histogram.total(), 7U);
    EXPECT_DOUBLE_EQ(histogram.sum, 1e9 + 20.71);
}

TEST(HistogramTest, AddsUpAndSaysWhatCameSince) {
    Histogram<Scale> a;
    a.note(0.5);
    Histogram<Scale> b = a;
    b.note(5);
    Histogram<Scale> since = b;
    since -= a;
    EXPECT_EQ(since.counts, (Counts{0, 0, 1, 0}));
    EXPECT_DOUBLE_EQ(since.sum, 5);
    a += b;
    EXPECT_EQ(a.counts, (Counts{0, 2, 1, 0}));
}

TEST(HistogramTest, EstimatesQuantilesWithinABucket) {
    Histogram<Scale> histogram;
    EXPECT_EQ(histogram.quantile(0.5), std::nullopt);
    for (int i = 0; i < 100; ++i)
        histogram.note(0.5);
    EXPECT_DOUBLE_EQ(histogram.quantile(0.5).value(), 0.55);
    EXPECT_DOUBLE_EQ(histogram.quantile(1.0).value(), 1.0);
    for (int i = 0; i < 100; ++i)
        histogram.note(100);
    EXPECT_DOUBLE_EQ(histogram.quantile(0.25).value(), 0.55);
    EXPECT_DOUBLE_EQ(histogram.quantile(0.99).value(), 10.0) << "no more is known of it";
}

}  // namespace
}  // namespace base
