#include "patroni_proxy/proxy.h"

#include <algorithm>
#include <cerrno>
#include <exception>
#include <latch>
#include <mutex>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "daemon/log/log.h"
#include "daemon/system/descriptors.h"
#include "daemon/text/units.h"

namespace proxy {
namespace {

// Clients that connect meanwhile wait in the sockets' backlog.
// For listening sockets, the log, files and requests to Patroni.
constexpr std::uint64_t kOtherDescriptors = 64;

/// Collects the results of several feeds, each on its own thread, and reports them once all are in.
class UpdateTally {
  public:
    UpdateTally(std::size_t feeds, AdminRequests::UpdateDone done)
        : waiting_(feeds), done_(std::move(done)) {}

    void note(const std::string& cluster, const std::string& error) {
        {
            const std::lock_guard lock(mutex_);
            if (error.empty())
                ++updated_;
            else
                errors_ += (errors_.empty() ? "" : "; ") + cluster + ": " + error;
            if (--waiting_ > 0)
                return;
        }
        done_(updated_, errors_);
    }

  private:
    std::mutex mutex_;
    std::size_t waiting_;
    std::size_t updated_ = 0;
    std::string errors_;
    const AdminRequests::UpdateDone done_;
};

/// All pipes together take at most a thirty-second of the descriptors, two each.
std::size_t pipes_of_a_worker(std::size_t workers) {
    return std::min<std::size_t>(net::RelayBuffer::kPipes,
                                 daemons::descriptor_limit() / 64 / workers);
}

std::string label_of(const ClusterConfig& cluster, const PortConfig& port) {
    return cluster.name + "/" + port.name;
}

}  // namespace

/// Each session takes two descriptors.
std::uint64_t Proxy::possible_sessions(const Config& config) const {
    const std::uint64_t limit = daemons::descriptor_limit();
    const std::uint64_t others = kOtherDescriptors + face_descriptors(config) +
                                 2 * workers_.size() * pipes_of_a_worker(workers_.size());
    return limit > 2 * others ? (limit - others) / 2 : limit / 4;
}

std::uint64_t Proxy::max_sessions(const Config& config) const {
    const std::uint64_t possible = possible_sessions(config);
    if (config.max_connections <= possible)
        return config.max_connections == 0 ? possible : config.max_connections;
    daemons::log::warning({"max_connections_lowered"},
                          "max_connections of " + std::to_string(config.max_connections) +
                              " needs more descriptors than the limit of " +
                              std::to_string(daemons::descriptor_limit()) + " allows; using " +
                              std::to_string(possible));
    return possible;
}

Proxy::Proxy(net::EventLoop& main_loop, unsigned workers, ProcessControls process,
             net::SocketKeeper* keeper, std::shared_ptr<upgrade::Predecessor> predecessor)
    : main_loop_(main_loop),
      sockets_(keeper),
      listener_thread_(main_loop),
      open_sessions_(main_loop, workers_, [this] { return port_names(); }),
      first_tables_timer_(main_loop.timers(), [this] { on_first_tables(); }),
      drain_timer_(main_loop.timers(), [this] { on_drain_timer(); }),
      process_(std::move(process)),
      counts_timer_(main_loop.timers(), [this] { ask_for_counts(); }),
      state_timer_(main_loop.timers(), [this] { on_state_timer(); }),
      state_thread_(main_loop),
      predecessor_(std::move(predecessor)),
      succeeded_(predecessor_ == nullptr),
      control_(main_loop, *this) {
    if (predecessor_) {
        sockets_.inherit(predecessor_->take_listeners());
        const auto& known = predecessor_->settings();
        control_.go_on_with({known.settings, known.holds_ended});
    }
    for (unsigned i = 0; i < workers; ++i)
        workers_.push_back(std::make_unique<Worker>(sessions_, static_cast<std::uint16_t>(i),
                                                    pipes_of_a_worker(workers)));
    readiness_ = std::make_unique<ReadinessCheck>(workers_.front()->loop(), [this] {
        for (const auto& worker : workers_)
            worker->loop().post([&worker = *worker] { worker.try_held_sessions(); });
    });
    sessions_.readiness = readiness_.get();
    for (const auto& worker : workers_)
        worker->start();
    if (succeeded_)
        ask_for_counts();
}

Proxy::~Proxy() {
    stop();
}

void Proxy::apply(const Config& config, std::function<void()> applied) {
    // First what can fail: it changes nothing that is running.
    const auto requests = socket_requests(config);
    const auto sockets = prepare(requests);
    Interfaces interfaces;
    if (succeeded_)  // until then the predecessor serves on them
        interfaces = new_interfaces(config, sockets);

    if (accepting_ && config.workers != workers_.size())
        daemons::log::warning({"workers_unchanged"},
                              "workers: a change needs a restart; until then, " +
                                  std::to_string(workers_.size()) + " run");
    use_interfaces(std::move(interfaces), config);
    changes_ = changes_by(config);
    config_ = config;
    hooks_.use(config_.on_change);
    for (const auto& refusal : sockets_.use(requests, sockets)) {
        daemons::log::warning({"socket_access_refused"}, refusal);
        changes_.push_back(refusal);
    }
    sessions_.max_open = possible_sessions(config);
    sessions_.max_places = max_sessions(config);
    restore_settings();
    control_.on_reload();
    apply_ports(sockets);
    stop_accepting_on_old_sockets();
    applied_ = std::move(applied);
    first_tables_timer_.arm(patience_with_patroni);
    apply_clusters();
    restored_ = {};
    on_state_timer();
}

net::ListeningSockets::Prepared Proxy::prepare(const std::vector<net::SocketRequest>& requests) {
    try {
        return sockets_.prepare(requests);
    } catch (const std::system_error& error) {
        if (error.code().value() != EADDRNOTAVAIL)
            throw;
        throw std::runtime_error(std::string(error.what()) +
                                 "; with freebind: true the address may come later");
    }
}

/// The proxy's own sockets first, then those of every port in the order of the file.
std::vector<net::SocketRequest> Proxy::socket_requests(const Config& config) {
    auto requests = own_requests(config);
    for (const auto& cluster : config.clusters)
        for (const auto& port : cluster.ports)
            for (const auto& address : port.listen)
                requests.push_back(request_for(
                    config, label_of(cluster, port), address,
                    {.unix_mode = port.listen_mode, .freebind = port.freebind, .tcp = config.tcp}));
    return requests;
}

/// All clusters have answered, or their time is over.
void Proxy::on_first_tables() {
    if (!applied_ || !(succeeded_ || succeed()))
        return;
    first_tables_timer_.cancel();
    accept_on_new_sockets();
    accepting_ = true;
    log_interfaces();
    std::exchange(applied_, nullptr)();
    former_servers_.clear();  // whoever asked them for this has been answered
}

/// A port that keeps its name keeps its sessions, whatever else changes.
void Proxy::apply_ports(const net::ListeningSockets::Prepared& sockets) {
    auto next_socket = sockets.begin() + static_cast<std::ptrdiff_t>(own_requests(config_).size());
    std::vector<PortId> wanted;
    for (const auto& cluster : config_.clusters)
        for (const auto& config : cluster.ports) {
            OpenPort& port = open_port(cluster, config);
            const auto count = static_cast<std::ptrdiff_t>(config.listen.size());
            port.sockets.assign(next_socket, next_socket + count);
            next_socket += count;
            wanted.push_back(port.port->id);
        }
    for (auto& [id, port] : ports_) {
        if (port.leaves_at || std::find(wanted.begin(), wanted.end(), id) != wanted.end())
            continue;
        port.leaves_at = Clock::now() + config_.drain_timeout;
        port.sockets.clear();
        daemons::log::info({"port_removed", port.port->label},
                           port.port->label + ": removed; its sessions have " +
                               daemons::duration_text(config_.drain_timeout) + " to end");
        arm_drain_timer();
    }
}

Proxy::OpenPort& Proxy::open_port(const ClusterConfig& cluster, const PortConfig& config) {
    const std::string label = label_of(cluster, config);
    for (auto& [id, port] : ports_)
        if (port.cluster == cluster.name && port.config.name == config.name && !port.leaves_at) {
            port.config = config;
            use_port_settings(port);
            return port;
        }
    const auto settings =
        std::make_shared<const PortSettings>(control_.settings().settings_of(cluster.name, config));
    const PortId id = ++last_port_;
    // drop_port() lets go of a port before its feed.
    const auto on_trouble = [&feed = feed_of(cluster)](const std::string& member, auto trouble) {
        feed.report_trouble(member, trouble);
    };
    const auto wake = [this, id](std::size_t number) {
        Worker& worker = *workers_[number];
        worker.loop().post([&worker, id] { worker.try_held_sessions(id); });
    };
    const PortPtr port(new Port{id, label, on_trouble, wake});
    on_each_worker([&](Worker& worker) { worker.add(port, settings); });
    return ports_[id] = {port, settings, cluster.name, config, {}, {}};
}

/// A new one is not started: it gets its ports and starts in apply_clusters().
TopologyFeed& Proxy::feed_of(const ClusterConfig& cluster) {
    auto& feed = feeds_[cluster.name];
    if (!feed)
        feed = std::make_unique<TopologyFeed>(
            TopologyFeed::Settings{cluster, config_.cluster_update_interval, {}},
            [this](PortId port, const BackendTablePtr& table) { publish(port, table); },
            TopologyFeed::shared_resolver(), history_outlets_of(cluster.name));
    return *feed;
}

void Proxy::apply_clusters() {
    // Runs when the last holder drops it, unless another configuration was applied.
    const std::shared_ptr<void> waiting(nullptr,
                                        [this, number = ++applications_](void* /*nothing*/) {
                                            main_loop_.post([this, number] {
                                                if (number == applications_)
                                                    on_first_tables();
                                            });
                                        });
    for (const auto& cluster : config_.clusters)
        apply_cluster(cluster, waiting);
}

/// The last holder drops `waiting` once it is in force.
void Proxy::apply_cluster(const ClusterConfig& cluster, const std::shared_ptr<void>& waiting) {
    TopologyFeed& feed = feed_of(cluster);
    const auto settings = feed_settings(cluster);
    const auto in_force = feed_settings_.find(cluster.name);
    const bool is_new = in_force == feed_settings_.end();
    if (!is_new && in_force->second == settings)
        return;
    feed_settings_.insert_or_assign(cluster.name, settings);
    feed.reconfigure(settings, [waiting] {});
    if (!is_new)
        return;
    if (predecessor_ && !succeeded_)
        go_on_with_predecessors(cluster, feed);
    else
        remember(cluster, feed);
    // Requested before the start, so that the first poll is the one reported.
    feed.update_now([waiting](const std::string& /*error*/) {});
    feed.start();
}

/// Includes removed ports: their sessions must not outlive their members' eligibility.
TopologyFeed::Settings Proxy::feed_settings(const ClusterConfig& cluster) const {
    TopologyFeed::Settings settings{
        cluster, config_.cluster_update_interval, {}, control_.settings().limits_of(cluster.name)};
    for (const auto& [id, port] : ports_)
        if (port.cluster == cluster.name)
            settings.ports.push_back({id, port.config});
    // Other hosts may be those of another cluster, whose members may have the same names: what they
    // say must not be taken for what the frozen members say.
    if (const auto known = feed_settings_.find(cluster.name);
        settings.limits.frozen && known != feed_settings_.end()) {
        settings.cluster.hosts = known->second.cluster.hosts;
        settings.cluster.identity = known->second.cluster.identity;
    }
    return settings;
}

bool Proxy::waits_for_thaw(const ClusterConfig& cluster) const {
    const auto known = feed_settings_.find(cluster.name);
    return known != feed_settings_.end() &&
           control_.settings().find({Operation::freeze, cluster.name, {}, {}}) &&
           !(known->second.cluster.hosts == cluster.hosts &&
             known->second.cluster.identity == cluster.identity);
}

/// Includes removed ports while they have sessions.
OpenSessions::PortNames Proxy::port_names() const {
    OpenSessions::PortNames names;
    for (const auto& [id, port] : ports_)
        names[id] = {port.cluster, port.config.name};
    return names;
}

void Proxy::publish(PortId port, const BackendTablePtr& table) {
    on_each_worker([&](Worker& worker) {
        worker.use(port, table);
        const bool checks = &worker == workers_.front().get();
        if (const PortPtr known = checks ? worker.port(port) : nullptr)
            readiness_->watch(known, table);
    });
    accept_or_refuse(port);
}

/// After a change of the port's table or settings, once all workers have it: a client that is let
/// in finds it in force. Not from a worker.
void Proxy::accept_or_refuse(PortId port) {
    on_first_worker([&] {
        const bool takes = workers_.front()->takes_clients(port);
        for (const auto& acceptor : acceptors_)
            if (acceptor->port().id == port)
                acceptor->take_clients(takes);
    });
}

/// Runs on all workers at once and returns when all are done. Not from a worker.
void Proxy::on_each_worker(const std::function<void(Worker&)>& task) {
    std::latch done(static_cast<std::ptrdiff_t>(workers_.size()));
    for (const auto& worker : workers_)
        worker->loop().post([&worker = *worker, &task, &done] {
            task(worker);
            done.count_down();
        });
    done.wait();
}

void Proxy::on_first_worker(const std::function<void()>& task) {
    workers_.front()->run(task);
}

void Proxy::update_all(const AdminRequests::UpdateDone& done) {
    if (config_.clusters.empty())
        return done(0, {});
    const auto tally = std::make_shared<UpdateTally>(config_.clusters.size(), done);
    for (const auto& cluster : config_.clusters)
        feeds_.at(cluster.name)->update_now([tally, name = cluster.name](const std::string& error) {
            tally->note(name, error);
        });
}

void Proxy::ping(const std::shared_ptr<void>& token) {
    for (const auto& worker : workers_)
        worker->loop().post([token] {});
    ping_feeds(token);
}

void Proxy::ping_feeds(const std::shared_ptr<void>& token) {
    for (const auto& [name, feed] : feeds_)
        feed->ping(token);
}

}  // namespace proxy
