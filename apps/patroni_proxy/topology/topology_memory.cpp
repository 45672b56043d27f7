// What TopologyFeed remembers while Patroni has not answered, and what it leaves to the next
// process.

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
    update_ports(view);
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

/// The configuration leads to another cluster now.
void TopologyFeed::forget() {
    recollection_.reset();
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
