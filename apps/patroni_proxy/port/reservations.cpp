#include "patroni_proxy/port/reservations.h"

namespace proxy {

/// Each number changes at once: nothing is free, or taken twice, in between.
void Reservations::set(const std::vector<OfPort>& ports, const std::vector<OfBackend>& backends) {
    std::map<PortPtr, std::uint64_t> wanted;
    for (const auto& [port, sessions] : ports)
        wanted[port] += sessions;
    for (const auto& [port, reserved] : ports_)
        wanted.try_emplace(port, 0);
    for (const auto& [port, sessions] : wanted)
        reserve(*port, sessions - ports_[port]);
    ports_ = std::move(wanted);

    const auto former = std::exchange(seats_, {});
    for (const auto& [cluster, backend, connections] : backends)
        seats_[{cluster, backend->member}][backend] += connections;
    for (const auto& [member, seats] : former)
        for (const auto& [backend, reserved] : seats)
            seats_[member].try_emplace(backend, 0);
    for (const auto& [member, seats] : seats_)
        for (const auto& [backend, reserved] : seats) {
            const auto all = former.find(member);
            const bool had = all != former.end() && all->second.contains(backend);
            const std::uint32_t before = had ? all->second.at(backend) : 0;
            backend->connections.fetch_add(reserved - before, std::memory_order_relaxed);
        }
}

/// Unsigned numbers wrap around: a difference below zero is one as well.
void Reservations::reserve(Port& port, std::uint64_t difference) {
    port.sessions.fetch_add(difference, std::memory_order_relaxed);
    port.places.add(difference);
    process_.open.fetch_add(difference, std::memory_order_relaxed);
    process_.places.add(difference);
}

Reservation Reservations::take(const PortPtr& port, const std::string& cluster,
                               const SessionState& session) {
    Reservation taken;
    if (session.stage != SessionState::Stage::relaying)
        return taken;
    if (const auto found = ports_.find(port);
        session.has_place && found != ports_.end() && found->second > 0) {
        --found->second;
        taken.has_place = true;
    }
    const auto found = seats_.find({cluster, session.member});
    if (!session.has_seat || found == seats_.end())
        return taken;
    for (auto& [backend, reserved] : found->second)
        if (!taken.backend && reserved > 0 && backend->address == session.backend) {
            --reserved;
            taken.backend = backend;
        }
    return taken;
}

}  // namespace proxy
