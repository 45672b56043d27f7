// An upgrade, in the process that hands over: see upgrade/messages.

#include <algorithm>
#include <array>
#include <cstdio>
#include <unistd.h>
#include <utility>

#include "daemon/log/log.h"
#include "daemon/service/service_manager.h"
#include "daemon/text/units.h"
#include "daemon/text/words.h"
#include "patroni_proxy/proxy.h"
#include "patroni_proxy/upgrade/hand_over.h"
#include "patroni_proxy/upgrade/needs.h"
#include "patroni_proxy/upgrade/passage/passage.h"

namespace proxy {
namespace {

// What the successor reads while it starts.
constexpr std::chrono::seconds kForItsStart{5};
// Requests that came before have that long for their answers.
constexpr std::chrono::seconds kForRequests{2};

std::string milliseconds_text(std::chrono::duration<double, std::milli> time) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.1f ms", time.count());
    return text.data();
}

}  // namespace

/// The service decides whether this is the time for it.
void Proxy::start_upgrade(const std::string& by, std::function<void(const Outcome&)> done) {
    if (!process_.upgrade)
        return done({Outcome::Problem::conflict, false, "nothing can be upgraded here"});
    if (!is_upgrading())
        upgraded_by_ = by;
    process_.upgrade(
        [this, done = std::move(done)](const std::string& error, const std::string& message) {
            if (!is_upgrading())
                upgraded_by_.clear();
            done(error.empty() ? Outcome{Outcome::Problem::none, true, message}
                               : Outcome{Outcome::Problem::conflict, false, error});
        });
}

std::string Proxy::why_no_upgrade() const {
    if (::getpid() == 1)
        return "this is process 1: the container would end with it; start another container";
    for (const auto& cluster : config_.clusters)
        if (waits_for_thaw(cluster))
            return "cluster " + cluster.name +
                   " is frozen, and the file has other hosts by now: unfreeze it first";
    return {};
}

void Proxy::hand_over_to_successor(std::function<void(const daemons::ServiceBody::Upgrade&)> done) {
    if (const std::string why = why_no_upgrade(); !why.empty())
        return done({.error = why});
    try {
        successor_ = std::make_unique<upgrade::Successor>(
            main_loop_, process_.command_line,
            upgrade::Successor::Owner{
                [this](const auto& ready) { hand_over(ready); },
                [this](const std::string& why) { on_successor_failed(why); }});
        daemons::log::info({"upgrade_started"}, "process " + std::to_string(successor_->pid()) +
                                                    " starts, to serve instead of this one");
        upgraded_ = std::move(done);
        send_needs(successor_->channel());
    } catch (const std::exception& error) {
        if (!successor_)
            return done({.error = error.what()});
        on_successor_failed(error.what());
    }
}

