// What operators change while the proxy runs: see Control.

#include <algorithm>
#include <exception>
#include <memory>
#include <utility>

#include "daemon/log/log.h"
#include "daemon/text/units.h"
#include "patroni_proxy/control/config_changes.h"
#include "patroni_proxy/proxy.h"
#include "patroni_proxy/takeover/listener_transfer.h"

namespace proxy {

static constexpr std::chrono::seconds kHandOverPatience{1};

std::vector<std::string> Proxy::members_of(const std::string& cluster) const {
    std::vector<std::string> names;
    if (const auto feed = feeds_.find(cluster); feed != feeds_.end())
        for (const auto& member : feed->second->report().members)
            names.push_back(member.name);
    return names;
}

std::string Proxy::why_not_frozen(const std::string& cluster) const {
    return feeds_.at(cluster)->why_not_frozen();
}

void Proxy::use_operator_settings() {
    for (auto& [id, port] : ports_)
        if (!port.leaves_at)
            use_port_settings(port);
    for (const auto& cluster : config_.clusters)
        apply_cluster(cluster, nullptr);
    save_state();
}

void Proxy::use_port_settings(OpenPort& port) {
    const auto settings = std::make_shared<const PortSettings>(
        control_.settings().settings_of(port.cluster, port.config));
    if (*port.settings == *settings)
        return;
    port.settings = settings;
    on_each_worker([&, id = port.port->id](Worker& worker) { worker.use(id, settings); });
    accept_or_refuse(port.port->id);
}

void Proxy::when_in_force(std::function<void()> done) {
    // Watchers run their tasks in order: the last watcher to reach this one posts `done`.
    ping_feeds(std::shared_ptr<void>(
        nullptr, [this, done = std::move(done)](void* /*nothing*/) { main_loop_.post(done); }));
}

void Proxy::reload(const std::string& listeners, std::function<void(const ReloadOutcome&)> done) {
    if (!process_.reload)
        return done({"nothing can be reloaded here", {}});
    if (listeners.empty())
        return process_.reload([this, done = std::move(done)](const std::string& error) {
            done({error, error.empty() ? changes_ : std::vector<std::string>{}});
        });
    take_over(listeners, done);
}

/// Another process may hang: it is asked on a thread of its own.
void Proxy::take_over(const std::string& listeners,
                      const std::function<void(const ReloadOutcome&)>& done) {
    if (listener_thread_.is_busy())
        return done({"listening sockets are being handed over already", {}});
    try {
        listener_thread_.start([this, listeners, done]() -> daemons::SideThread::Done {
            try {
                const auto sockets = std::make_shared<std::vector<net::UniqueFd>>(
                    takeover::receive_listeners(listeners, kHandOverPatience));
                return [this, sockets, done] { reload_with(std::move(*sockets), done); };
            } catch (const std::exception& error) {
                return [done, problem = std::string(error.what())] { done({problem, {}}); };
            }
        });
    } catch (const std::exception& error) {
        done({error.what(), {}});
    }
}

void Proxy::reload_with(std::vector<net::UniqueFd> sockets,
                        const std::function<void(const ReloadOutcome&)>& done) {
    sockets_.offer(std::move(sockets));
    process_.reload([this, done](const std::string& error) {
        if (!error.empty()) {
            sockets_.offer({});
            return done({error, {}});
        }
        ReloadOutcome outcome{{}, changes_};
        for (const auto& address : sockets_.taken()) {
            outcome.taken.push_back(address.to_string());
            daemons::log::info({"socket_taken_over"},
                               "took over the socket that listens on " + address.to_string());
        }
        done(outcome);
    });
}

/// To a HAProxy that starts: it accepts on them beside us, until we drain. Whatever fails here, it
/// sees that it got none, and says so.
void Proxy::hand_over_listeners(net::UniqueFd connection, const std::string& to) {
    std::vector<net::ListeningSockets::Socket> sockets;
    for (const auto& [id, port] : ports_)
        for (const auto& socket : port.sockets)
            if (!socket->address().is_unix())
                sockets.push_back(socket);
    if (listener_thread_.is_busy())
        return;
    on_first_worker([this] {
        for (const auto& acceptor : acceptors_)
            acceptor->share();
    });
    const auto shared = std::make_shared<const net::UniqueFd>(std::move(connection));
    try {
        listener_thread_.start([sockets, shared, to]() -> daemons::SideThread::Done {
            std::vector<int> descriptors(sockets.size());
            std::transform(sockets.begin(), sockets.end(), descriptors.begin(),
                           [](const auto& socket) { return socket->get(); });
            const bool good =
                takeover::send_listeners(shared->get(), descriptors, kHandOverPatience);
            return [good, to, count = descriptors.size()] {
                daemons::log::info(
                    {"sockets_handed_over"},
                    "HAProxy socket: " + to + (good ? " has" : " asked for, and did not take,") +
                        " the listening sockets of all ports (" + std::to_string(count) + ")");
            };
        });
    } catch (const std::exception& error) {
        daemons::log::error(
            {"sockets_not_handed_over"},
            std::string("HAProxy socket: no listening socket is handed over: ") + error.what());
    }
}

daemons::log::Level Proxy::log_level() const {
    return process_.log_level ? process_.log_level() : daemons::log::Level::info;
}

void Proxy::set_log_level(daemons::log::Level level) {
    if (process_.set_log_level)
        process_.set_log_level(level);
}

/// What `config` will change. Called before it replaces the one in force.
std::vector<std::string> Proxy::changes_by(const Config& config) const {
    auto changes = config_changes(config_, config);
    std::uint64_t ending = 0;
    for (const auto& [id, port] : ports_) {
        const auto is_kept = [&, &port = port](const ClusterConfig& cluster) {
            return cluster.name == port.cluster &&
                   std::any_of(cluster.ports.begin(), cluster.ports.end(),
                               [&](const auto& each) { return each.name == port.config.name; });
        };
        if (!port.leaves_at &&
            std::none_of(config.clusters.begin(), config.clusters.end(), is_kept))
            ending += port.port->sessions;
    }
    for (const auto& cluster : config.clusters)
        if (waits_for_thaw(cluster))
            changes.push_back("cluster " + cluster.name + ": " + kWaitsForThaw);
    if (ending != 0)
        changes.push_back(std::to_string(ending) +
                          (ending == 1 ? " session ends" : " sessions end") + " within " +
                          daemons::duration_text(config.drain_timeout));
    return changes;
}

}  // namespace proxy
