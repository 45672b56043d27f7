#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "net/socket_address.h"
#include "patroni/judge.h"

namespace proxy {

/// A member as a target of sessions. There is one object for each member and address for as long
/// as anything refers to it, shared by all tables, ports and workers: so its count survives every
/// change of the tables, and being the same object means being the same backend.
struct Backend {
    const std::string member;
    const net::SocketAddress address;
    std::atomic<std::uint32_t> connections{0};  ///< sessions that chose it, connecting ones too
    std::atomic<bool> in_trouble{false};        ///< told already since the last answer of Patroni
};
using BackendPtr = std::shared_ptr<Backend>;

/// What one port may use. Immutable; replaced whole.
struct BackendTable {
    struct Excluded {
        std::string member;
        std::string reason;

        friend bool operator==(const Excluded&, const Excluded&) = default;
    };

    std::vector<BackendPtr> eligible;   ///< for new sessions
    std::vector<BackendPtr> tolerated;  ///< for the sessions they have
    std::vector<Excluded> excluded;     ///< from new sessions, with the reason

    /// How many clients were refused under this table: the first is worth a log line.
    mutable std::atomic<std::uint64_t> refused{0};

    BackendTable() = default;
    BackendTable(const BackendTable& other);

    [[nodiscard]] bool keeps_sessions_of(const Backend* backend) const;
    /// "p1: role is leader; p2: state is stopped", or that Patroni named no member.
    [[nodiscard]] std::string why_excluded() const;
    [[nodiscard]] std::string why_excluded(const std::string& member) const;
    [[nodiscard]] bool same_as(const BackendTable& other) const;
};
using BackendTablePtr = std::shared_ptr<const BackendTable>;

/// What an operator decided about a member, whatever Patroni says.
enum class Override : std::uint8_t {
    drain,        ///< no new sessions
    maintenance,  ///< none at all
};
using Overrides = std::map<std::string, Override>;

/// The backend of a member that is fit to serve, or why it has none.
struct Located {
    BackendPtr backend;
    std::string why_not;
};
using BackendLookup = std::function<Located(const patroni::Member&)>;

/// Pure, given the lookup: who may be used, and why the others may not.
[[nodiscard]] BackendTable build_backend_table(const std::vector<patroni::Verdict>& verdicts,
                                               const Overrides& overrides,
                                               const BackendLookup& lookup);

}  // namespace proxy