/// All that it needs until it can say that it would serve the same.
void Proxy::send_needs(upgrade::Channel& channel) {
    constexpr std::size_t kAtOnce = 100;
    using upgrade::Kind;
    const auto deadline = Clock::now() + kForItsStart;
    const auto send = [&](Kind kind, const std::string& fields) {
        channel.send(upgrade::message(kind, fields), deadline);
    };
    const bool is_frozen = !control_.settings().frozen().empty();
    send(Kind::hello, upgrade::write(upgrade::Hello{
                          .format = is_frozen ? upgrade::kFormat : upgrade::kFormatUnlessFrozen,
                          .version = VERSION}));

    std::vector<std::pair<std::string, net::ListeningSockets::Socket>> sockets{
        {"HTTP API", interfaces_.http->socket()}};
    if (interfaces_.control)
        sockets.emplace_back("control", interfaces_.control->socket());
    if (interfaces_.haproxy)
        sockets.emplace_back("HAProxy socket", interfaces_.haproxy->socket());
    for (const auto& [id, port] : ports_)
        for (const auto& socket : port.sockets)
            sockets.emplace_back(port.port->label, socket);
    for (std::size_t from = 0; from < sockets.size(); from += kAtOnce) {
        std::vector<std::string> texts;
        std::vector<int> descriptors;
        for (std::size_t i = from; i < std::min(from + kAtOnce, sockets.size()); ++i) {
            texts.push_back(sockets[i].first);
            texts.push_back(sockets_.address_wished(sockets[i].second));
            descriptors.push_back(sockets[i].second->get());
        }
        channel.send(upgrade::message(Kind::listeners, upgrade::write(texts)), deadline,
                     descriptors);
    }

    const OperatorSettings& known = control_.settings();
    for (const auto& setting : known.all())
        send(Kind::settings, upgrade::write(upgrade::Settings{.settings = {setting}}));
    for (const auto& hold : known.holds_ended())
        send(Kind::settings, upgrade::write(upgrade::Settings{.holds_ended = {hold}}));
    for (const auto& [cluster, member, pace, detail] : open_sessions_.paces())
        send(Kind::settings,
             upgrade::write(upgrade::Settings{.paces = {{cluster, member, pace, detail}}}));
    for (const auto& cluster : config_.clusters)
        send_cluster(cluster, channel, deadline);
    for (const auto& [label, table] : tables_by_label())
        send(Kind::ports, upgrade::write(std::vector{upgrade::needs_of(label, *table)}));
    send(Kind::end, upgrade::write(upgrade::End{}));
}

/// In parts, so that none is too long for a message.
void Proxy::send_cluster(const ClusterConfig& cluster, upgrade::Channel& channel,
                         upgrade::Channel::Deadline deadline) const {
    FeedState state = feeds_.at(cluster.name)->state();
    const auto message_of = [&](FeedState part) {
        return upgrade::message(upgrade::Kind::cluster, upgrade::write(upgrade::PassedCluster{
                                                            cluster.name, std::move(part)}));
    };
    if (state.frozen)  // the successor cannot do without
        channel.send(message_of({.frozen = state.frozen}), deadline);
    if (state.memory) {
        for (const auto& host : hosts_followed(cluster))
            state.memory->hosts.push_back(host.url());
        upgrade::send_if_short(channel, message_of({.memory = state.memory}), deadline);
    }
    for (auto& judge : state.judges)
        upgrade::send_if_short(channel, message_of({.judges = {std::move(judge)}}), deadline);
    upgrade::send_if_short(channel, message_of({.since = state.since}), deadline);
}

/// What this process tells of itself and its clusters. Nothing of it changes before the successor
/// serves, since this is the thread that changes it, but for a poll that ends just now.
void Proxy::send_account(upgrade::Channel& channel) const {
    const auto deadline = Clock::now() + kForItsStart;
    const auto send = [&](upgrade::Kind kind, const std::string& fields) {
        upgrade::send_if_short(channel, upgrade::message(kind, fields), deadline);
    };
    for (const auto& record : history_.records_for_successor())
        send(upgrade::Kind::record, upgrade::write(*record));
    for (const auto& [name, feed] : feeds_)
        send(upgrade::Kind::counts, upgrade::write(upgrade::PassedCounts{name, feed->counts()}));
    constexpr std::size_t kPortsAtOnce = 100;
    for (const auto& [at, times] : last_minute_.copies()) {
        upgrade::PassedTimes part{at, {}};
        for (const auto& [label, port] : times) {
            part.ports.emplace(label, port);
            if (part.ports.size() == kPortsAtOnce)
                send(upgrade::Kind::last_minute, upgrade::write(std::exchange(part, {.at = at})));
        }
        send(upgrade::Kind::last_minute, upgrade::write(part));
    }
    send(upgrade::Kind::process,
         upgrade::write(upgrade::PassedProcess{
             started_, started_at_, reload_.state(), upgraded_by_,
             process_.log_level_set ? process_.log_level_set() : std::nullopt}));
}

/// Without those of removed ports.
Proxy::Tables Proxy::tables_by_label() {
    Tables tables;
    on_first_worker([&] {
        for (const auto& [id, port] : ports_)
            if (!port.leaves_at)
                tables[port.port->label] = workers_.front()->table(id);
    });
    return tables;
}

