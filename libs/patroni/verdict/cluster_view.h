#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "patroni/answers/observation.h"
#include "patroni/verdict/self_reports.h"

namespace patroni {

/// Whether a member may serve a role.
enum class Standing : std::uint8_t {
    eligible,   ///< it may get new sessions
    tolerated,  ///< no new sessions, but those it has may stay: only one source objects so far
    out,        ///< no sessions
};
/// "eligible", "tolerated", "out"
[[nodiscard]] constexpr std::string_view name_of(Standing standing) noexcept {
    return standing == Standing::eligible    ? "eligible"
           : standing == Standing::tolerated ? "tolerated"
                                             : "out";
}

/// Who leads, as far as anybody knows.
struct Leadership {
    std::string member;  ///< empty: no known leader
    Standing standing = Standing::out;
    std::string reason;  ///< why it leads, why it is only tolerated, or why nobody leads
    Member details;      ///< as last reported; the latest answer may lack it
    /// When it last proved itself, or /cluster last named it. Silence keeps the verdict, so this
    /// says how old that is.
    Clock::time_point confirmed_at = {};
    /// Its own API says nothing of it: only GET /cluster names it, or earlier answers did.
    bool api_is_silent = false;

    friend bool operator==(const Leadership&, const Leadership&) = default;
};

/// What follows from everything observed of a cluster. Immutable once published; replaced whole.
struct ClusterView {
    SnapshotPtr snapshot;           ///< the latest answer of GET /cluster; null before the first
    Clock::time_point answered_at;  ///< when that came, be it before it counted
    Leadership leader;
    /// Bytes of WAL not replayed yet, by the members' self-reports; only with live positions.
    std::map<std::string, std::uint64_t> live_lag;
    /// When the leader last reached the key-value store, by its self-report and its clock (Unix
    /// time, seconds). Other members are not asked.
    std::map<std::string, std::int64_t> dcs_last_seen;
    /// Members whose own API says that they are no primary, with what it says. Only the leader and
    /// the member that /cluster names are asked in every poll.
    std::map<std::string, std::string> denials;
    /// The latest self-report of each member: for the history, and for what /cluster tells late.
    /// Who leads has been decided with them already.
    std::map<std::string, SelfReport> self_reports;
    std::vector<std::string> warnings;  ///< what an operator should know
};
using ClusterViewPtr = std::shared_ptr<const ClusterView>;

}  // namespace patroni
