#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/socket/unique_fd.h"

namespace proxy::upgrade {

/// The other process has ended, or has closed its end.
class ChannelEnded final : public std::runtime_error {
  public:
    ChannelEnded() : std::runtime_error("the other process has ended") {}
};

/// One end of the connection between the running process and its successor: messages with
/// descriptors, whole and in order. One thread at a time.
class Channel {
  public:
    /// The kernel's own limit for one message (SCM_MAX_FD).
    static constexpr std::size_t kMaxDescriptors = 253;
    /// A batch ends once it has as much. A message that is longer than kMaxMessage cannot be sent.
    static constexpr std::size_t kBatch = std::size_t{32} * 1024;
    static constexpr std::size_t kMaxMessage = std::size_t{160} * 1024;

    struct Message {
        std::string bytes{};
        std::vector<net::UniqueFd> descriptors{};
    };
    using Deadline = std::chrono::steady_clock::time_point;

    /// Throws std::system_error.
    static std::pair<Channel, Channel> pair();
    Channel() = default;
    explicit Channel(net::UniqueFd fd) : fd_(std::move(fd)) {}

    // Both throw std::runtime_error saying why not: ChannelEnded if the other side has gone.
    /// Fails too if the other side does not read in time.
    void send(std::string_view bytes, Deadline deadline, std::span<const int> descriptors = {});
    /// Fails too if the other side says nothing in time, or if what came is no message.
    [[nodiscard]] Message receive(Deadline deadline);
    /// One that is there already; nothing if none is.
    [[nodiscard]] std::optional<Message> receive_now();
    /// From now on the other side can send nothing; what it has sent can still be received.
    void hear_no_more() noexcept;

    [[nodiscard]] int fd() const noexcept { return fd_.get(); }

  private:
    net::UniqueFd fd_;
    std::string buffer_;
};

}  // namespace proxy::upgrade
