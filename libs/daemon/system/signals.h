#pragma once

#include <cstdint>
#include <functional>

#include "net/loop/event_loop.h"
#include "net/socket/unique_fd.h"

namespace daemons {

/// Call before the first thread starts. Blocks the signals that a daemon handles (SIGTERM, SIGINT,
/// SIGHUP, SIGUSR1, SIGUSR2) for a SignalReader, and ignores SIGPIPE: a closed peer is an errno.
void block_signals();
/// SIGPIPE alone, for a program that is no daemon and asks REST APIs.
void ignore_sigpipe();

/// Receives those signals on a loop. Loop thread only; throws std::system_error.
class SignalReader final : private net::EventHandler {
  public:
    using OnSignal = std::function<void(int signal)>;

    SignalReader(net::EventLoop& loop, OnSignal on_signal);
    SignalReader(const SignalReader&) = delete;
    SignalReader& operator=(const SignalReader&) = delete;
    ~SignalReader();

  private:
    void on_event(std::uint32_t events) noexcept override;

    net::EventLoop& loop_;
    const OnSignal on_signal_;
    net::UniqueFd fd_;
};

}  // namespace daemons
