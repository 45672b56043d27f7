#pragma once

#include <chrono>
#include <cstddef>
#include <list>
#include <map>
#include <string>
#include <vector>

namespace daemons {

/// The connections that wait for their peer, to send a whole request or to take the answer. Their
/// number and the bytes of their answers are limited. A connection that exceeds a limit replaces
/// the oldest ones of the address that has the most: a client that opens thousands, or reads none
/// of its answers, only pushes out its own. Pure: the caller closes the descriptors that it gets.
/// One thread at a time.
class AwaitedConnections {
  public:
    using Clock = std::chrono::steady_clock;
    using Id = const void*;

    AwaitedConnections(std::size_t most, std::size_t most_bytes)
        : most_(most), most_bytes_(most_bytes) {}

    /// Waits until `deadline` for the peer at `address` to send its request, or to take an answer
    /// of `bytes`. Returns the descriptors to close in exchange, which are forgotten already.
    [[nodiscard]] std::vector<int> await(Id id, int fd, const std::string& address,
                                         Clock::time_point deadline, std::size_t bytes = 0);
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
        std::size_t bytes;
    };
    struct OfAddress {
        std::list<Awaited> all;  ///< oldest first; never empty
        std::size_t bytes = 0;
    };
    using ByAddress = std::map<std::string, OfAddress>;
    struct Place {
        ByAddress::iterator address;
        std::list<Awaited>::iterator one;
    };
    int take(Place place);
    [[nodiscard]] Place oldest_of_most_connections();
    [[nodiscard]] Place oldest_of_most_bytes();

    const std::size_t most_;
    const std::size_t most_bytes_;
    std::size_t bytes_ = 0;
    ByAddress by_address_;
    std::map<Id, Place> by_id_;
};

}  // namespace daemons
