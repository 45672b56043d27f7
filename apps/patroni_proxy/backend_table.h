#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/socket_address.h"
#include "patroni/cluster_snapshot.h"
#include "patroni/eligibility.h"

namespace proxy {

/// A member as a target of sessions. There is one object for each member and address for as long
/// as anything refers to it, shared by all tables, ports and workers: so its count survives every
/// change of the tables, and being the same object means being the same backend.
struct Backend {
    const std::string member;
    const net::SocketAddress address;
    std::atomic<std::uint32_t> connections{0};  ///< sessions that chose it, connecting ones too
};
using BackendPtr = std::shared_ptr<Backend>;

/// What one port may use. Immutable; replaced whole.
struct BackendTable {
    struct Excluded {
        std::string member;
        std::string reason;
    };

    std::vector<BackendPtr> eligible;
    std::vector<Excluded> excluded;

    [[nodiscard]] bool contains(const Backend* backend) const;
    /// "p1: role is leader; p2: state is stopped", or that Patroni named no member.
    [[nodiscard]] std::string why_excluded() const;
};
using BackendTablePtr = std::shared_ptr<const BackendTable>;

/// The backend of a member that is fit to serve; null if its host has no address.
using BackendLookup = std::function<BackendPtr(const patroni::Member&)>;

/// Pure, given the lookup: the members of `snapshot` that meet `wanted`, and why the others do not.
[[nodiscard]] BackendTable build_backend_table(const patroni::ClusterSnapshot& snapshot,
                                               const patroni::Requirements& wanted,
                                               const BackendLookup& lookup);

}  // namespace proxy
