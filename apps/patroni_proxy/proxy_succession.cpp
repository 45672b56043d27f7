// An upgrade, in the process that takes over: see upgrade/messages.

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "daemon/log/log.h"
#include "daemon/service/service_manager.h"
#include "daemon/text/units.h"
#include "daemon/text/words.h"
#include "patroni_proxy/proxy.h"
#include "patroni_proxy/upgrade/needs.h"

namespace proxy {
namespace {

// Between two looks at whether this process would serve the same as the running one.
constexpr std::chrono::milliseconds kNextLook{20};

}  // namespace

/// Waits, without a handler of its own for anything else, for the end of the channel.
class Proxy::PredecessorsEnd final : private net::EventHandler {
  public:
    PredecessorsEnd(net::EventLoop& loop, int channel, std::function<void()> then)
        : loop_(loop), channel_(channel), then_(std::move(then)) {
        if (loop_.add(channel_, EPOLLIN, *this) != 0)
            loop_.post(then_);
    }
    PredecessorsEnd(const PredecessorsEnd&) = delete;
    PredecessorsEnd& operator=(const PredecessorsEnd&) = delete;
    ~PredecessorsEnd() { loop_.remove(channel_); }

  private:
    void on_event(std::uint32_t /*events*/) noexcept override {
        loop_.remove(channel_);
        loop_.post(then_);
    }

    net::EventLoop& loop_;
    const int channel_;
    const std::function<void()> then_;
};

/// Takes over from the running process once this one would serve the same. False: not yet. Throws
/// std::exception if it cannot, and then the other one goes on.
bool Proxy::succeed() {
    const auto tables = tables_by_label();
    if (const auto why = upgrade::why_not_yet(predecessor_->ports(), tables); !why.empty()) {
        if (Clock::now() - started_to_succeed_ >= upgrade::Predecessor::kPatience)
            throw std::runtime_error("after " +
                                     daemons::duration_text(upgrade::Predecessor::kPatience) +
                                     " it would still serve less than the running process: " + why);
        first_tables_timer_.arm(kNextLook);
        return false;
    }
    std::vector<std::string> labels;
    labels.reserve(tables.size());
    for (const auto& [label, table] : tables)
        labels.push_back(label);
    auto arrivals = predecessor_->receive(labels);
    // All that can fail comes before. Requests that arrive already are answered afterwards.
    const auto sockets = sockets_.prepare(socket_requests(config_));
    Interfaces interfaces = new_interfaces(config_, sockets);
    predecessor_->take_over();
    succeeded_ = true;
    adopt(std::move(arrivals));
    sockets_.succeed();
    use_interfaces(std::move(interfaces), config_);
    return true;
}

void Proxy::adopt(upgrade::Arrivals arrivals) {
    std::map<std::string, PortId> ports;
    for (const auto& [id, port] : ports_)
        ports[port.port->label] = id;
    const std::size_t sessions = arrivals.sessions.size();
    on_each_worker([&](Worker& worker) { worker.ids().begin_after(arrivals.last_id); });
    adopt_sessions(std::move(arrivals.sessions));
    predecessor_->say_adopted();
    on_first_worker([&] {
        for (const auto& [label, tally] : arrivals.tallies)
            if (const auto port = ports.find(label); port != ports.end())
                workers_.front()->count_on(port->second, tally);
    });
    // The tables may have changed since this process said that it would serve the same.
    on_each_worker([&](Worker& worker) {
        for (const auto& [label, id] : ports)
            worker.check_sessions(id);
    });
    for (const auto& [cluster, member, pace, detail] : predecessor_->settings().paces)
        open_sessions_.drain(cluster, member, pace, detail);
    daemons::log::info({"took_over"}, "took over from the process before, with " +
                                          daemons::counted(sessions, "session"));
    take_account(std::move(arrivals.records), std::move(arrivals.counts), arrivals.process);
    ask_for_counts();  // not before: what comes from there has not happened just now
    wait_for_predecessors_end();
}

/// Goes on telling what the process before told.
void Proxy::take_account(std::vector<history::Record> records,
                         std::vector<upgrade::PassedCounts> counts,
                         const std::optional<upgrade::PassedProcess>& process) {
    history_.go_on_with(std::move(records));
    for (auto& passed : counts)
        if (const auto feed = feeds_.find(passed.cluster); feed != feeds_.end())
            feed->second->go_on_with(std::move(passed.counts));
    std::string by;
    if (process) {
        started_ = process->started;
        reload_.go_on_with(process->reloads);
        by = process->upgraded_by;
    }
    const std::string& former = predecessor_->version();
    history_.note({{},
                   {},
                   (former == VERSION ? "upgraded, to the same version " + former
                                      : "upgraded from version " + former + " to " VERSION) +
                       asked_for_by(by),
                   by});
}

/// What the process before knew of a cluster, so that this one routes as that one did whatever
/// Patroni answers, and when. After feed.reconfigure(), before feed.start().
void Proxy::go_on_with_predecessors(const ClusterConfig& cluster, TopologyFeed& feed) {
    FeedState state = predecessor_->take_cluster(cluster.name);
    if (state.memory && !state.memory->fits(cluster.hosts, cluster.identity)) {
        if (state.frozen)
            throw std::runtime_error("cluster " + cluster.name +
                                     " is frozen, and the file has other hosts by now: unfreeze "
                                     "it first");
        return;  // what is known is about another cluster
    }
    feed.go_on_with(std::move(state), config_.state_max_age);
}

/// Each goes to the worker that its id names. Those that move bytes first: they stand still, and no
/// client that waits may take a place of theirs.
void Proxy::adopt_sessions(std::vector<upgrade::Arrival> arrivals) {
    std::map<std::string, PortId> ports;
    for (const auto& [id, port] : ports_)
        ports[port.port->label] = id;
    using Share = std::vector<upgrade::Arrival>;
    for (const bool relaying : {true, false}) {
        std::map<const Worker*, Share> shares;
        for (auto& arrival : arrivals)
            if ((arrival.session.state.stage == SessionState::Stage::relaying) == relaying)
                shares[workers_[arrival.session.state.id.worker() % workers_.size()].get()]
                    .push_back(std::move(arrival));
        on_each_worker([&](Worker& worker) {
            const auto share = shares.find(&worker);
            if (share == shares.end())
                return;
            for (auto& [session, client, backend] : share->second)
                worker.adopt(ports.at(session.label), std::move(session.state), std::move(client),
                             std::move(backend));
        });
    }
}

/// Then this process is the service's main one, for systemd too.
void Proxy::wait_for_predecessors_end() {
    predecessors_end_ =
        std::make_shared<PredecessorsEnd>(main_loop_, predecessor_->channel(), [this] {
            predecessors_end_.reset();
            if (!predecessor_)
                return;  // stopped meanwhile
            predecessor_->close();
            predecessor_.reset();
            sockets_.keep_as_successor();
            daemons::service_manager::take_over();
        });
}

}  // namespace proxy
