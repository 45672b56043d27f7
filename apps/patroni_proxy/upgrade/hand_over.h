#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "patroni_proxy/upgrade/channel.h"
#include "patroni_proxy/upgrade/messages/messages.h"

namespace proxy::upgrade {

/// Stops worker threads while their sessions pass to another process: no byte moves meanwhile.
class Standstill {
  public:
    /// On a worker's thread: stops it until end(). Returns whether its sessions are another
    /// process's from now on.
    [[nodiscard]] bool stop_here();
    /// Returns once so many workers have stopped.
    void await(std::size_t workers);
    void end(bool passed);

  private:
    enum class Outcome : std::uint8_t { open, kept, passed };

    std::mutex mutex_;
    std::condition_variable changed_;
    std::size_t stopped_ = 0;          // guarded by mutex_
    Outcome outcome_ = Outcome::open;  // guarded by mutex_
};

/// Sends a message without which the successor can do, unless it is too long. Throws as Channel.
void send_if_short(Channel& channel, const std::string& message, Channel::Deadline deadline);

/// Sends one batch of sessions, or what was counted. Everything throws std::runtime_error if the
/// successor has gone or does not read in time. One thread.
class HandOver {
  public:
    HandOver(Channel& channel, Channel::Deadline deadline)
        : channel_(channel), deadline_(deadline) {}

    void add(const LabelledTally& tally);
    /// The descriptors are borrowed; -1: it has no backend's.
    void add(PassedSession session, int client, int backend);
    void add(const StillToCome& still_to_come);
    enum class Follows : std::uint8_t { batch, nothing };
    /// Sends the rest, and that this was all of the batch.
    void end(Follows follows, std::uint64_t last_id = 0);

    [[nodiscard]] std::uint64_t sessions() const noexcept { return sessions_; }

  private:
    void flush();
    void send_unsent(net::RelaySide to, const std::vector<std::byte>& bytes);

    Channel& channel_;
    const Channel::Deadline deadline_;
    std::vector<std::string> batch_;
    std::size_t batch_size_ = 0;
    std::vector<int> descriptors_;
    std::uint64_t sessions_ = 0;
};

}  // namespace proxy::upgrade
