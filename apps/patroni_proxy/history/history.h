#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "daemon/log/log_throttle.h"
#include "patroni_proxy/history/story/cluster_story.h"
#include "patroni_proxy/history/story/observation.h"
#include "patroni_proxy/history/story/record.h"

namespace proxy::history {

/// Follows all clusters and keeps their latest records. Logs each record as one line when it ends.
/// One thread at a time.
class History {
  public:
    /// How many finished records are kept, over all clusters. At most half of them are of kind
    /// `clients`, so that a port that is full all day does not push failovers out.
    static constexpr std::size_t kMostRecords = 200;

    /// What hooks hear of: a change as it happens, or the end of a record.
    struct News {
        std::string cluster;
        std::optional<Change> change{};  ///< empty: the record has ended
        std::optional<Record>
            record{};  ///< the open record, or the one that has ended; may be none
    };
    using OnNews = std::function<void(const News&)>;

    explicit History(OnNews on_news = {}) : on_news_(std::move(on_news)) {}

    void see(const std::string& cluster, const ClusterSeen& seen);
    void see(const std::string& cluster, const PollSeen& seen);
    void see(const std::string& cluster, CountsSeen counts);
    void note(const OperatorAction& action);
    /// Stops following all other clusters; their records stay.
    void keep(const std::set<std::string>& clusters);

    /// In the order in which they ended; then the open ones.
    [[nodiscard]] std::vector<RecordPtr> records() const;

    /// The same for the process that succeeds this one. Those that are open end with this process:
    /// the next one begins another record if the change or the trouble goes on.
    [[nodiscard]] std::vector<RecordPtr> records_for_successor() const;
    /// Goes on with these instead of its own finished ones, which that process has kept as well.
    void go_on_with(std::vector<Record> records);

  private:
    ClusterStory& story_of(const std::string& cluster);
    void take_from(const std::string& cluster, ClusterStory& story);
    void keep_record(Record record);
    void log(const Record& record);

    const OnNews on_news_;
    std::map<std::string, ClusterStory> stories_;
    std::deque<RecordPtr> records_;
    std::uint64_t last_id_ = 0;
    daemons::LogThrottle client_lines_;
};

}  // namespace proxy::history
