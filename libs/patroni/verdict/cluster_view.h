#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "patroni/answers/observation.h"

namespace patroni {

/// What a member may be used for, in a role.
enum class Standing : std::uint8_t {
    eligible,   ///< for new sessions and those it has
    tolerated,  ///< those it has may stay; no new ones: one source says no, a second has not yet
    out,        ///< for none
};

/// Who leads, as far as it is known.
struct Leadership {
    std::string member;  ///< empty if nobody is known to lead
    Standing standing = Standing::out;
    std::string reason;  ///< why it leads, is tolerated, or why nobody does
    Member details;      ///< as last told; it may be gone from the latest answer
    /// When it last proved itself, or /cluster last named it: silence keeps the verdict, and this
    /// says for how long it has.
    Clock::time_point confirmed_at = {};
    /// Its own API does not answer: GET /cluster vouches for it, or memory.
    bool api_is_silent = false;

    friend bool operator==(const Leadership&, const Leadership&) = default;
};

/// The verdict on everything observed of a cluster. Immutable once published; replaced whole.
struct ClusterView {
    SnapshotPtr snapshot;           ///< the latest answer of GET /cluster; null before the first
    Clock::time_point answered_at;  ///< when that came
    Leadership leader;
    /// Bytes of WAL not replayed, by the members' own words; only where live positions are asked.
    std::map<std::string, std::uint64_t> live_lag;
    /// When a member last reached the key-value store, by its own word and clock (Unix time); of
    /// the leader alone, for the others are asked no more.
    std::map<std::string, std::int64_t> dcs_last_seen;
    std::vector<std::string> warnings;  ///< what an operator should know
};
using ClusterViewPtr = std::shared_ptr<const ClusterView>;

}  // namespace patroni
