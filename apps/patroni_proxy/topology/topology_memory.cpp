// What TopologyFeed remembers while Patroni has not answered, and what it leaves to the next
// process.

#include <algorithm>
#include <mutex>
#include <string>
#include <utility>

#include "daemon/log/log.h"
#include "patroni_proxy/topology/topology_feed.h"

namespace proxy {

void TopologyFeed::remember(const ClusterMemory& memory, std::chrono::milliseconds max_age) {
    {
        const std::lock_guard lock(noted_mutex_);
        noted_memory_ = memory;
    }
    watcher_.post([this, memory, max_age] {
        recollection_.emplace(memory, max_age);
        daemons::log::warning(
            {"state_file_in_use", name_},
            name_ + ": until Patroni answers, clients are routed by the state file of " +
                memory.as_of +
                (memory.leader.empty() ? std::string(", in which nobody leads")
                                       : ", in which " + memory.leader + " leads"));
        use_recollection();
        ask_remembered_leader();
    });
}

void TopologyFeed::go_on_with(FeedState state, std::chrono::milliseconds max_age) {
    if (state.memory) {
        const std::lock_guard lock(noted_mutex_);
        noted_memory_ = state.memory;
    }
    watcher_.post([this, max_age, state = std::move(state)]() mutable {
        for (auto& judged : state.judges) {
            const auto port = std::find_if(ports_.begin(), ports_.end(), [&](const auto& each) {
                return each.port.config.name == judged.port;
            });
            if (port == ports_.end())
                continue;
            if (!judged.by_fallback)
                port->judge.go_on_with(std::move(judged.records));
            else if (port->fallback_judge)
                port->fallback_judge->go_on_with(std::move(judged.records));
        }
        since_.add(state.since.entries());
        frozen_view_ = std::move(state.frozen);
        if (!state.memory)
            return;
        recollection_.emplace(*std::move(state.memory), max_age);
        use_recollection();
        ask_remembered_leader();
    });
}

void TopologyFeed::go_on_with(FeedCounts counts) {
    const std::lock_guard lock(noted_mutex_);
    const auto own = std::exchange(polls_, std::move(counts.polls));
    polls_.add(own);
    leaders_.go_on_with(std::move(counts.leaders));
    leaders_.on_view(noted_view_, patroni::Clock::now());
}

patroni::Judge::Records TopologyFeed::fallback_records_of(const JudgedPort& port) {
    return port.fallback_judge ? port.fallback_judge->records() : patroni::Judge::Records{};
}

FeedState TopologyFeed::state() const {
    FeedState state;
    state.memory = memory();
    const std::lock_guard lock(noted_mutex_);
    if (state.memory && !noted_memory_) {
        state.memory->is_passed_on = true;
        state.memory->live_lag = noted_view_.live_lag;
    }
    state.frozen = noted_frozen_view_;
    state.since = noted_since_;
    for (const auto& [id, grounds] : noted_grounds_) {
        if (!grounds)
            continue;
        state.judges.push_back({grounds->port, false, grounds->records});
        if (!grounds->fallback_records.empty())
            state.judges.push_back({grounds->port, true, grounds->fallback_records});
    }
    return state;
}

FeedCounts TopologyFeed::counts() const {
    const std::lock_guard lock(noted_mutex_);
    return {polls_, leaders_.state()};
}

void TopologyFeed::grow_older() {
    {
        const std::lock_guard lock(noted_mutex_);
        if (!noted_memory_)
            return;
    }
    watcher_.post([this] {
        if (!recollection_)
            return;
        use_recollection();
        ask_remembered_leader();
    });
}

/// It is believed less than an answer: see Recollection.
void TopologyFeed::use_recollection() {
    const auto view = recollection_->view_at(patroni::Clock::now());
    if (frozen_view_)
        (void)frozen_view_->on_view(view);
    update_ports(frozen_view_ ? frozen_view_->in_force() : view);
    note_view(view);
}

void TopologyFeed::ask_remembered_leader() {
    const auto api = recollection_->leader_api();
    if (!api || std::exchange(asks_remembered_leader_, true))
        return;
    watcher_.ask(
        *api, "/primary",
        [this](patroni::Clock::time_point now, const patroni::Result<patroni::HttpReply>& reply) {
            asks_remembered_leader_ = false;
            if (!recollection_)
                return;
            recollection_->note(now, reply);
            use_recollection();
        });
}

/// Patroni has answered.
void TopologyFeed::drop_recollection() {
    if (!recollection_)
        return;
    if (!recollection_->memory().is_passed_on)
        daemons::log::info({"state_file_superseded", name_},
                           name_ + ": Patroni has answered; the state file no longer counts");
    remembered_leader_.emplace(*std::move(recollection_));
    recollection_.reset();
}

/// The configuration leads to another cluster now.
void TopologyFeed::forget() {
    recollection_.reset();
    for (auto& port : ports_) {
        port.judge = patroni::Judge(port.port.config.wanted);
        port.fallback_judge.reset();
        use_fallback(port);
    }
    update_ports({});
    note_view({});
}

/// What is only remembered is no view to freeze.
std::string TopologyFeed::why_not_frozen() const {
    const std::lock_guard lock(noted_mutex_);
    return proxy::why_not_frozen(noted_memory_ ? patroni::ClusterView{} : noted_view_);
}

std::optional<ClusterMemory> TopologyFeed::memory() const {
    const std::lock_guard lock(noted_mutex_);
    if (noted_memory_ || !noted_view_.snapshot)
        return noted_memory_;
    const auto& leader = noted_view_.leader;
    ClusterMemory memory;
    memory.identity = noted_identity_;
    memory.snapshot = noted_view_.snapshot;
    memory.answered_at = noted_view_.answered_at;
    memory.confirmed_at = leader.confirmed_at;
    if (leader.standing == patroni::Standing::eligible)
        memory.leader = leader.member;
    return memory;
}

}  // namespace proxy
