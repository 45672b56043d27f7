#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "patroni_proxy/backend/backend_table.h"
#include "patroni_proxy/host/session_state.h"
#include "patroni_proxy/port/port.h"

namespace proxy {

/// What is counted already for a session that comes from another process.
struct Reservation {
    bool has_place = false;  ///< it is counted in its port and in the process, with a place
    BackendPtr backend{};    ///< that counts its connection; null: none does
};

/// The places of sessions that go on in another process for now and are to come to this one: no
/// client gets them meanwhile. One thread, which is not any worker's.
class Reservations {
  public:
    struct OfPort {
        PortPtr port;
        std::uint64_t sessions;  ///< each with a place
    };
    struct OfBackend {
        std::string cluster;
        BackendPtr backend;
        std::uint32_t connections;
    };

    /// Borrows it.
    explicit Reservations(ProcessSessions& process) : process_(process) {}
    Reservations(const Reservations&) = delete;
    Reservations& operator=(const Reservations&) = delete;
    /// Gives back what is left.
    ~Reservations() { set({}, {}); }

    /// From now on exactly these are reserved: what others had is given back.
    void set(const std::vector<OfPort>& ports, const std::vector<OfBackend>& backends);
    /// The session has come: what is reserved for it is its own now.
    [[nodiscard]] Reservation take(const PortPtr& port, const std::string& cluster,
                                   const SessionState& session);

  private:
    void reserve(Port& port, std::uint64_t difference);

    ProcessSessions& process_;
    std::map<PortPtr, std::uint64_t> ports_;
    using Seats = std::map<BackendPtr, std::uint32_t>;
    std::map<std::pair<std::string, std::string>, Seats> seats_;  ///< by cluster and member
};

}  // namespace proxy
