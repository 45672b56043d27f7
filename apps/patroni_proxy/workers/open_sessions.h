#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "daemon/system/task_thread.h"
#include "net/loop/event_loop.h"
#include "net/loop/timer.h"
#include "patroni_proxy/port/port.h"
#include "patroni_proxy/session/selection/drain_pace.h"
#include "patroni_proxy/session/selection/session_filter.h"
#include "patroni_proxy/session/selection/session_record.h"
#include "patroni_proxy/workers/worker.h"

namespace proxy {

/// The open sessions of all workers, as operators see and end them. Workers are asked in batches
/// and answer later: none stops moving bytes for longer than a moment.
/// Main thread only. Borrows the loop and the workers.
class OpenSessions {
  public:
    struct PortName {
        std::string cluster;
        std::string port;
    };
    using PortNames = std::map<PortId, PortName>;

    /// `ports` gives the ports that there are.
    OpenSessions(net::EventLoop& main_loop, const std::vector<std::unique_ptr<Worker>>& workers,
                 std::function<PortNames()> ports);
    OpenSessions(const OpenSessions&) = delete;
    OpenSessions& operator=(const OpenSessions&) = delete;

    // Each calls `done` later, on the main thread; never if the proxy stops first.
    /// `write` runs on a thread of its own: thousands of sessions take a while to write down. Lists
    /// with the same filter are gathered, and written once in each form, for all that ask
    /// meanwhile, and one of thousands for a while after. So workers spend little time on them
    /// however many ask, and a list may be three seconds old. What close() or a drain has ended is
    /// not in it.
    void list(const SessionFilter& filter, SessionWriter write,
              std::function<void(std::string text)> done);
    /// Ends what the filter selects. `detail` says by whom, for the log.
    void close(const SessionFilter& filter, const std::string& detail,
               std::function<void(std::size_t closed)> done);

    /// Ends the member's sessions at a pace until keep(): those between two queries as soon as the
    /// pace allows, the others once its time is over. That the member gets no new ones is for
    /// others to see to. Replaces the pace of a drain that is under way, whose time begins anew.
    void drain(const std::string& cluster, const std::string& member, const DrainPace& pace,
               const std::string& detail);
    /// Ends no more sessions of the member.
    void keep(const std::string& cluster, const std::string& member);
    /// Ends every session that is between two queries, at most `rate` per second, because the proxy
    /// is stopping; again and again until stop().
    void end_idle(double rate);
    /// Ends no more sessions. Before the workers end.
    void stop();
    /// A drain at a pace that is under way.
    struct Pace {
        std::string cluster;
        std::string member;
        DrainPace pace;  ///< `within`: the time that is left
        std::string detail;
    };
    [[nodiscard]] std::vector<Pace> paces() const;

  private:
    using Clock = std::chrono::steady_clock;

    struct Drain {
        std::string cluster;  ///< empty: all
        std::string member;   ///< empty: all
        DrainPace pace;
        std::string detail;
        SessionEnd end;
        PaceCounter counter;
        Clock::time_point began = Clock::now();
        Clock::time_point counted_at = Clock::now();
        bool under_way = false;  ///< the workers are being asked
        bool is_done = false;    ///< the member had no session left
        std::size_t ended = 0;
    };
    using DrainPtr = std::shared_ptr<Drain>;
    struct DrainPart;
    struct Listed;
    struct ListRequest {
        SessionWriter write;
        std::function<void(std::string text)> done;
    };

    template <typename Part>
    void gather(const PortNames& ports, std::function<void(Part&, PortId, Session&)> visit,
                std::function<void(Part&)> finish,
                std::function<void(std::vector<Part>, std::chrono::nanoseconds longest)> done);
    void write_down(const std::shared_ptr<Listed>& listed, ListRequest request);
    void forget_list();
    [[nodiscard]] PortNames ports_of(const std::string& cluster, const std::string& port) const;
    void begin(Drain drain);
    void on_tick();
    void choose(const DrainPtr& drain);
    void end(const DrainPtr& drain, const std::vector<DrainCandidate>& chosen, bool overdue);
    void on_ended(const DrainPtr& drain, std::size_t sessions);
    [[nodiscard]] bool is_in_force(const DrainPtr& drain) const;

    net::EventLoop& main_loop_;
    const std::vector<std::unique_ptr<Worker>>& workers_;
    const std::function<PortNames()> ports_;
    std::map<std::pair<std::string, std::string>, DrainPtr> drains_;  ///< by cluster and member
    net::Timer tick_;                 ///< armed while anything drains
    std::shared_ptr<Listed> listed_;  ///< the list that others may share; null: none
    net::Timer list_is_old_;
    daemons::TaskThread writer_{"sessions"};
};

}  // namespace proxy
