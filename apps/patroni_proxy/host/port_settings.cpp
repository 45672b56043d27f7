#include "patroni_proxy/host/port_settings.h"

#include <algorithm>

namespace proxy {

using TimePoint = std::chrono::steady_clock::time_point;

bool lets_wait(const PortSettings& settings, TimePoint now) {
    return settings.held || settings.queue_timeout.count() != 0 ||
           (settings.hold_ended && now < *settings.hold_ended + kAfterHold);
}

TimePoint waits_until(const PortSettings& settings, TimePoint accepted_at) {
    if (settings.held)
        return TimePoint::max();
    const TimePoint by_queue = accepted_at + settings.queue_timeout;
    if (!settings.hold_ended)
        return by_queue;
    // The time under a hold does not count.
    return std::max(by_queue, *settings.hold_ended + std::max<TimePoint::duration>(
                                                         settings.queue_timeout, kAfterHold));
}

}  // namespace proxy
