#pragma once

#include <string>
#include <vector>

#include "patroni/answers/observation.h"
#include "patroni/rest/resolver.h"
#include "patroni_proxy/backend/backend_table.h"

namespace proxy {

/// The addresses of one member over time. New sessions follow what is found at once; the sessions
/// at an address that is not among those found any more stay until that is found again,
/// Evidence::kConfirmAfter later or after as long as a port's removal_grace says.
///
/// No clock, no DNS: time is that of what is found, so that silence changes nothing. One thread at
/// a time.
class Whereabouts {
  public:
    /// All addresses that it has, in the resolver's order; never none. Patroni told its host at
    /// `told_at`, and what that stands for is known since `looked_up_at` (an address: for all
    /// time). Two answers of the one that rest on one of the other are one.
    void found(patroni::Clock::time_point told_at, patroni::Clock::time_point looked_up_at,
               const std::vector<BackendPtr>& backends, patroni::ResolvePrefer prefer);

    /// For new sessions. The one that was used before comes first as long as it is among those
    /// found, and within the preferred family: a resolver that rotates its answers moves nobody.
    /// Empty before anything was found.
    [[nodiscard]] const std::vector<BackendPtr>& current() const noexcept { return current_; }
    /// Those that it seems to have left, for the sessions they have.
    [[nodiscard]] std::vector<BackendPtr> left(patroni::Clock::duration removal_grace) const;

  private:
    struct Left {
        BackendPtr backend;
        patroni::Clock::time_point since;
    };

    void note_left(patroni::Clock::time_point since, const std::vector<BackendPtr>& backends);

    patroni::Clock::time_point latest_;  ///< of both answers, the older one
    std::vector<BackendPtr> current_;
    std::vector<Left> left_;
};

/// "127.0.0.1:5432, [::1]:5432"
[[nodiscard]] std::string addresses_of(const std::vector<BackendPtr>& backends);

}  // namespace proxy
