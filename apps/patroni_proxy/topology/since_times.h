#pragma once

#include <map>
#include <optional>
#include <string>

namespace proxy {

/// Since when each thing has been what it is: a member in its role, a cluster under its leader; and
/// for how long it has been down. Times are Unix times; what was so from the first time on counts
/// from then. A value, for one thread at a time.
class SinceTimes {
  public:
    /// From `now` on, unless it was so already. What is down counts in down_for().
    void note(const std::string& thing, const std::string& what, double now, bool is_down = false);
    /// Forgets what was not noted since this was called last.
    void forget_others();
    /// Nothing if the thing is not known.
    [[nodiscard]] std::optional<double> of(const std::string& thing) const;
    /// Seconds until `now`, all times together. Nothing if the thing is not known.
    [[nodiscard]] std::optional<double> down_for(const std::string& thing, double now) const;

    struct Entry {
        std::string what;
        double since = 0;
        bool is_down = false;
        double down_before = 0;  ///< seconds, until `since`
        bool is_noted = true;

        [[nodiscard]] double down_for(double now) const;
    };
    using Entries = std::map<std::string, Entry>;  ///< by thing
    [[nodiscard]] const Entries& entries() const noexcept { return entries_; }
    /// Adds what another process has noted of other things.
    void add(const Entries& entries) { entries_.insert(entries.begin(), entries.end()); }

  private:
    Entries entries_;
};

}  // namespace proxy
