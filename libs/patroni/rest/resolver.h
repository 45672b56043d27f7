#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "patroni/result.h"

namespace patroni {

/// Which addresses of a name come first. The others follow: it is a preference, not a filter.
enum class ResolvePrefer : std::uint8_t {
    any,  ///< in the system's own order (RFC 6724)
    ipv4,
    ipv6,
};

/// Finds the IP addresses of hosts, for callers that cannot wait as long as the system's resolver
/// may take.
///
/// Each name is looked up on a thread of its own, at most once at a time. A lookup that hangs
/// delays no caller beyond its timeout, and not the end of the process either. A name that stops
/// resolving keeps its last addresses, and so does a family (IPv4, IPv6) whose lookup fails.
/// Limits: 1,000 names with 32 addresses each, 64 threads. Any thread. Share one in the whole
/// process: callers profit from each other's lookups. A copy is the same one.
class Resolver {
  public:
    using Clock = std::chrono::steady_clock;
    using Addresses = std::vector<std::string>;  ///< IPv6 without brackets; none twice
    enum class Family : std::uint8_t { any, ipv4, ipv6 };
    /// May block for any time; called on any thread; may outlive the Resolver. An empty list means
    /// that the name has no address of that family; a failure says nothing about that.
    using Lookup = std::function<Result<Addresses>(const std::string& host, Family family)>;

    /// What is known of a name.
    struct Found {
        Addresses addresses;  ///< the preferred ones first; never empty
        /// When the lookup that found them ended. A numeric address needs none and never ages.
        Clock::time_point at = Clock::time_point::max();
    };

    /// How long a result, or a failure, is used without another lookup: an alert asks for the same
    /// names up to a hundred times per second.
    static constexpr std::chrono::seconds kFresh{1};
    /// How long a caller waits for newer addresses if some are known: most DNS answers take less,
    /// and a lookup that hangs must not delay a caller that has an address.
    static constexpr std::chrono::milliseconds kStaleAfter{100};

    Resolver();  ///< asks the system: /etc/hosts, DNS, ...
    explicit Resolver(Lookup lookup, std::chrono::milliseconds fresh = kFresh);

    /// The same one for a single cluster, which can take at most 16 of the threads from the others:
    /// one whose names hang must not keep theirs from being looked up.
    [[nodiscard]] std::shared_ptr<Resolver> with_own_share() const;

    /// The addresses of `host`, the preferred ones first; for a numeric address, that address at
    /// once. If the last result is not fresh, starts a lookup or joins the one in progress, and
    /// waits for it: up to `timeout`, or up to kStaleAfter if older addresses are known, which it
    /// then returns. Both count from the start of the lookup, so that one that hangs delays only
    /// the first callers. `stop` ends the wait.
    [[nodiscard]] Result<Found> find(const std::string& host, ResolvePrefer prefer,
                                     std::chrono::milliseconds timeout,
                                     const std::stop_token& stop = {});
    /// The same without their age.
    [[nodiscard]] Result<Addresses> addresses_of(const std::string& host, ResolvePrefer prefer,
                                                 std::chrono::milliseconds timeout,
                                                 const std::stop_token& stop = {});

  private:
    struct Name;
    struct Shared;

    // Shared with the threads of lookups, which nobody waits for.
    std::shared_ptr<Shared> shared_;
    /// Lookups in progress that were begun here, guarded by what is shared. Null: not counted.
    std::shared_ptr<std::size_t> share_;
};

}  // namespace patroni