void Proxy::on_successor_failed(const std::string& why, bool has_cost) {
    main_loop_.dispose_later(std::exchange(successor_, nullptr));
    if (state_writer_)
        state_writer_->allow(true);
    history_.note({{},
                   {},
                   (has_cost ? "an upgrade failed: " : "an upgrade failed and changed nothing: ") +
                       why + asked_for_by(upgraded_by_),
                   std::exchange(upgraded_by_, {})});
    std::exchange(upgraded_, nullptr)({.error = why, .has_cost = has_cost});
}

void Proxy::hand_over(const upgrade::Ready& ready) {
    std::vector<PortPtr> ports;
    for (const auto& [id, port] : ports_)
        if (!port.leaves_at && std::find(ready.labels.begin(), ready.labels.end(),
                                         port.port->label) != ready.labels.end())
            ports.push_back(port.port);
    ProxyReport before = report();
    // Nothing else is done until all sessions have passed.
    daemons::service_manager::show_life();
    if (state_writer_)
        state_writer_->allow(false);
    try {
        send_account(successor_->channel());
    } catch (const std::exception& error) {
        return on_successor_failed(error.what());
    }
    upgrade::Passage passage(workers_, *successor_, std::move(ports), ready.in_batches);
    if (const std::string why = passage.pass_first([this] { acceptors_.clear(); }); !why.empty())
        return on_successor_failed(why);
    const auto answer = passage.pass_the_rest();
    if (answer == upgrade::Passage::Answer::gone)
        return serve_again(passage.sessions());
    const bool is_whole = answer == upgrade::Passage::Answer::adopted;
    if (!is_whole)
        tell_who_stays(passage.sessions_left());
    let_go();
    last_report_ = std::move(before);  // for those who have asked already
    const std::string message =
        "process " + std::to_string(successor_->pid()) + " has " +
        daemons::counted(passage.sessions(), "session") + "; the longest stop of one was " +
        milliseconds_text(passage.longest_stop()) +
        (is_whole
             ? ", and all had passed after " + milliseconds_text(passage.time_since_begin())
             : ", and " + daemons::counted(passage.sessions_left(), "session") + " stayed here");
    std::exchange(upgraded_, nullptr)({.message = message, .successor = successor_->pid()});
}

void Proxy::tell_who_stays(std::uint64_t sessions) const {
    daemons::log::warning(
        {"sessions_stay"},
        "the new process takes no more sessions: " + daemons::counted(sessions, "session") +
            " of this one have " + daemons::duration_text(config_.drain_timeout) + " to end");
}

/// The successor has ended after it had taken over. What it had is lost with it, as in any crash;
/// everything else is still here.
void Proxy::serve_again(std::size_t sessions_lost) {
    successor_->give_up();
    accept_on_new_sockets();
    on_successor_failed("the new process has ended amid it, and with it the " +
                            daemons::counted(sessions_lost, "session") +
                            " that had passed; this one serves again, with all others",
                        true);
}

/// Of what another process serves: listening sockets, and those of operators. Whoever is connected
/// to those is answered here.
void Proxy::let_go() {
    accepting_ = false;
    interfaces_.http->stop_accepting();
    if (interfaces_.control)
        interfaces_.control->stop_accepting();
    if (interfaces_.haproxy)
        interfaces_.haproxy->stop_accepting();
    for (auto& [id, port] : ports_)
        port.sockets.clear();
    sockets_.hand_over();
}

void Proxy::finish(std::function<void()> finished) {
    forget_applied();
    open_sessions_.stop();
    // The successor learns that this process has let go of everything.
    main_loop_.dispose_later(std::exchange(successor_, nullptr));
    drained_ = std::move(finished);
    finish_not_before_ = Clock::now() + kForRequests;
    drain_deadline_ = Clock::now() + std::max<Clock::duration>(config_.drain_timeout, kForRequests);
    arm_drain_timer();
}

}  // namespace proxy
