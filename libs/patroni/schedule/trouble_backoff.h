#pragma once

#include <algorithm>
#include <chrono>
#include <utility>

#include "patroni/answers/observation.h"

namespace patroni {

/// Throttles the checks that repeated reports of one kind of trouble ask for. Sessions that end are
/// no news where they end all day and nothing is wrong, as behind a pooler that closes them itself.
/// The first report counts at once; checks of the repeated ones are 0.2 s apart, then 0.6 s, and so
/// on up to `longest`. No clock. A value.
class TroubleBackoff {
  public:
    explicit TroubleBackoff(Clock::duration longest) : longest_(longest) {}

    /// Notes a report. True for the first one, and for the first after ten seconds without any.
    [[nodiscard]] bool report(Clock::time_point now) noexcept {
        const bool is_first = !is_active() || now >= last_report_at_ + kForgetAfter;
        last_report_at_ = now;
        is_waiting_ = !is_first;
        if (is_first) {
            gap_ = kFirstGap;
            ends_at_ = now + gap_;
        }
        return is_first;
    }
    /// When repeated reports that nobody has checked yet are due for a check; else never.
    [[nodiscard]] Clock::time_point check_due_at() const noexcept {
        return is_waiting_ ? ends_at_ : Clock::time_point::max();
    }
    /// A check was made: the next one is further away.
    void lengthen(Clock::time_point now) noexcept {
        is_waiting_ = false;
        if (!is_active())
            return;
        gap_ = std::min(2 * gap_ + kFirstGap, longest_);
        ends_at_ = now + gap_;
    }
    /// What was reported has been checked by the way.
    void clear_reports() noexcept { is_waiting_ = false; }

  private:
    static constexpr Clock::duration kFirstGap = std::chrono::milliseconds{200};
    static constexpr std::chrono::seconds kForgetAfter{10};

    [[nodiscard]] bool is_active() const noexcept { return gap_ != Clock::duration::zero(); }

    Clock::duration longest_;
    Clock::duration gap_{0};  ///< 0: there was no report
    Clock::time_point ends_at_{};
    Clock::time_point last_report_at_{};
    bool is_waiting_ = false;
};

}  // namespace patroni
