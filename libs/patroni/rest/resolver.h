#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "patroni/result.h"

namespace patroni {

/// Which addresses of a name come first. The others stay in: it is a preference, not a filter.
enum class ResolvePrefer : std::uint8_t {
    any,  ///< in the system's own order (RFC 6724)
    ipv4,
    ipv6,
};

/// Finds the IP addresses of hosts, for callers that may wait a little but not for as long as the
/// system's resolver may take.
///
/// Each name is looked up on a thread of its own, at most once at a time; a lookup that hangs
/// delays nobody beyond the timeout, the end of the process neither. A name that stops resolving
/// keeps its last addresses, and a family (IPv4, IPv6) whose lookup fails keeps its own. It holds
/// at most 1,000 names of 32 addresses, and 64 threads. Any thread. One for the whole process is
/// best: what one caller learned serves the next.
class Resolver {
  public:
    using Clock = std::chrono::steady_clock;
    using Addresses = std::vector<std::string>;  ///< IPv6 without brackets; none twice
    enum class Family : std::uint8_t { any, ipv4, ipv6 };
    /// Blocks as long as it likes; any thread; may outlive the Resolver. That the name has no
    /// address of one family is an empty list: a failure says nothing of what it has.
    using Lookup = std::function<Result<Addresses>(const std::string& host, Family family)>;

    /// What is known of a name.
    struct Found {
        Addresses addresses;  ///< the preferred ones first; never empty
        /// When the lookup ended that found them. A numeric address is its own for all time.
        Clock::time_point at = Clock::time_point::max();
    };

    /// For how long an answer, be it a failure, serves without another lookup: an alert asks for
    /// the same names a hundred times a second.
    static constexpr std::chrono::seconds kFresh{1};
    /// For how long known addresses wait for newer ones: most answers of DNS take less, and one
    /// that hangs must not hold up whoever has an address.
    static constexpr std::chrono::milliseconds kStaleAfter{100};

    Resolver();  ///< asks the system: /etc/hosts, DNS, ...
    explicit Resolver(Lookup lookup, std::chrono::milliseconds fresh = kFresh);

    /// The addresses of `host`, the preferred ones first; a numeric address is its own, at once.
    /// Begins a lookup where the last answer is not fresh, or joins the one under way, and waits
    /// for it. If it fails or takes longer than `timeout`, the addresses found last do, if there
    /// are any: then it is waited for no longer than kStaleAfter. Both count from the lookup's
    /// begin: one that hangs is waited for once, and not by every call. `stop` ends the wait.
    [[nodiscard]] Result<Found> find(const std::string& host, ResolvePrefer prefer,
                                     std::chrono::milliseconds timeout,
                                     const std::stop_token& stop = {});
    /// The same for whoever does not care how old they are.
    [[nodiscard]] Result<Addresses> addresses_of(const std::string& host, ResolvePrefer prefer,
                                                 std::chrono::milliseconds timeout,
                                                 const std::stop_token& stop = {});

  private:
    struct Name;
    struct Shared;

    // Also held by the threads of lookups, which nobody waits for.
    std::shared_ptr<Shared> shared_;
};

}  // namespace patroni
