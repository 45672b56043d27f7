#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/socket/socket_address.h"
#include "patroni/verdict/judge.h"
#include "patroni_proxy/backend/reachability.h"

namespace proxy {

inline constexpr std::uint32_t kNoCap = std::numeric_limits<std::uint32_t>::max();

/// A member's PostgreSQL address, as the target of sessions. There is one object for each member
/// and address for as long as anything refers to it, shared by all tables, ports and workers. So
/// its count survives every change of the tables, and the same object means the same backend.
struct Backend {
    const std::string member;
    const net::SocketAddress address;
    std::atomic<std::uint32_t> connections{0};  ///< of sessions, connecting ones included
    /// When the last of its connections would be due if they came at the allowed rate, in
    /// nanoseconds of the steady clock.
    std::atomic<std::int64_t> paid_until{0};
    Reachability reachability{};
    /// Most connections to the member, as an operator has set it; new sessions keep to it.
    std::atomic<std::uint32_t> cap{kNoCap};
};
using BackendPtr = std::shared_ptr<Backend>;

/// By which of the port's two lists of roles a session's backend was eligible when it began.
enum class ServedBy : std::uint8_t {
    roles,  ///< only `roles` may keep the session, for that is what the client was promised
    fallback_roles,  ///< either list may keep it
};

/// What happens to the sessions that fell back once a member is eligible by `roles` again.
enum class OnReturn : std::uint8_t { keep, close };

/// The backends of one port. Immutable; replaced whole.
struct BackendTable {
    struct Excluded {
        std::string member;
        std::string reason;

        friend bool operator==(const Excluded&, const Excluded&) = default;
    };

    bool from_an_answer = false;       ///< false: Patroni has not answered yet
    std::vector<BackendPtr> eligible;  ///< for new sessions, each member at one address
    /// Further addresses of eligible members, in order of preference: for new sessions if the
    /// address before does not answer.
    std::vector<BackendPtr> spares;
    std::vector<BackendPtr> tolerated;  ///< draining: they keep the sessions they have
    std::vector<Excluded> excluded;     ///< not eligible by `roles`

    /// Whether `eligible` and `spares` are eligible by `fallback_roles` only.
    bool falls_back = false;
    std::vector<BackendPtr> fallback;         ///< they keep sessions that fell back
    std::vector<Excluded> fallback_excluded;  ///< these may not keep them

    /// How many clients were refused while it was in force: the first is worth a log line.
    mutable std::atomic<std::uint64_t> refused{0};

    BackendTable() = default;
    BackendTable(const BackendTable& other);

    /// One that new sessions or those that are there may be on; null if there is none.
    [[nodiscard]] BackendPtr find(const std::string& member,
                                  const net::SocketAddress& address) const;
    [[nodiscard]] bool keeps_sessions_of(const Backend* backend,
                                         ServedBy served_by = ServedBy::roles) const;
    /// Whether new sessions may begin on this backend.
    [[nodiscard]] bool leads_to(const Backend* backend) const;
    /// Whether the backend is eligible by `roles`: a session that fell back to it counts as served
    /// by `roles` from then on.
    [[nodiscard]] bool serves_by_roles(const Backend* backend) const;
    /// "p1: role is leader; p2: state is stopped", or that Patroni names no member, or has not
    /// answered yet.
    [[nodiscard]] std::string why_excluded() const;
    [[nodiscard]] std::string why_excluded(const std::string& member,
                                           ServedBy served_by = ServedBy::roles) const;
    /// Why the sessions of a backend may not stay.
    [[nodiscard]] std::string why_ended(const Backend& backend, ServedBy served_by) const;
    /// By `roles`, and by `fallback_roles` too if that reason differs.
    [[nodiscard]] std::string why_unused(const std::string& member) const;
    /// Why no session can begin on an eligible member: all of its addresses fail. Empty if one of
    /// them does not.
    [[nodiscard]] std::string why_unreachable(const std::string& member) const;
    /// Since when that is so. Asked right after why_unreachable(); empty: not known.
    [[nodiscard]] std::optional<std::chrono::steady_clock::time_point> unreachable_since(
        const std::string& member) const;
    /// What is known of the eligible members that have not said that they accept sessions: "p2: the
    /// database system is starting up; p3: no answer yet".
    [[nodiscard]] std::string why_unconfirmed() const;
    /// The backends that may be running a query which a client of the port wants to cancel,
    /// draining ones included: first those that have sessions here, then those that may have some
    /// through another proxy.
    [[nodiscard]] std::vector<BackendPtr> cancel_targets() const;
    [[nodiscard]] bool same_as(const BackendTable& other) const;
};
using BackendTablePtr = std::shared_ptr<const BackendTable>;

/// Where an eligible or draining member is.
struct Located {
    std::vector<BackendPtr> backends{};  ///< the preferred address first; empty if none is known
    std::vector<BackendPtr> left{};      ///< addresses it seems to have left; their sessions stay
    std::string why_not{};               ///< why there are no backends
};
using BackendLookup = std::function<Located(const patroni::Member&)>;

/// Which members may be used, and why the others may not. Pure, given the lookup.
[[nodiscard]] BackendTable build_backend_table(const std::vector<patroni::Verdict>& verdicts,
                                               const BackendLookup& lookup);

/// Makes a port's table from one by `roles` and one by `fallback_roles`, which is empty if the port
/// has none. Pure.
[[nodiscard]] BackendTable with_fallback(const BackendTable& regular, const BackendTable& fallback,
                                         OnReturn on_return);

}  // namespace proxy
