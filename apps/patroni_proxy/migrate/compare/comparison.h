#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "patroni_proxy/migrate/compare/pairing.h"

namespace proxy::migrate {

/// HAProxy and this proxy disagree on one server, from `begin` on.
struct Difference {
    using Clock = std::chrono::system_clock;
    enum class End : std::uint8_t {
        open,  ///< it still lasts
        haproxy_followed,
        proxy_followed,
        gone,  ///< the server is no longer there
    };
    JoinedServer first;  ///< what both said when it began
    Clock::time_point begin;
    Clock::time_point end;  ///< or the latest comparison
    End how = End::open;
    bool changing = false;  ///< HAProxy's check was about to change the server meanwhile

    [[nodiscard]] double seconds() const {
        return std::chrono::duration<double>(end - begin).count();
    }
};

/// Follows what both say over time. Not pure only in that it remembers; no clock, no I/O.
class Comparison {
  public:
    using Clock = Difference::Clock;

    /// What both say at one moment. Returns the differences that began or ended with it.
    std::vector<Difference> take(Clock::time_point now, const std::vector<JoinedServer>& servers);

    [[nodiscard]] bool differ_now() const { return !open_.empty(); }
    /// Of all single comparisons of a server, how many agreed: 0 to 100. 100 before the first.
    [[nodiscard]] double agreement() const;
    [[nodiscard]] std::uint64_t comparisons() const { return total_; }
    /// In the order in which they began. At most kMost are kept; differences() counts all.
    [[nodiscard]] std::vector<Difference> kept() const;
    [[nodiscard]] std::size_t differences() const { return count_; }
    /// "agreement 99.98 % of 3600 comparisons in 20m; 3 differences, ..."
    [[nodiscard]] std::string summary() const;

    static constexpr std::size_t kMost = 10'000;

  private:
    void close(std::map<std::string, Difference>::iterator difference, Difference::End how,
               std::vector<Difference>& events);

    std::map<std::string, Difference> open_;
    std::vector<Difference> closed_;
    std::uint64_t total_ = 0;
    std::uint64_t agreed_ = 0;
    std::size_t count_ = 0;
    std::map<Difference::End, std::size_t> ends_;
    std::size_t during_checks_ = 0;  // of those that HAProxy followed
    std::optional<Clock::time_point> begin_;
    Clock::time_point latest_;
};

/// One line for people: where, what both say, since when and for how long.
[[nodiscard]] std::string text_of(const Difference& difference);
[[nodiscard]] std::string json_of(const Comparison& comparison, const Pairing& pairing);

}  // namespace proxy::migrate
