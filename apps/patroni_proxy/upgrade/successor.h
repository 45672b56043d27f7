#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "net/loop/event_loop.h"
#include "net/loop/timer.h"
#include "patroni_proxy/upgrade/channel.h"
#include "patroni_proxy/upgrade/messages/messages.h"

namespace proxy::upgrade {

/// The environment variable with the number of the successor's end of the channel.
inline constexpr const char* kChannelVariable = "PATRONI_PROXY_UPGRADE";

/// The process that is to succeed this one, from its start until it serves. Until then it ends with
/// this object, and nothing has changed. Loop thread only. Like every handler it outlives the batch
/// of events it was active in, and so the calls to its owner.
class Successor final : private net::EventHandler {
  public:
    /// For its start, its configuration and Patroni's answers.
    static constexpr std::chrono::seconds kPatience{30};

    struct Owner {
        /// It would serve these ports. Called from the loop.
        std::function<void(const Ready& ready)> on_ready{};
        /// It will not. Called from the loop.
        std::function<void(const std::string& why)> on_failed{};
    };

    /// Starts the program that is at the path of `command_line` now. Throws std::exception.
    Successor(net::EventLoop& loop, std::vector<std::string> command_line, Owner owner);
    Successor(const Successor&) = delete;
    Successor& operator=(const Successor&) = delete;
    ~Successor();

    [[nodiscard]] Channel& channel() noexcept { return channel_; }
    [[nodiscard]] pid_t pid() const noexcept { return pid_; }
    /// Empty once it has taken over: waits until it says so, has gone, or the time is over. If it
    /// has not, it never will.
    [[nodiscard]] std::string why_not_taken_over(Channel::Deadline deadline);
    /// What has become of a batch.
    enum class Answer : std::uint8_t {
        adopted,  ///< its sessions move again
        refused,  ///< it has not touched them, and takes no more
        late,     ///< it has not answered in time: they are its own
        gone,     ///< it has ended
    };
    /// After that: waits for the answer to what was sent last.
    [[nodiscard]] Answer await_adopted(Channel::Deadline deadline) noexcept;
    /// It serves no more, if it did: it ends with this object.
    void give_up() noexcept { serves_ = false; }

  private:
    [[nodiscard]] static pid_t start(std::vector<std::string> command_line, int channel);
    [[nodiscard]] static std::string why_refused(std::string_view message);
    void kill_it() const;
    void on_event(std::uint32_t events) noexcept override;
    void fail(const std::string& why);

    net::EventLoop& loop_;
    const Owner owner_;
    Channel channel_;
    net::Timer late_;
    pid_t pid_ = -1;
    bool serves_ = false;
};

}  // namespace proxy::upgrade
