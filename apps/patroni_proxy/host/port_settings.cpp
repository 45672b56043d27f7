#include "patroni_proxy/host/port_settings.h"

#include <algorithm>

namespace proxy {

using TimePoint = std::chrono::steady_clock::time_point;

namespace {

bool any_contains(const std::vector<net::Network>& networks, const net::SocketAddress& address) {
    return std::any_of(networks.begin(), networks.end(),
                       [&](const net::Network& network) { return network.contains(address); });
}

}  // namespace

std::optional<AcceptProxy> header_of(const PortSettings& settings,
                                     const net::SocketAddress& client) {
    if (settings.proxy_protocol == AcceptProxy::off || client.family() == AF_UNSPEC ||
        any_contains(settings.proxy_protocol_from, client))
        return settings.proxy_protocol;
    return settings.proxy_protocol == AcceptProxy::optional ? std::optional(AcceptProxy::off)
                                                            : std::nullopt;
}

bool is_allowed(const PortSettings& settings, const net::SocketAddress& client) {
    return settings.allow.empty() || client.family() == AF_UNSPEC ||
           any_contains(settings.allow, client);
}

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
    // The time while the port was held does not count.
    return std::max(by_queue, *settings.hold_ended + std::max<TimePoint::duration>(
                                                         settings.queue_timeout, kAfterHold));
}

}  // namespace proxy
