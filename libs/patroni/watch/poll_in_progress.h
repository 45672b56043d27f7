#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "patroni/answers/observation.h"
#include "patroni/rest/rest_client.h"
#include "patroni/result.h"
#include "patroni/verdict/claim.h"
#include "patroni/watch/cluster_watcher.h"

namespace patroni {

/// What Poller has to remember while a poll is in progress.
struct PollInProgress {
    /// Who is asked for a self-report: member (empty: whoever answers), path and the API's URL.
    using Request = std::tuple<std::string, std::string, std::string>;

    std::uint64_t number = 0;
    Clock::time_point started;
    ClusterWatcher::PollResult result;
    std::vector<ClusterWatcher::OnPoll> done;  ///< callers of poll_now() that wait for the result

    // GET /cluster.
    std::vector<Endpoint> hosts;   ///< to be asked, in this order
    std::size_t asked = 0;         ///< how many of them have been
    std::size_t failed = 0;        ///< how many of those gave no good answer
    bool any_unconnected = false;  ///< one of those did not accept the connection
    bool any_connected = false;
    Clock::time_point next_host_at;  ///< when the next one is asked as well
    Clock::time_point leaders_at;    ///< when they are asked, although no host has answered
    std::optional<Clock::time_point> all_asked;  ///< when the last of `hosts` was asked at first
    /// Hosts that failed while another one hangs: they are asked again, as if they came next.
    struct Retry {
        Endpoint host;
        Clock::time_point at;
    };
    std::deque<Retry> retries;
    std::deque<Claim> claims;  ///< answers that wait until it is clear whose they are
    std::optional<Clock::time_point> cluster_done;  ///< when one was accepted, or all had failed
    Clock::duration answer_took{0};                 ///< of the accepted answer, else the slowest

    // Self-reports.
    std::set<Request> awaited;
    std::set<std::string> repeated;  ///< members to ask again once they have answered
    Speakers speakers;
    /// When a request was made, and how long its answer took.
    struct Asked {
        Clock::time_point at;
        Clock::duration took;
    };
    /// By members that a claim names as leader: they count once the claim does.
    struct Held {
        Result<HttpReply> reply;
        Asked asked;
    };
    std::map<Request, Held> held;
};

}  // namespace patroni
