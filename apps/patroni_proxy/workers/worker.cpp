#include "patroni_proxy/workers/worker.h"

#include <chrono>
#include <ctime>
#include <latch>
#include <limits>
#include <pthread.h>
#include <utility>

namespace proxy {
namespace {

constexpr std::chrono::microseconds kSweepTurn{200};
constexpr auto kFromTheEnd = std::numeric_limits<std::size_t>::max();

std::chrono::nanoseconds thread_cpu_time() noexcept {
    timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace

Worker::Worker(ProcessSessions& process, std::uint16_t number, std::size_t pipes)
    : number_(number),
      buffer_(std::make_unique<net::RelayBuffer>(pipes)),
      process_(process),
      ids_(number) {}

void Worker::start() {
    thread_ = std::jthread([this](const std::stop_token& stop) {
        ::pthread_setname_np(::pthread_self(), "worker");  // for top -H
        const std::stop_callback end_loop(stop, [this] { loop_.stop(); });
        loop_.run();
    });
}

void Worker::stop() {
    thread_ = {};
}

void Worker::run(const std::function<void()>& task) {
    std::latch done(1);
    loop_.post([&] {
        task();
        done.count_down();
    });
    done.wait();
}

void Worker::serve(PortId port, net::UniqueFd client, const net::SocketAddress& client_address) {
    sessions_.fetch_add(1, std::memory_order_relaxed);
    Accepted accepted{port, std::move(client), client_address};
    if (std::this_thread::get_id() == thread_.get_id())
        return serve_here(std::move(accepted));
    bool first = false;
    {
        const std::lock_guard lock(accepted_mutex_);
        first = accepted_.empty();
        accepted_.push_back(std::move(accepted));
    }
    if (first)
        loop_.post([this] { take_accepted(); });
}

void Worker::take_accepted() {
    std::vector<Accepted> accepted;
    {
        const std::lock_guard lock(accepted_mutex_);
        accepted.swap(accepted_);
    }
    for (auto& each : accepted)
        serve_here(std::move(each));
}

void Worker::serve_here(Accepted accepted) {
    const auto found = ports_.find(accepted.port);
    if (found == ports_.end())
        sessions_.fetch_sub(1, std::memory_order_relaxed);
    else
        found->second->serve(std::move(accepted.client), accepted.address);
}

void Worker::add(const PortPtr& port, const PortSettingsPtr& settings) {
    ports_.emplace(port->id, std::make_unique<PortServer>(
                                 WorkerContext{loop_, *buffer_, number_, sessions_, ids_, process_},
                                 port, settings));
}

void Worker::use(PortId port, const PortSettingsPtr& settings) {
    if (const auto found = ports_.find(port); found != ports_.end())
        found->second->use(settings);
}

void Worker::use(PortId port, const BackendTablePtr& table) {
    if (const auto found = ports_.find(port); found != ports_.end())
        found->second->use(table);
}

bool Worker::takes_clients(PortId port) const noexcept {
    const auto found = ports_.find(port);
    return found != ports_.end() && found->second->takes_clients();
}

void Worker::try_held_sessions() {
    for (const auto& [id, port] : ports_)
        port->try_held_sessions();
}

void Worker::try_held_sessions(PortId port) {
    if (const auto found = ports_.find(port); found != ports_.end())
        found->second->try_held_sessions();
}

void Worker::sweep(std::vector<PortId> ports, std::function<void(PortId, Session&)> visit,
                   std::function<void(std::chrono::nanoseconds)> done) {
    go_on(std::make_shared<Sweep>(
        Sweep{std::move(ports), kFromTheEnd, std::move(visit), std::move(done)}));
}

void Worker::go_on(const std::shared_ptr<Sweep>& sweep) {
    const auto until = net::TimerQueue::Clock::now() + kSweepTurn;
    const auto before = thread_cpu_time();
    for (; !sweep->ports.empty(); sweep->ports.pop_back(), sweep->from = kFromTheEnd) {
        const PortId port = sweep->ports.back();
        const auto found = ports_.find(port);
        if (found == ports_.end())
            continue;
        sweep->from = found->second->visit(sweep->from, until,
                                           [&](Session& session) { sweep->visit(port, session); });
        if (sweep->from != 0) {
            sweep->spent += thread_cpu_time() - before;
            return loop_.post([this, sweep] { go_on(sweep); });
        }
    }
    sweep->done(sweep->spent + thread_cpu_time() - before);
}

Session* Worker::find(PortId port, SessionId id, std::size_t place) noexcept {
    const auto found = ports_.find(port);
    return found == ports_.end() ? nullptr : found->second->find(id, place);
}

PortPtr Worker::port(PortId port) const {
    const auto found = ports_.find(port);
    return found == ports_.end() ? nullptr : found->second->port();
}

void Worker::remove(PortId port, SessionEnd end) {
    auto removed = ports_.extract(port);
    if (!removed)
        return;
    removed.mapped()->end_sessions(end);
    loop_.dispose_later(std::move(removed.mapped()));
}

std::map<PortId, PortTally> Worker::take_counts() {
    std::map<PortId, PortTally> counts;
    for (const auto& [id, port] : ports_)
        counts.emplace(id, port->take_counts());
    return counts;
}

BackendTablePtr Worker::table(PortId port) const {
    const auto found = ports_.find(port);
    return found == ports_.end() ? nullptr : found->second->table_in_force();
}

void Worker::show_to_successor(PortId port, PortServer::AtOnce which, const PortServer::Shown& show,
                               PortServer::Others& others) const {
    if (const auto found = ports_.find(port); found != ports_.end())
        found->second->show_to_successor(which, show, others);
}

void Worker::leave_to_successor(PortId port, PortServer::AtOnce which) {
    if (const auto found = ports_.find(port); found != ports_.end())
        found->second->leave_to_successor(which);
}

void Worker::pass_some(PortId port, std::size_t most, const PortServer::Passed& pass) {
    if (const auto found = ports_.find(port); found != ports_.end())
        found->second->pass_some(most, pass);
}

PortTally Worker::tally_for_successor(PortId port) const {
    const auto found = ports_.find(port);
    return found == ports_.end() ? PortTally{} : found->second->tally_for_successor();
}

void Worker::adopt(PortId port, SessionState&& state, net::UniqueFd client, net::UniqueFd backend,
                   Reservation reserved) {
    const auto found = ports_.find(port);
    if (found == ports_.end())
        return;
    sessions_.fetch_add(1, std::memory_order_relaxed);
    found->second->adopt(std::move(state), std::move(client), std::move(backend),
                         std::move(reserved));
}

void Worker::count_on(PortId port, const PortTally& tally) {
    if (const auto found = ports_.find(port); found != ports_.end())
        found->second->count_on(tally);
}

std::map<PortId, PortTally> Worker::tallies() const {
    std::map<PortId, PortTally> tallies;
    for (const auto& [id, port] : ports_)
        tallies.emplace(id, port->tally());
    return tallies;
}

}  // namespace proxy
