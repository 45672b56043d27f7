#pragma once

#include <map>
#include <optional>
#include <string>

namespace proxy {

/// Since when each thing has been what it is: a member in its role, a cluster under its leader.
/// Times are Unix times; what was so from the first time on counts from then. A value, for one
/// thread at a time.
class SinceTimes {
  public:
    /// From `now` on, unless it was so already.
    void note(const std::string& thing, const std::string& what, double now);
    /// Forgets what was not noted since this was called last.
    void forget_others();
    /// Nothing if the thing is not known.
    [[nodiscard]] std::optional<double> of(const std::string& thing) const;

  private:
    struct Entry {
        std::string what;
        double since = 0;
        bool is_noted = true;
    };
    std::map<std::string, Entry> entries_;
};

}  // namespace proxy
