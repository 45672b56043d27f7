#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <map>
#include <string>

#include "base/histogram.h"
#include "patroni_proxy/host/tally.h"

namespace proxy {

/// How long connecting to a member took on one port, and how long its clients were held.
struct PortTimes {
    base::Histogram<ConnectScale> connect{};
    base::Histogram<HeldScale> held{};
};
[[nodiscard]] PortTimes times_of(const PortTally& tally);

/// What was counted in the last minute, from copies of the counts taken every ten seconds. One
/// thread at a time.
class LastMinute {
  public:
    using Clock = std::chrono::steady_clock;
    static constexpr std::chrono::seconds kStep{10};
    static constexpr std::size_t kCopies = 6;

    /// The counts of all ports at that time, by label. Copies that come too soon are ignored.
    void add(Clock::time_point at, std::map<std::string, PortTimes> times);
    /// `now` is the port's latest count.
    [[nodiscard]] PortTimes since(const std::string& port, const PortTimes& now) const;

    struct Copy {
        Clock::time_point at;
        std::map<std::string, PortTimes> times;
    };
    /// The oldest first. Whoever has the same counts can go on with them: by add(), before any
    /// other.
    [[nodiscard]] const std::deque<Copy>& copies() const noexcept { return copies_; }

  private:
    std::deque<Copy> copies_;  ///< the oldest first
};

}  // namespace proxy
