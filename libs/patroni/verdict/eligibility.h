#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "patroni/verdict/cluster_view.h"

namespace patroni {

/// What a port or a listener may ask for in its `roles`.
enum class RequestedRole : std::uint8_t {
    leader,          ///< the primary
    sync,            ///< a synchronous standby
    quorum,          ///< a member of a quorum (Patroni 4)
    async,           ///< a replica that no commit waits for, quorum members included
    replica,         ///< any standby of a primary
    standby_leader,  ///< the head of a standby cluster
    any,             ///< any member that serves
};

inline constexpr std::array kAllRequestedRoles{
    RequestedRole::leader, RequestedRole::sync,    RequestedRole::quorum,
    RequestedRole::async,  RequestedRole::replica, RequestedRole::standby_leader,
    RequestedRole::any,
};

/// Case-insensitive; empty unless the word is one of requested_role_names().
[[nodiscard]] std::optional<RequestedRole> requested_role_from(std::string_view word);
[[nodiscard]] std::string_view name_of(RequestedRole role);
/// "sync, async"
[[nodiscard]] std::string names_of(const std::set<RequestedRole>& roles,
                                   std::string_view separator = ", ");
/// "leader, sync, ...": what is allowed, for messages.
[[nodiscard]] std::string requested_role_names();

/// Whether every member that may serve `role` may also serve one of `roles`. Pure.
[[nodiscard]] bool covers(const std::set<RequestedRole>& roles, RequestedRole role);

/// What happens to a member's sessions when it may not get new ones.
enum class OnIneligible : std::uint8_t { close, drain };

/// Where a replica's lag is taken from.
enum class LagSource : std::uint8_t {
    automatic,  ///< live if GET /cluster has no replay lag, as before Patroni 4.1
    cluster,    ///< GET /cluster
    live,       ///< the members' own positions
};

/// A tag's value as written in our file, and as YAML reads it, in Patroni's file too: `010` is 8,
/// `1.10` is 1.1, `yes` is true. A member's tag matches if it equals either.
struct TagValue {
    // Converting on purpose: most values are read as they are written.
    // NOLINTNEXTLINE(google-explicit-constructor)
    TagValue(const std::string& text) : TagValue(text, text) {}
    // NOLINTNEXTLINE(google-explicit-constructor)
    TagValue(const char* text) : TagValue(std::string(text)) {}
    TagValue(std::string as_written, std::string as_taken)
        : written(std::move(as_written)), taken(std::move(as_taken)) {}

    std::string written;
    std::string taken;

    friend bool operator==(const TagValue&, const TagValue&) = default;
};

/// Which members of a cluster are wanted. Everything but `roles` applies to replicas only.
struct Requirements {
    std::set<RequestedRole> roles = {};
    /// Bytes. A replica with more lag, or with an unknown lag, is not eligible.
    std::optional<std::uint64_t> max_lag = {};
    LagSource lag_source = LagSource::automatic;
    /// A replica must carry all of them with these values.
    std::map<std::string, TagValue> tags = {};
    /// It must be streaming; running is not enough.
    bool streaming = false;
    OnIneligible on_lag = OnIneligible::close;
    OnIneligible on_noloadbalance = OnIneligible::close;
    /// How long a replica must exceed max_lag before its sessions end, and stay below before it is
    /// used again. Under load GET /cluster shows every healthy replica tens of megabytes behind for
    /// a moment in each of Patroni's loops, but never in two answers in a row.
    std::chrono::milliseconds lag_window{10'000};
    /// Extra time sessions may stay after a second answer confirms that the member is gone, has
    /// stopped or has changed its role.
    std::chrono::milliseconds removal_grace{0};

    friend bool operator==(const Requirements&, const Requirements&) = default;
};

/// Whether members must be asked for their positions to tell which of them are eligible.
[[nodiscard]] bool wants_positions(const Requirements& wanted, const ClusterSnapshot& snapshot);

/// What speaks against a member at one moment. How long it is tolerated is up to Judge.
enum class Objection : std::uint8_t {
    none,
    unsuitable,  ///< gone, not running, another role, other tags
    noloadbalance,
    lagging,
    diverged,  ///< on another timeline than the leader
    leads,     ///< it is the leader, and no leader is wanted
    unproven,  ///< named as leader, which is wanted, but not proven to be one
};

struct Examination {
    Objection objection = Objection::none;
    std::string reason;  ///< never empty: "sync_standby", or what speaks against it
};

/// Pure. `member` belongs to the view's snapshot.
[[nodiscard]] Examination examine(const ClusterView& view, const Member& member,
                                  const Requirements& wanted);

}  // namespace patroni
