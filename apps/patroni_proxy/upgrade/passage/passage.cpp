#include "patroni_proxy/upgrade/passage/passage.h"

#include <algorithm>
#include <deque>
#include <exception>
#include <utility>

namespace proxy::upgrade {
namespace {

using Clock = std::chrono::steady_clock;

// A few milliseconds are enough. Only a successor that hangs at this very moment makes sessions
// stand still for longer.
constexpr std::chrono::seconds kLongestStandstill{2};
// Ten times what thousands of sessions take, if they pass at once. An earlier version never says
// that it has adopted them.
constexpr std::chrono::milliseconds kForAdoption{500};
// So many sessions stand still at a time: what one message has room for.
constexpr std::size_t kBatch = 120;

}  // namespace

/// What one worker passes on, while it stands still.
struct Passage::Share {
    struct Session {
        const std::string& label;
        SessionState state;
        proxy::Session::Descriptors sockets;
    };
    std::vector<Session> sessions;
    std::vector<PortServer::Others> others;  ///< of each port
    Tallies tallies;
    std::uint64_t last_id = 0;
};

/// Sessions that nobody serves for the moment.
struct Passage::Batch {
    struct Session {
        const PortPtr& port;
        SessionState state;
        net::Relay::Sockets sockets;
    };
    std::vector<Session> sessions;
    Clock::time_point began = Clock::now();
};

Passage::Passage(const Workers& workers, Successor& successor, std::vector<PortPtr> ports,
                 bool in_batches)
    : workers_(workers),
      successor_(successor),
      ports_(std::move(ports)),
      at_once_(in_batches ? AtOnce::undecided : AtOnce::all),
      began_(Clock::now()) {}

/// The first worker stops first, since it accepts clients for the others: those that it has
/// accepted are sessions by the time the others stop.
std::string Passage::pass_first(const std::function<void()>& stop_accepting) {
    std::vector<Share> shares(workers_.size());
    const auto standstill = std::make_shared<Standstill>();
    for (std::size_t i = 0; i < workers_.size(); ++i) {
        workers_[i]->loop().post([this, i, standstill, &stop_accepting, &share = shares[i],
                                  &worker = *workers_[i]] {
            share.others.resize(ports_.size());
            for (std::size_t port = 0; port < ports_.size(); ++port)
                worker.show_to_successor(
                    ports_[port]->id, at_once_,
                    [&](SessionState&& state, Session::Descriptors sockets) {
                        share.sessions.push_back({ports_[port]->label, std::move(state), sockets});
                    },
                    share.others[port]);
            if (at_once_ == AtOnce::all)
                share.tallies = tallies_of(worker);
            share.last_id = worker.ids().last();
            if (!standstill->stop_here())
                return;
            if (i == 0)
                stop_accepting();
            for (const auto& port : ports_)
                worker.leave_to_successor(port->id, at_once_);
        });
        if (i == 0)
            standstill->await(1);
    }
    standstill->await(workers_.size());
    std::string why = send_first(shares);
    if (why.empty() && at_once_ == AtOnce::all)
        (void)successor_.await_adopted(Clock::now() + kForAdoption);
    standstill->end(why.empty());
    longest_stop_ = Clock::now() - began_;
    for (const auto& worker : workers_)
        worker->run([] {});  // it has let go of everything
    return why;
}

/// While the workers stand still.
std::string Passage::send_first(std::vector<Share>& shares) {
    const auto deadline = Clock::now() + kLongestStandstill;
    HandOver sender(successor_.channel(), deadline);
    StillToCome to_come;
    std::map<BackendPtr, std::uint64_t> connections;
    std::uint64_t last_id = 0;
    try {
        for (auto& share : shares) {
            for (const auto& tally : share.tallies)
                sender.add(tally);
            for (auto& [label, state, sockets] : share.sessions)
                sender.add({label, false, std::move(state)}, sockets.client, sockets.backend);
            for (std::size_t port = 0; port < ports_.size(); ++port) {
                to_come.ports.push_back({ports_[port]->label, share.others[port].sessions});
                for (const auto& [backend, count] : share.others[port].connections) {
                    backends_.emplace(backend, ports_[port]->label);
                    connections[backend] += count;
                }
            }
            sessions_ += share.sessions.size();
            last_id = std::max(last_id, share.last_id);
        }
        for (const auto& [backend, count] : connections)
            to_come.backends.push_back(
                {backends_.at(backend), backend->member, backend->address, count});
        if (at_once_ != AtOnce::all)
            sender.add(to_come);
        sender.end(at_once_ == AtOnce::all ? HandOver::Follows::nothing : HandOver::Follows::batch,
                   last_id);
    } catch (const std::exception& error) {
        return error.what();
    }
    return successor_.why_not_taken_over(deadline);
}

/// Batch by batch, from one worker after the other, until none has any left.
Passage::Answer Passage::pass_the_rest() {
    if (at_once_ == AtOnce::all)
        return Answer::adopted;
    auto answer = successor_.await_adopted(Clock::now() + kLongestStandstill);
    std::deque<Worker*> left;
    for (const auto& worker : workers_)
        left.push_back(worker.get());
    while (answer == Answer::adopted && !left.empty()) {
        Worker& worker = *left.front();
        left.pop_front();
        Batch batch = take_batch(worker);
        if (batch.sessions.empty())
            continue;
        answer = pass(batch, worker);
        left.push_back(&worker);
    }
    return answer == Answer::adopted ? send_tallies() : answer;
}

/// Some sessions of the worker, which has let go of them; none if it has none left.
Passage::Batch Passage::take_batch(Worker& worker) const {
    Batch batch;
    batch.sessions.reserve(kBatch);
    worker.run([&] {
        batch.began = Clock::now();
        for (const auto& port : ports_) {
            if (batch.sessions.size() == kBatch)
                break;
            worker.pass_some(
                port->id, kBatch - batch.sessions.size(),
                [&](SessionState&& state, net::Relay::Sockets sockets) {
                    batch.sessions.push_back({port, std::move(state), std::move(sockets)});
                });
        }
    });
    return batch;
}

/// They are the successor's once it has been sent all of them, unless it says that it has not
/// touched them.
Passage::Answer Passage::pass(Batch& batch, Worker& worker) {
    const auto deadline = Clock::now() + kLongestStandstill;
    auto answer = Answer::refused;
    try {
        HandOver sender(successor_.channel(), deadline);
        for (const auto& [port, state, sockets] : batch.sessions)
            sender.add({port->label, false, state}, sockets.client.get(), sockets.backend.get());
        sender.add(still_to_come());
        sender.end(HandOver::Follows::batch);
        answer = successor_.await_adopted(deadline);
    } catch (const ChannelEnded&) {  // it has gone, or hears no more
        take_back(std::move(batch), worker);
        return successor_.await_adopted(Clock::now()) == Answer::gone ? Answer::gone : answer;
    } catch (const std::exception&) {  // it does not read; it can do nothing with a part
        take_back(std::move(batch), worker);
        return answer;
    }
    if (answer == Answer::refused) {
        take_back(std::move(batch), worker);
        return answer;
    }
    sessions_ += batch.sessions.size();
    longest_stop_ = std::max(longest_stop_, Clock::now() - batch.began);
    return answer;
}

void Passage::take_back(Batch batch, Worker& worker) {
    worker.run([&] {
        for (auto& [port, state, sockets] : batch.sessions)
            worker.adopt(port->id, std::move(state), std::move(sockets.client),
                         std::move(sockets.backend));
    });
}

/// Only now, since what ends before its batch is counted here.
Passage::Answer Passage::send_tallies() {
    try {
        HandOver sender(successor_.channel(), Clock::now() + kLongestStandstill);
        for (const auto& worker : workers_) {
            Tallies tallies;
            worker->run([&] { tallies = tallies_of(*worker); });
            for (const auto& tally : tallies)
                sender.add(tally);
        }
        sender.end(HandOver::Follows::nothing);
    } catch (const ChannelEnded&) {
        return Answer::gone;
    } catch (const std::exception&) {
        return Answer::late;
    }
    return Answer::adopted;
}

/// What is counted here now. Nobody gets a place here any more, so all of these are of sessions
/// that have not passed.
StillToCome Passage::still_to_come() const {
    StillToCome to_come;
    for (const auto& port : ports_)
        if (const auto places = port->places.taken(); places != 0)
            to_come.ports.push_back({port->label, places});
    for (const auto& [backend, label] : backends_)
        if (const auto connections = backend->connections.load(); connections != 0)
            to_come.backends.push_back({label, backend->member, backend->address, connections});
    return to_come;
}

Passage::Tallies Passage::tallies_of(const Worker& worker) const {
    Tallies tallies;
    tallies.reserve(ports_.size());
    for (const auto& port : ports_)
        tallies.push_back({port->label, worker.tally_for_successor(port->id)});
    return tallies;
}

std::uint64_t Passage::sessions_left() const {
    std::uint64_t left = 0;
    for (const auto& port : ports_)
        left += port->places.taken();
    return left;
}

}  // namespace proxy::upgrade
