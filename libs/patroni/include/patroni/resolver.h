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
/// keeps its last addresses. It holds at most 1,000 names and 64 threads.
/// Any thread. One for the whole process is best: what one caller learned serves the next.
class Resolver {
  public:
    using Addresses = std::vector<std::string>;  ///< IPv6 without brackets; never empty
    /// Blocks as long as it likes; any thread; may outlive the Resolver.
    using Lookup = std::function<Result<Addresses>(const std::string& host)>;

    /// For how long an answer, be it a failure, serves without another lookup: an alert asks for
    /// the same names a hundred times a second.
    static constexpr std::chrono::seconds kFresh{1};

    Resolver();  ///< asks the system: /etc/hosts, DNS, ...
    explicit Resolver(Lookup lookup, std::chrono::milliseconds fresh = kFresh);

    /// The addresses of `host`, the preferred ones first; a numeric address is its own, at once.
    /// Begins a lookup where the last answer is not fresh, or joins the one under way, and waits
    /// for it. If it fails or takes longer than `timeout`, the addresses found last do, if there
    /// are any. The timeout counts from the lookup's begin: one that hangs is waited for once, and
    /// not by every call. `stop` ends the wait.
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
