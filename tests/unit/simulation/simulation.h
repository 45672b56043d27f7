#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "chance.h"
#include "oracle.h"
#include "patroni/verdict/judge.h"
#include "patroni/watch/poller.h"
#include "patroni_proxy/backend/backend_table.h"
#include "patroni_proxy/topology/whereabouts.h"
#include "world.h"

namespace simulation {

/// One proxy that watches one cluster, from the requests to the tables of its ports, in a world
/// where everything takes time and most things go wrong. One thread, no clock, no socket: one event
/// follows another, and the same seed gives the same course of events.
class Simulation {
  public:
    /// `tells`: keep a time line.
    Simulation(std::uint64_t seed, bool tells);

    /// Runs to the end, or to the first violation. Returns that, or an empty text.
    [[nodiscard]] std::string run();
    /// The latest events, one per line.
    [[nodiscard]] std::string time_line() const;

  private:
    struct Question {
        patroni::Endpoint endpoint;
        std::string path;
        patroni::Poller::OnReply on_reply;
        Clock::time_point asked_at;
    };
    /// One API's requests: it handles one at a time, the others wait, as behind a MemberProbe.
    struct Api {
        std::deque<Question> questions;
        std::uint64_t turn = 0;  ///< number of the request that it handles
        bool busy = false;
        bool hangs = false;  ///< on that request
    };
    struct Port {
        PortRules rules;
        patroni::Judge judge;
        Served served;
    };
    /// What a resolver knows of a name.
    struct Known {
        std::vector<std::string> addresses;
        Clock::time_point at;
    };

    [[nodiscard]] patroni::Poller::Settings settings();
    void later(Milliseconds after, std::function<void()> event);
    void run_for(Clock::duration time);
    [[nodiscard]] bool is_over() const { return !oracle_->violation().empty(); }
    void trouble();
    void come_to_rest();
    void check_rest(Clock::duration after, bool with_lag);

    void ask(const patroni::Endpoint& endpoint, const std::string& path,
             patroni::Poller::OnReply on_reply);
    void ask_next(const std::string& place);
    void answer(const std::string& place, std::uint64_t turn);
    void finish(const std::string& place, std::uint64_t turn,
                const patroni::Result<patroni::HttpReply>& reply, const Answer* answer);

    void on_view(const patroni::ClusterView& view);
    [[nodiscard]] proxy::Located locate(const patroni::Member& member, const Port& port,
                                        Clock::time_point answered_at);
    [[nodiscard]] const Known* resolve(const std::string& host);
    [[nodiscard]] proxy::BackendPtr backend(const std::string& member, const std::string& ip);
    [[nodiscard]] Served served_by(const proxy::BackendTable& table) const;
    void check();
    void note(const std::string& what);

    Chance chance_;
    const bool tells_;
    const Clock::time_point begin_;
    Clock::time_point now_;
    std::multimap<Clock::time_point, std::function<void()>> events_;
    int under_way_ = 0;  ///< events of the world
    std::unique_ptr<World> world_;
    std::unique_ptr<Oracle> oracle_;
    std::vector<Port> ports_;
    std::map<std::string, Api> apis_;  ///< by place
    std::map<std::string, Known> known_;
    std::map<std::string, proxy::Whereabouts> whereabouts_;
    std::set<std::string> placed_;  ///< members whose place the latest answer says
    std::map<std::pair<std::string, std::string>, proxy::BackendPtr> backends_;
    std::deque<std::string> time_line_;
    std::string told_;  ///< the latest line of the tables
    Milliseconds interval_{0};
    std::unique_ptr<patroni::Poller> poller_;  // last: it uses the others
};

}  // namespace simulation
