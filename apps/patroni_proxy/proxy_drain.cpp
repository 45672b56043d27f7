// Draining and ending: a removed port, or the whole proxy.

#include <algorithm>
#include <utility>

#include "daemon/log/log.h"
#include "daemon/text/units.h"
#include "patroni_proxy/proxy.h"

namespace proxy {

static constexpr std::chrono::milliseconds kDrainTick{100};

void Proxy::drain(bool end_idle, std::function<void()> drained) {
    if (successor_)
        on_successor_failed("draining");
    if (!std::exchange(drained_, std::move(drained)))
        begin_drain();
    if (!end_idle)
        return;
    const double time =
        std::max(std::chrono::duration<double>(config_.drain_timeout / 2).count(), 1.0);
    const auto sessions = static_cast<double>(sessions_.open.load());
    open_sessions_.end_idle(std::max(DrainPace::kDefaultRate, sessions / time));
    daemons::log::info({"stopping_gently"}, "stopping: sessions end once they are idle");
}

void Proxy::begin_drain() {
    accepting_ = false;
    forget_applied();
    drain_deadline_ = Clock::now() + config_.drain_timeout;
    for (auto& [id, port] : ports_)
        port.sockets.clear();
    stop_accepting_on_old_sockets();
    net::ListeningSockets::Prepared own{interfaces_.http->socket()};
    if (interfaces_.control)
        own.push_back(interfaces_.control->socket());
    if (interfaces_.haproxy)
        own.push_back(interfaces_.haproxy->socket());
    (void)sockets_.use(own_requests(config_), own);
    daemons::log::info({"draining"}, "draining: no new clients; " +
                                         std::to_string(sessions_.open.load()) + " sessions have " +
                                         daemons::duration_text(config_.drain_timeout) + " to end");
    arm_drain_timer();
}

/// Does not restart a running timer: frequent reloads must not delay what is due.
void Proxy::arm_drain_timer() {
    if (!drain_timer_.armed())
        drain_timer_.arm(kDrainTick);
}

void Proxy::on_drain_timer() {
    const auto now = Clock::now();
    bool more = false;
    for (auto port = ports_.begin(); port != ports_.end();) {
        const auto& leaves_at = port->second.leaves_at;
        const bool over = leaves_at && (port->second.port->sessions == 0 || now >= *leaves_at);
        more |= leaves_at && !over;
        port = over ? drop_port(port) : std::next(port);
    }
    const bool empty = sessions_.open == 0 && now >= finish_not_before_ && !hooks_.is_busy();
    if (drained_ && (empty || now >= drain_deadline_))
        return std::exchange(drained_, nullptr)();
    if (more || drained_)
        arm_drain_timer();
}

Proxy::Ports::iterator Proxy::drop_port(Ports::iterator port) {
    const PortId id = port->first;
    const OpenPort dropped = port->second;
    on_each_worker([id](Worker& worker) { worker.remove(id, SessionEnd::port_removed); });
    on_first_worker([&] { readiness_->forget(id); });
    const auto next = ports_.erase(port);
    const bool last = std::none_of(ports_.begin(), ports_.end(), [&](const auto& each) {
        return each.second.cluster == dropped.cluster;
    });
    if (last) {
        feeds_.erase(dropped.cluster);
        feed_settings_.erase(dropped.cluster);
    }
    return next;
}

void Proxy::end_all_sessions() {
    for (auto& [id, port] : ports_)
        port.sockets.clear();
    stop_accepting_on_old_sockets();
    on_each_worker([this](Worker& worker) {
        for (const auto& [id, port] : ports_)
            worker.remove(id, SessionEnd::proxy_stopped);
    });
}

void Proxy::forget_applied() {
    first_tables_timer_.cancel();
    applied_ = nullptr;
}

void Proxy::stop() {
    save_last_state();
    forget_applied();
    drain_timer_.cancel();
    counts_timer_.cancel();
    state_timer_.cancel();
    drained_ = nullptr;
    upgraded_ = nullptr;
    successor_.reset();
    predecessors_end_.reset();
    predecessor_.reset();
    listener_thread_.abandon();
    open_sessions_.stop();
    // Feeds first: they need the workers to put a last table in force.
    for (const auto& [name, feed] : feeds_)
        feed->stop();
    interfaces_ = {};
    former_servers_.clear();
    if (!workers_.empty())
        end_all_sessions();
    for (const auto& worker : workers_)
        worker->stop();
    acceptors_.clear();
    readiness_.reset();
    workers_.clear();
    hooks_.stop();
    // Nobody accepts clients anymore: the kernel must refuse them and not keep them in a backlog,
    // unless a keeper has the sockets for the next process.
    ports_.clear();
    sockets_.leave();
}

}  // namespace proxy
