#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "daemon/system/side_thread.h"
#include "net/loop/event_loop.h"
#include "net/loop/timer.h"
#include "patroni/result.h"

namespace agent {

/// Whether a file exists, or why that cannot be told. Blocks while the file system hangs.
[[nodiscard]] patroni::Result<bool> is_there(const std::string& file);

/// The operator's switch that takes the agent's members out: on while a file exists. Another thread
/// checks four times a second, since the file system may hang. A check that fails changes nothing:
/// it neither begins nor ends maintenance. Loop thread only.
class MaintenanceSwitch {
  public:
    using Look = std::function<patroni::Result<bool>(const std::string& file)>;
    /// A check that takes longer has failed, until it returns.
    static constexpr std::chrono::milliseconds kPatience{2'000};

    explicit MaintenanceSwitch(net::EventLoop& loop, Look look = is_there,
                               std::chrono::milliseconds patience = kPatience);

    /// Watches this file from now on; `always`: on, whether it exists or not.
    void use(const std::string& file, bool always);
    void stop();

    [[nodiscard]] bool is_on() const noexcept { return on_; }
    /// False until the first check has returned or failed.
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
    bool marked_ = false;  ///< the file existed at the last check that worked
    bool on_ = false;
    bool known_ = false;
    std::string why_not_known_;  ///< why the last check failed; empty if it worked
    Clock::time_point looks_since_;
    daemons::SideThread looker_;
    net::Timer timer_;
};

}  // namespace agent
