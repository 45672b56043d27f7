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

/// What a port or a listener may ask for, by the words of its `roles`.
enum class RequestedRole : std::uint8_t {
    leader,          ///< the primary
    sync,            ///< a synchronous standby
    quorum,          ///< a member of a quorum (Patroni 4)
    async,           ///< a replica that no commit waits for; a quorum waits for no single member
    replica,         ///< any standby of a primary
    standby_leader,  ///< the head of a standby cluster
    any,             ///< any member that serves
};

inline constexpr std::array kAllRequestedRoles{
    RequestedRole::leader, RequestedRole::sync,    RequestedRole::quorum,
    RequestedRole::async,  RequestedRole::replica, RequestedRole::standby_leader,
    RequestedRole::any,
};

/// Case-insensitive; nothing if the word is none of requested_role_names().
[[nodiscard]] std::optional<RequestedRole> requested_role_from(std::string_view word);
[[nodiscard]] std::string_view name_of(RequestedRole role);
/// "leader, sync, ...": what is allowed, for messages.
[[nodiscard]] std::string requested_role_names();

/// Whether every member that may serve as `role` may serve as one of `roles` too. Pure.
[[nodiscard]] bool covers(const std::set<RequestedRole>& roles, RequestedRole role);

/// What becomes of the sessions that a member has when it should get no new ones.
enum class OnUnfit : std::uint8_t { close, drain };

/// By what a replica's lag is measured.
enum class LagSource : std::uint8_t {
    automatic,  ///< live where GET /cluster tells no replay lag: Patroni before 4
    cluster,    ///< GET /cluster
    live,       ///< the members' own positions
};

/// A tag's value as it is written in a file, and as YAML takes it, in Patroni's file too: `010` is
/// 8, `1.10` is 1.1, `yes` is true. Either will do.
struct TagValue {
    // Converting on purpose: most are what is written.
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

/// Which members of a cluster will do. All but `roles` concerns replicas alone.
struct Requirements {
    std::set<RequestedRole> roles = {};
    /// Bytes; a replica with more, or with a lag that is not known, will not do.
    std::optional<std::uint64_t> max_lag = {};
    LagSource lag_source = LagSource::automatic;
    /// A replica must carry all of them with these values.
    std::map<std::string, TagValue> tags = {};
    /// Not enough that it runs: it must stream.
    bool streaming = false;
    OnUnfit on_lag = OnUnfit::close;
    OnUnfit on_noloadbalance = OnUnfit::close;
    /// How long a replica must be over the limit before its sessions end, and within it before it
    /// is used again. Under load GET /cluster shows every healthy replica tens of megabytes behind
    /// for a moment in each of Patroni's loops: those moments never last from answer to answer.
    std::chrono::milliseconds lag_window{10'000};
    /// How much longer than to the second answer that says so sessions stay on a member that
    /// vanished, stopped or changed its role.
    std::chrono::milliseconds removal_grace{0};

    friend bool operator==(const Requirements&, const Requirements&) = default;
};

/// Whether all members must be asked for their positions to see who meets it.
[[nodiscard]] bool wants_positions(const Requirements& wanted, const ClusterSnapshot& snapshot);

/// What speaks against a member at one moment; how patient one is with it is the Judge's matter.
enum class Objection : std::uint8_t {
    none,
    unfit,  ///< gone, not running, another role, other tags
    noloadbalance,
    lagging,
    behind,    ///< on an older timeline than the leader
    leads,     ///< known to be the primary, and that is not asked for
    unproven,  ///< shown as the leader, which is asked for, and not proven to be one
};

struct Opinion {
    Objection objection = Objection::none;
    std::string reason;  ///< always there: "sync_standby", or what speaks against it
};

/// Pure. `member` is one of the view's snapshot.
[[nodiscard]] Opinion examine(const ClusterView& view, const Member& member,
                              const Requirements& wanted);

}  // namespace patroni
