#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "patroni/verdict/judge.h"

namespace proxy {

/// What operators have set for one cluster and its members. It narrows what Patroni's answers
/// allow and never widens it: none makes a member eligible.
struct OperatorLimits {
    /// The reason, by member and name of the port; an empty name stands for all ports.
    std::map<std::pair<std::string, std::string>, std::string> drained;
    std::map<std::string, std::uint32_t> caps;  ///< most sessions, by member
    std::optional<std::string> frozen;          ///< the reason; set: routing stays as it is

    friend bool operator==(const OperatorLimits&, const OperatorLimits&) = default;
};

/// Drained members get no new sessions on the port, and keep those they have. Pure.
void apply_drains(std::vector<patroni::Verdict>& verdicts, const OperatorLimits& limits,
                  const std::string& port);

/// Why a cluster cannot be frozen with this view: nobody could write until it is unfrozen. Empty if
/// it can be: it has a leader, or is a standby cluster, which has none. Pure.
[[nodiscard]] std::string why_not_frozen(const patroni::ClusterView& view);

/// The view in force while a cluster is frozen: the one that it was frozen with, whatever Patroni
/// says and however long it is silent. No other member ever becomes leader. But what members say of
/// themselves counts:
///
/// - The leader's own API says that it is no primary, or another member's that it is one: the
///   leader gets no new sessions.
/// - The leader's own API says so, and Evidence ends its leadership: it has said so twice, or
///   /cluster or a new leader agrees. Then its sessions end as well.
/// - Only when it leads again does it get sessions again.
///
/// Not thread-safe.
class FrozenView {
  public:
    explicit FrozenView(patroni::ClusterView view)
        : view_(std::move(view)), leader_(view_.leader) {}
    /// Goes on with that of another process.
    FrozenView(patroni::ClusterView in_force, patroni::Leadership frozen_with)
        : view_(std::move(in_force)), leader_(std::move(frozen_with)) {}

    /// True if this changes the view in force.
    bool on_view(const patroni::ClusterView& latest);
    [[nodiscard]] const patroni::ClusterView& in_force() const noexcept { return view_; }
    /// The leader when the cluster was frozen, as it was judged then.
    [[nodiscard]] const patroni::Leadership& frozen_with() const noexcept { return leader_; }

  private:
    patroni::ClusterView view_;
    patroni::Leadership leader_;  ///< when the cluster was frozen
};

}  // namespace proxy
