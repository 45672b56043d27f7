#pragma once

#include <string>
#include <vector>

#include "patroni/observation.h"
#include "patroni/resolver.h"
#include "patroni_proxy/backend_table.h"

namespace proxy {

/// The addresses of one member over time. New sessions follow what is found at once; the sessions
/// at an address that is not among those found any more stay until that is found again,
/// Evidence::kConfirmAfter later or after as long as a port's removal_grace says.
///
/// No clock, no DNS: time is that of what is found, so that silence changes nothing. One thread at
/// a time.
class Whereabouts {
  public:
    /// All addresses that it has, in the resolver's order; never none. `at`: as of when that is
    /// known.
    void found(patroni::Clock::time_point at, const std::vector<BackendPtr>& backends,
               patroni::ResolvePrefer prefer);

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

    void note_left(const std::vector<BackendPtr>& backends);

    patroni::Clock::time_point latest_;
    std::vector<BackendPtr> current_;
    std::vector<Left> left_;
};

/// "127.0.0.1:5432, [::1]:5432"
[[nodiscard]] std::string addresses_of(const std::vector<BackendPtr>& backends);

}  // namespace proxy
