#include "patroni_proxy/port/held_sessions.h"

#include <chrono>
#include <optional>

#include <gtest/gtest.h>

namespace proxy {
namespace {

using namespace std::chrono_literals;

constexpr std::optional<SessionEnd> kHeld = std::nullopt;

TEST(HeldSessionsTest, HoldsOrRefuses) {
    const struct {
        std::chrono::milliseconds queue_timeout;
        std::chrono::milliseconds waited;
        bool queued;
        std::uint64_t others;
        std::optional<SessionEnd> refusal;
    } cases[]{
        {5s, 0ms, false, 0, kHeld},
        {5s, 4'999ms, false, 9, kHeld},
        {5s, 0ms, false, 10, SessionEnd::queue_full},
        {5s, 0ms, false, 11, SessionEnd::queue_full},   // a limit that was lowered
        {5s, 5s, false, 0, SessionEnd::queue_timeout},  // its first try took as long
        {5s, 5s, false, 10, SessionEnd::queue_timeout},
        // Held sessions keep their places though there are more than the new limit.
        {5s, 4'999ms, true, 0, kHeld},
        {5s, 5s, true, 0, SessionEnd::queue_timeout},
        // Nobody is held by default, and by a reload that says so nobody any more.
        {0s, 0ms, false, 0, SessionEnd::no_backend},
        {0s, 10s, false, 0, SessionEnd::no_backend},
        {0s, 1s, true, 0, SessionEnd::queue_timeout},
    };
    for (const auto& [queue_timeout, waited, queued, others, refusal] : cases)
        EXPECT_EQ(refusal_of({waited, queued, others},
                             {.queue_timeout = queue_timeout, .max_queued = 10}),
                  refusal)
            << waited.count() << " of " << queue_timeout.count() << " ms, " << queued << ", "
            << others;
}

}  // namespace
}  // namespace proxy
