#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "daemon/system/side_thread.h"
#include "net/loop/event_loop.h"
#include "net/loop/timer.h"
#include "patroni/result.h"

namespace agent {

/// Whether a file is there; why that cannot be told. Blocks as long as its file system does.
[[nodiscard]] patroni::Result<bool> is_there(const std::string& file);

/// The switch of an operator who takes the agent's members out: on while a file exists. It is
/// looked at four times a second, on another thread: its file system may hang. What cannot be
/// looked at says nothing, so that it begins and ends no maintenance. Loop thread only.
class MaintenanceSwitch {
  public:
    using Look = std::function<patroni::Result<bool>(const std::string& file)>;
    /// A look that takes longer has failed, until it is over.
    static constexpr std::chrono::milliseconds kPatience{2'000};

    explicit MaintenanceSwitch(net::EventLoop& loop, Look look = is_there,
                               std::chrono::milliseconds patience = kPatience);

    /// From now on this file, looked at at once; `always`: on, whether it exists or not.
    void use(const std::string& file, bool always);
    void stop();

    [[nodiscard]] bool is_on() const noexcept { return on_; }
    /// False until the first look is over or has failed.
    [[nodiscard]] bool is_known() const noexcept { return known_ || always_; }

  private:
    using Clock = std::chrono::steady_clock;

    void tick();
    void on_look(const patroni::Result<bool>& there);
    void set(bool on);

    const Look look_;
    const std::chrono::milliseconds patience_;
    std::string file_;
    bool always_ = false;
    bool marked_ = false;  ///< the file was there at the last look that was one
    bool on_ = false;
    bool known_ = false;
    std::string why_not_known_;  ///< of the last look; empty if it was one
    Clock::time_point looks_since_;
    daemons::SideThread looker_;
    net::Timer timer_;
};

}  // namespace agent
