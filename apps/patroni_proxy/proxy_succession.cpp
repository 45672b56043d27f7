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
    sockets_.succeed();
    adopt(std::move(arrivals), labels);
    use_interfaces(std::move(interfaces), config_);
    return true;
}

/// This process serves. Clients that connect are served while sessions are still to come; operators
/// are answered once all are there.
void Proxy::adopt(upgrade::Arrivals arrivals, const std::vector<std::string>& labels) {
    Reservations reservations(sessions_);
    reserve(arrivals.still_to_come, reservations);
    std::size_t sessions = arrivals.sessions.size();
    on_each_worker([&](Worker& worker) { worker.ids().begin_after(arrivals.last_id); });
    adopt_sessions(std::move(arrivals.sessions), reservations);
    predecessor_->say_adopted();
    accept_on_new_sockets();
    if (arrivals.more)
        sessions += adopt_the_rest(labels, arrivals.tallies, reservations);
    std::map<std::string, PortId> ports;
    for (const auto& [id, port] : ports_)
        ports[port.port->label] = id;
    on_first_worker([&] {
        for (const auto& [label, tally] : arrivals.tallies)
            if (const auto port = ports.find(label); port != ports.end())
                workers_.front()->count_on(port->second, tally);
    });
    for (const auto& [cluster, member, pace, detail] : predecessor_->settings().paces)
        if (control_.settings().find({Operation::drain, cluster, member, {}}))  // not over yet
            open_sessions_.drain(cluster, member, pace, detail);
    daemons::log::info({"took_over"}, "took over from the process before, with " +
                                          daemons::counted(sessions, "session"));
    take_account(std::move(arrivals.records), std::move(arrivals.counts), arrivals.process);
    // Without the counts that they are copies of, they say nothing.
    if (!arrivals.tallies.empty())
        for (auto& [at, times] : arrivals.times)
            last_minute_.add(std::min(at, Clock::now()), std::move(times));
    ask_for_counts();  // not before: what comes from there has not happened just now
    wait_for_predecessors_end();
}

/// Batch by batch; returns how many sessions came. What does not come stays with the process before
/// until it ends.
std::size_t Proxy::adopt_the_rest(const std::vector<std::string>& labels,
                                  std::vector<upgrade::LabelledTally>& tallies,
                                  Reservations& reservations) {
    std::size_t sessions = 0;
    try {
        for (bool more = true; more;) {
            auto batch = predecessor_->receive_more(labels);
            sessions += batch.sessions.size();
            more = batch.more;
            adopt_sessions(std::move(batch.sessions), reservations);
            reserve(batch.still_to_come, reservations);
            if (more)
                predecessor_->say_adopted();
            tallies = std::move(batch.tallies);
        }
    } catch (const std::exception& error) {
        predecessor_->refuse(error.what());
        daemons::log::warning({"sessions_stay"}, "the process before passes no more sessions: " +
                                                     std::string(error.what()));
    }
    return sessions;
}

/// What the table in force does not lead to is counted when it comes, and cut.
void Proxy::reserve(const upgrade::StillToCome& still_to_come, Reservations& reservations) {
    std::map<std::string, const OpenPort*> ports;
    for (const auto& [id, port] : ports_)
        ports[port.port->label] = &port;
    std::vector<Reservations::OfPort> of_ports;
    for (const auto& [label, sessions] : still_to_come.ports)
        if (const auto port = ports.find(label); port != ports.end())
            of_ports.push_back({port->second->port, sessions});
    std::vector<Reservations::OfBackend> of_backends;
    const auto tables = still_to_come.backends.empty() ? Tables{} : tables_by_label();
    for (const auto& [label, member, address, connections] : still_to_come.backends) {
        const auto table = tables.find(label);
        if (table == tables.end() || !table->second)
            continue;
        if (auto backend = table->second->find(member, address))
            of_backends.push_back({ports.at(label)->cluster, std::move(backend),
                                   static_cast<std::uint32_t>(connections)});
    }
    reservations.set(of_ports, of_backends);
}

/// Goes on telling what the process before told, at the level that an operator has set there.
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
        started_at_ = process->started_at;
        reload_.go_on_with(process->reloads);
        by = process->upgraded_by;
        if (process->log_level)
            set_log_level(*process->log_level);
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
void Proxy::adopt_sessions(std::vector<upgrade::Arrival> arrivals, Reservations& reservations) {
    std::map<std::string, const OpenPort*> ports;
    for (const auto& [id, port] : ports_)
        ports[port.port->label] = &port;
    struct Adopted {
        upgrade::Arrival arrival;
        Reservation reserved;
    };
    for (const bool relaying : {true, false}) {
        std::map<const Worker*, std::vector<Adopted>> shares;
        for (auto& arrival : arrivals) {
            const SessionState& state = arrival.session.state;
            if ((state.stage == SessionState::Stage::relaying) != relaying)
                continue;
            const OpenPort& port = *ports.at(arrival.session.label);
            auto reserved = reservations.take(port.port, port.cluster, state);
            shares[workers_[state.id.worker() % workers_.size()].get()].push_back(
                {std::move(arrival), std::move(reserved)});
        }
        if (shares.empty())
            continue;
        on_each_worker([&](Worker& worker) {
            const auto share = shares.find(&worker);
            if (share == shares.end())
                return;
            for (auto& [arrival, reserved] : share->second)
                worker.adopt(ports.at(arrival.session.label)->port->id,
                             std::move(arrival.session.state), std::move(arrival.client),
                             std::move(arrival.backend), std::move(reserved));
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
