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

/// Which host is asked for /cluster first, and which next. No clock, no I/O. Not thread-safe; a
/// value.
class HostOrder {
  public:
    /// `hosts`: at least one; `first` is the index of the one to start with.
    HostOrder(std::vector<Endpoint> hosts, std::size_t first);

    /// The hosts, beginning with the one that answered last, then the members of `snapshot` (null:
    /// none). Those that were put last within the last ten seconds come at the end.
    [[nodiscard]] std::vector<Endpoint> at(Clock::time_point now, const ClusterSnapshot* snapshot);
    void answered(const Endpoint& host);
    /// It answered, but another host may know better: that one comes first now. A single host gives
    /// way to the members for a while.
    void pass_over(const Endpoint& host, Clock::time_point now);
    /// It failed, or keeps a poll waiting.
    void put_last(const Endpoint& host, Clock::time_point now);

  private:
    std::vector<Endpoint> hosts_;
    std::map<std::string, Clock::time_point> last_until_;  ///< by URL
};

}  // namespace patroni
