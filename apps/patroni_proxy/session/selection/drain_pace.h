#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <vector>

#include "patroni_proxy/host/session_id.h"

namespace proxy {

/// How fast the sessions of a drained member end, instead of staying until their clients leave.
struct DrainPace {
    static constexpr double kDefaultRate = 20;

    double rate = kDefaultRate;  ///< of ended sessions per second, over all workers
    /// Sessions that may be in a transaction end after this time; never if it is empty.
    std::optional<std::chrono::seconds> within{};
};

/// One session of a drained member.
struct DrainCandidate {
    SessionId id;
    std::uint32_t port = 0;  ///< a PortId
    std::size_t index = 0;   ///< its position in its port's list when it was looked at
    std::chrono::milliseconds silence{};
    std::optional<bool> busy{};  ///< as in SessionRecord
};

/// Which sessions end now, at most `most` of them: first those between two transactions, which lose
/// nothing. If the drain is `overdue`, encrypted ones follow, which may be in a transaction unseen,
/// and then those that are in one. Among equals the session that has been idle for longest comes
/// first: it is the least likely to be about to send something. Pure.
[[nodiscard]] std::vector<DrainCandidate> next_to_end(std::vector<DrainCandidate> candidates,
                                                      std::size_t most, bool overdue);

/// Turns a rate into whole sessions as time passes. What is not used within a second is lost, so
/// that a drain that had to wait does not end hundreds of sessions at once.
class PaceCounter {
  public:
    explicit PaceCounter(double rate) : rate_(rate) {}

    void pass(std::chrono::duration<double> time);
    [[nodiscard]] std::size_t due() const { return static_cast<std::size_t>(credit_); }
    void use(std::size_t sessions) { credit_ -= static_cast<double>(sessions); }

  private:
    double rate_;
    double credit_ = 0;
};

}  // namespace proxy
