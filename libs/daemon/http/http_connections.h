#pragma once

#include <chrono>
#include <cstddef>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace daemons {

/// The connections that wait for their peer: for a whole request, or for the peer to take the
/// answer. Their number is limited. One more replaces the oldest connection of the address that has
/// the most, so a client that opens thousands pushes out its own, and others are still answered.
/// Pure: the caller closes the descriptors that it gets.
class AwaitedConnections {
  public:
    using Clock = std::chrono::steady_clock;
    using Id = const void*;

    explicit AwaitedConnections(std::size_t most) : most_(most) {}

    /// Waits for the peer at `address` until `deadline`. Returns the descriptor to close in
    /// exchange, if any, which is forgotten already.
    [[nodiscard]] std::optional<int> await(Id id, int fd, const std::string& address,
                                           Clock::time_point deadline);
    /// The peer has done its part, or the connection is closed.
    void forget(Id id);
    /// The descriptors whose deadline has passed, forgotten already.
    [[nodiscard]] std::vector<int> take_late(Clock::time_point now);

    [[nodiscard]] std::size_t size() const noexcept { return by_id_.size(); }

  private:
    struct Awaited {
        Id id;
        int fd;
        Clock::time_point deadline;
    };
    using OfAddress = std::list<Awaited>;  ///< oldest first; never empty
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
