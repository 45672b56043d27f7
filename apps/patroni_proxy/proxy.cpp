#include "patroni_proxy/proxy.h"

#include <atomic>
#include <chrono>
#include <future>
#include <latch>
#include <mutex>
#include <utility>

#include "daemon/log.h"

namespace proxy {
namespace {

// Clients that come meanwhile wait in the listening sockets' backlog.
constexpr std::chrono::seconds kFirstTablesWait{2};

/// Collects what several feeds tell, each on its own thread, and passes it on once all have.
class UpdateTally {
  public:
    UpdateTally(std::size_t feeds, AdminServer::UpdateDone done)
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
    const AdminServer::UpdateDone done_;
};

}  // namespace

Proxy::Proxy(const Config& config) {
    bind_all(config);
    std::vector<std::string> labels;
    for (const auto& port : ports_)
        labels.push_back(port.label);
    for (unsigned i = 0; i < config.workers; ++i)
        workers_.push_back(std::make_unique<Worker>(labels));
    make_feeds(config);
}

Proxy::~Proxy() {
    stop();
}

void Proxy::bind_all(const Config& config) {
    admin_socket_ = net::bind_listening_socket(config.listen_address);
    for (const auto& cluster : config.clusters)
        for (const auto& port : cluster.ports)
            ports_.push_back(
                {cluster.name + "/" + port.name, net::bind_listening_socket(port.listen)});
}

void Proxy::make_feeds(const Config& config) {
    std::size_t first_port = 0;
    for (const auto& cluster : config.clusters) {
        feeds_.push_back(std::make_unique<TopologyFeed>(
            cluster, config.cluster_update_interval,
            [this, first_port](std::size_t port, const BackendTablePtr& table) {
                publish(first_port + port, table);
            }));
        first_port += cluster.ports.size();
    }
}

void Proxy::publish(std::size_t port, const BackendTablePtr& table) {
    std::latch in_force(static_cast<std::ptrdiff_t>(workers_.size()));
    for (const auto& worker : workers_)
        worker->loop().post([&worker = *worker, &in_force, port, table] {
            worker.use(port, table);
            in_force.count_down();
        });
    in_force.wait();
}

void Proxy::update_all(const AdminServer::UpdateDone& done) {
    if (feeds_.empty())
        return done(0, {});
    const auto tally = std::make_shared<UpdateTally>(feeds_.size(), done);
    for (const auto& feed : feeds_)
        feed->update_now([tally, &feed = *feed](const std::string& error) {
            tally->note(feed.cluster_name(), error);
        });
}

void Proxy::start() {
    for (const auto& worker : workers_)
        worker->start();
    start_feeds();
    accept_clients();
    daemons::log::info("HTTP API: listening on " + admin_socket_.address().to_string());
    admin_ = std::make_unique<AdminServer>(
        admin_socket_, [this](const AdminServer::UpdateDone& done) { update_all(done); });
}

/// Waits for the first tables, but not for long.
void Proxy::start_feeds() {
    const auto all_answered = std::make_shared<std::promise<void>>();
    auto answered = all_answered->get_future();
    // Asked before they start, the first round is the one that is told.
    update_all([all_answered](std::size_t, const std::string&) { all_answered->set_value(); });
    for (const auto& feed : feeds_)
        feed->start();
    answered.wait_for(kFirstTablesWait);
}

void Proxy::accept_clients() {
    std::latch accepting(1);
    std::exception_ptr error;
    workers_.front()->loop().post([&] {
        try {
            for (std::size_t i = 0; i < ports_.size(); ++i)
                acceptors_.push_back(
                    std::make_unique<Acceptor>(workers_, i, ports_[i].label, ports_[i].socket));
        } catch (...) {
            error = std::current_exception();
        }
        accepting.count_down();
    });
    accepting.wait();
    if (error)
        std::rethrow_exception(error);
    for (std::size_t i = 0; i < ports_.size(); ++i)
        daemons::log::info(ports_[i].label + ": listening on " +
                           acceptors_[i]->address().to_string());
}

void Proxy::stop() {
    // From the sources on: the feeds still need the workers to put a last table in force, and end
    // what the HTTP API waits for.
    for (const auto& feed : feeds_)
        feed->stop();
    admin_.reset();
    for (const auto& worker : workers_)
        worker->stop();
    acceptors_.clear();
    workers_.clear();
    ports_.clear();
    admin_socket_.close();
}

}  // namespace proxy
