#pragma once

#include <string>
#include <vector>

#include "patroni/answers/observation.h"
#include "patroni/rest/resolver.h"
#include "patroni_proxy/backend/backend_table.h"

namespace proxy {

/// The addresses of one member over time. New sessions use the addresses found last. Sessions at an
/// address that is no longer found stay until a second lookup confirms this, at least
/// Evidence::kConfirmAfter later, plus the port's removal_grace.
///
/// Uses no clock and no DNS: time is that of the lookups, so that silence changes nothing. One
/// thread at a time.
class Whereabouts {
  public:
    /// All its addresses in the resolver's order; at least one. Patroni named the host at
    /// `told_at`, and DNS answered at `looked_up_at` (time_point::max() if the host is an address).
    /// Two answers of Patroni with the same answer of DNS count as one, and vice versa. `is_whole`:
    /// the answer of `told_at` has the member, its host and its port. If it lacks one of these, so
    /// that an earlier answer is used instead, it confirms nothing.
    void found(patroni::Clock::time_point told_at, patroni::Clock::time_point looked_up_at,
               const std::vector<BackendPtr>& backends, patroni::ResolvePrefer prefer,
               bool is_whole = true);

    /// For new sessions; empty at first. The address used so far stays first while it is found and
    /// of the preferred family, so that a resolver that rotates its answers moves no sessions.
    [[nodiscard]] const std::vector<BackendPtr>& current() const noexcept { return current_; }
    /// Addresses that the member seems to have left, which keep their sessions for now.
    [[nodiscard]] std::vector<BackendPtr> left(patroni::Clock::duration removal_grace) const;

  private:
    struct Left {
        BackendPtr backend;
        patroni::Clock::time_point since;
    };

    void note_left(patroni::Clock::time_point since, const std::vector<BackendPtr>& backends);

    patroni::Clock::time_point latest_;  ///< of the older of the two answers
    std::vector<BackendPtr> current_;
    std::vector<Left> left_;
};

/// "127.0.0.1:5432, [::1]:5432"
[[nodiscard]] std::string addresses_of(const std::vector<BackendPtr>& backends);

}  // namespace proxy
