#pragma once

#include <chrono>
#include <cstdint>

#include "patroni_proxy/host/session_end.h"

namespace proxy {

/// A session as the queue of its port sees it.
/// Loop thread only.
class QueueEntry {
  public:
    using Clock = std::chrono::steady_clock;

    enum class Place : std::uint8_t {
        none,     ///< not in the queue
        waiting,  ///< for its turn to try
        trying,   ///< to connect; it keeps its place until it has
    };

    explicit QueueEntry(Clock::time_point its_accept) : accepted_at(its_accept) {}
    QueueEntry(const QueueEntry&) = delete;
    QueueEntry& operator=(const QueueEntry&) = delete;

    /// Chooses a backend again; false if there still is none.
    [[nodiscard]] virtual bool try_again() noexcept = 0;
    /// Refuses the client; it has left the queue when this returns.
    virtual void give_up(SessionEnd why) noexcept = 0;

    const Clock::time_point accepted_at;
    // Only the queue uses these.
    Place place = Place::none;
    Clock::time_point queued_at;  ///< when it joined the queue

  protected:
    ~QueueEntry() = default;
};

}  // namespace proxy
