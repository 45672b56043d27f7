#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "patroni/answers/cluster_snapshot.h"
#include "patroni/answers/observation.h"
#include "patroni/rest/endpoint.h"

namespace patroni {

[[nodiscard]] bool is_among(const std::vector<Endpoint>& hosts, const Endpoint& host);

/// Which host is asked for /cluster first, and which next. No clock, no I/O. One thread at a time;
/// a value.
class HostOrder {
  public:
    /// `hosts`: at least one; that of index `first` comes first.
    HostOrder(std::vector<Endpoint> hosts, std::size_t first);

    /// The hosts, from the one that answered last on, then the members of `snapshot` (null: none);
    /// those that were put last lately come last.
    [[nodiscard]] std::vector<Endpoint> at(Clock::time_point now, const ClusterSnapshot* snapshot);
    void answered(const Endpoint& host);
    /// It answered, but another may know better: that comes first now. Of a single host the members
    /// come first for a while.
    void pass_over(const Endpoint& host, Clock::time_point now);
    /// It failed, or keeps a poll waiting.
    void put_last(const Endpoint& host, Clock::time_point now);

  private:
    std::vector<Endpoint> hosts_;
    std::map<std::string, Clock::time_point> last_until_;  ///< by URL
};

}  // namespace patroni
