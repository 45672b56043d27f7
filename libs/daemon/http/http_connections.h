#pragma once

#include <chrono>
#include <cstddef>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace daemons {

/// The connections whose peer is waited for: for a request, whole, or to take its answer. So many
/// may be waited for at once. One more takes the place of the one waited for longest among those
/// of the address that has the most: a client that sends half requests by the thousand pushes out
/// its own, and whoever sends a whole one is answered. Pure: the caller closes what is told.
class AwaitedConnections {
  public:
    using Clock = std::chrono::steady_clock;
    using Id = const void*;

    explicit AwaitedConnections(std::size_t most) : most_(most) {}

    /// From now on its peer, at that address, is waited for until `deadline`. Returns the
    /// descriptor of the one that is to be closed for it, which is forgotten already.
    [[nodiscard]] std::optional<int> await(Id id, int fd, const std::string& address,
                                           Clock::time_point deadline);
    /// It is our turn, or it is closed.
    void forget(Id id);
    /// The descriptors of those whose time is up, forgotten already.
    [[nodiscard]] std::vector<int> take_late(Clock::time_point now);

    [[nodiscard]] std::size_t size() const noexcept { return by_id_.size(); }

  private:
    struct Awaited {
        Id id;
        int fd;
        Clock::time_point deadline;
    };
    using OfAddress = std::list<Awaited>;  ///< the one waited for longest first; never empty
    using ByAddress = std::map<std::string, OfAddress>;
    struct Place {
        ByAddress::iterator address;
        OfAddress::iterator one;
    };
    int take(ByAddress::iterator address, OfAddress::iterator one);

    const std::size_t most_;
    ByAddress by_address_;
    std::map<Id, Place> by_id_;
};

}  // namespace daemons
