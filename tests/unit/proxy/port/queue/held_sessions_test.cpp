#include "patroni_proxy/port/held_sessions.h"

#include <chrono>
#include <optional>

#include <gtest/gtest.h>

namespace proxy {
namespace {

using namespace std::chrono_literals;

constexpr std::optional<SessionEnd> kHeld = std::nullopt;
constexpr std::chrono::steady_clock::time_point kAcceptedAt{1h};

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
        EXPECT_EQ(refusal_of({kAcceptedAt, kAcceptedAt + waited, queued, others},
                             {.queue_timeout = queue_timeout, .max_queued = 10}),
                  refusal)
            << waited.count() << " of " << queue_timeout.count() << " ms, " << queued << ", "
            << others;
}

TEST(HeldSessionsTest, AnOperatorsHoldLetsEverybodyWait) {
    const struct {
        std::chrono::milliseconds queue_timeout;
        std::chrono::milliseconds waited;
        bool queued;
        std::uint64_t others;
        std::optional<SessionEnd> refusal;
    } cases[]{
        {0s, 0ms, false, 9, kHeld},  // though the port has no queue otherwise
        {0s, 1h, true, 9, kHeld},
        {5s, 1h, true, 9, kHeld},
        {0s, 0ms, false, 10, SessionEnd::queue_full},
    };
    for (const auto& [queue_timeout, waited, queued, others, refusal] : cases)
        EXPECT_EQ(refusal_of({kAcceptedAt, kAcceptedAt + waited, queued, others},
                             {.queue_timeout = queue_timeout, .max_queued = 10, .held = "held"}),
                  refusal)
            << waited.count() << ", " << queued << ", " << others;
}

TEST(HeldSessionsTest, TheTimeUnderAHoldDoesNotCount) {
    const auto refusal_after = [](std::chrono::milliseconds queue_timeout,
                                  std::chrono::milliseconds since_release, bool queued) {
        const auto released = kAcceptedAt + 1min;
        return refusal_of({kAcceptedAt, released + since_release, queued, 0},
                          {.queue_timeout = queue_timeout, .hold_ended = released});
    };
    // Without a queue they get their turn nevertheless, and so do those who come meanwhile.
    EXPECT_EQ(refusal_after(0s, 0s, true), kHeld);
    EXPECT_EQ(refusal_after(0s, 4'999ms, true), kHeld);
    EXPECT_EQ(refusal_after(0s, 4'999ms, false), kHeld);
    EXPECT_EQ(refusal_after(0s, 5s, true), SessionEnd::queue_timeout);
    EXPECT_EQ(refusal_after(0s, 5s, false), SessionEnd::no_backend);
    EXPECT_EQ(refusal_after(9s, 8'999ms, true), kHeld);
    EXPECT_EQ(refusal_after(9s, 9s, true), SessionEnd::queue_timeout);
    // A later client never has to go before an earlier one.
    const PortSettings settings{.queue_timeout = 1s, .hold_ended = kAcceptedAt};
    EXPECT_LE(waits_until(settings, kAcceptedAt), waits_until(settings, kAcceptedAt + 500ms));
    EXPECT_LE(waits_until(settings, kAcceptedAt + 4s), waits_until(settings, kAcceptedAt + 5s));
}

}  // namespace
}  // namespace proxy
