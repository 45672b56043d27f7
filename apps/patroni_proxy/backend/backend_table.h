#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/socket/socket_address.h"
#include "patroni/verdict/judge.h"
#include "patroni_proxy/backend/reachability.h"

namespace proxy {

/// A member as a target of sessions. There is one object for each member and address for as long
/// as anything refers to it, shared by all tables, ports and workers: so its count survives every
/// change of the tables, and being the same object means being the same backend.
struct Backend {
    const std::string member;
    const net::SocketAddress address;
    std::atomic<std::uint32_t> connections{0};  ///< sessions that chose it, connecting ones too
    /// When the connections that it got would all be due, had they come at the rate that is
    /// allowed: nanoseconds of the steady clock.
    std::atomic<std::int64_t> paid_until{0};
    Reachability reachability{};
};
using BackendPtr = std::shared_ptr<Backend>;

/// By which of a port's two lists of roles a session came to its backend.
enum class Admission : std::uint8_t {
    regular,   ///< by `roles`: these alone judge it, for they are what its client was promised
    fallback,  ///< by `fallback_roles`, as nobody served by `roles`: either list may keep it
};

/// What becomes of the sessions that fell back, once a member serves by `roles` again.
enum class OnReturn : std::uint8_t { keep, close };

/// What one port may use. Immutable; replaced whole.
struct BackendTable {
    struct Excluded {
        std::string member;
        std::string reason;

        friend bool operator==(const Excluded&, const Excluded&) = default;
    };

    std::vector<BackendPtr> eligible;  ///< for new sessions, each member at one address
    /// Members that are eligible at their further addresses, in order of preference: for new
    /// sessions where the address before does not answer.
    std::vector<BackendPtr> spares;
    std::vector<BackendPtr> tolerated;  ///< for the sessions they have
    std::vector<Excluded> excluded;     ///< by `roles` from new sessions, with the reason

    /// Whether `eligible` and `spares` are members by `fallback_roles`.
    bool falls_back = false;
    std::vector<BackendPtr> fallback;         ///< for the sessions that fell back to them
    std::vector<Excluded> fallback_excluded;  ///< from keeping such sessions, with the reason

    /// How many clients were refused under this table: the first is worth a log line.
    mutable std::atomic<std::uint64_t> refused{0};

    BackendTable() = default;
    BackendTable(const BackendTable& other);

    [[nodiscard]] bool keeps_sessions_of(const Backend* backend,
                                         Admission admission = Admission::regular) const;
    /// Whether new sessions may begin on it.
    [[nodiscard]] bool leads_to(const Backend* backend) const;
    /// Whether it serves by `roles`: a session that fell back to it is a regular one from now on.
    [[nodiscard]] bool is_regular(const Backend* backend) const;
    /// "p1: role is leader; p2: state is stopped", or that Patroni named no member.
    [[nodiscard]] std::string why_excluded() const;
    [[nodiscard]] std::string why_excluded(const std::string& member,
                                           Admission admission = Admission::regular) const;
    /// Why the sessions of a backend may not stay.
    [[nodiscard]] std::string why_ended(const Backend& backend, Admission admission) const;
    /// By `roles`, and by `fallback_roles` too where those say something else.
    [[nodiscard]] std::string why_unused(const std::string& member) const;
    /// Of an eligible member, why no session can be begun on it: all of its addresses fail. Empty
    /// if nothing is known against one of them.
    [[nodiscard]] std::string why_unreachable(const std::string& member) const;
    /// Of the eligible members that have not said that they accept sessions, what is known: "p2:
    /// the database system is starting up; p3: no answer yet".
    [[nodiscard]] std::string why_unconfirmed() const;
    /// The backends that may be running a query which a client of the port wants to cancel,
    /// draining ones included: first those that have sessions here, then those that may have some
    /// through another proxy.
    [[nodiscard]] std::vector<BackendPtr> cancel_targets() const;
    [[nodiscard]] bool same_as(const BackendTable& other) const;
};
using BackendTablePtr = std::shared_ptr<const BackendTable>;

/// Where a member is that is fit to serve.
struct Located {
    std::vector<BackendPtr> backends{};  ///< the preferred address first; empty if none is known
    std::vector<BackendPtr> left{};      ///< addresses it seems to have left, for their sessions
    std::string why_not{};               ///< why there are no backends
};
using BackendLookup = std::function<Located(const patroni::Member&)>;

/// Pure, given the lookup: who may be used, and why the others may not.
[[nodiscard]] BackendTable build_backend_table(const std::vector<patroni::Verdict>& verdicts,
                                               const BackendLookup& lookup);

/// Pure: the table of a port of one by `roles` and one by `fallback_roles`, an empty one if it has
/// none of these.
[[nodiscard]] BackendTable with_fallback(const BackendTable& regular, const BackendTable& fallback,
                                         OnReturn on_return);

}  // namespace proxy
