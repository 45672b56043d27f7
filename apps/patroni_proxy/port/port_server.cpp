#include "patroni_proxy/port/port_server.h"

#include <algorithm>
#include <malloc.h>
#include <utility>

#include "daemon/log/log.h"
#include "patroni_proxy/port/preface.h"
#include "patroni_proxy/port/readiness_check.h"

namespace proxy {
namespace {

// A session is looked at this often within its idle timeout: it ends at most a quarter late, and
// the bytes that move cost nothing.
constexpr unsigned kIdleRounds = 4;

// Members that came and went, by ever new names, must not add up for ever.
constexpr std::size_t kMaxTallies = 1'000;

// What fewer sessions leave behind is not worth a look at all of the memory, which takes about a
// millisecond.
constexpr std::size_t kBurst = 1'000;

// Of one cancel request. A cluster has a handful of members.
constexpr std::size_t kMaxCancelTargets = 32;

}  // namespace

PortServer::PortServer(WorkerContext worker, PortPtr port, PortSettingsPtr settings)
    : worker_(worker),
      port_(std::move(port)),
      settings_(std::move(settings)),
      table_(std::make_shared<const BackendTable>()),
      held_(worker_.loop, *port_, settings_),
      idle_timer_(worker_.loop.timers(), [this] { end_idle_sessions(); }) {
    arm_idle_timer();
}

void PortServer::use(BackendTablePtr table) {
    table_ = std::move(table);
    // From the back: a session that ends gives its place to the last one, which was looked at.
    for (std::size_t i = sessions_.size(); i-- > 0;) {
        Session& session = *sessions_[i];
        if (!session.has_place())
            session.leave_ineligible();
        else if (table_->is_regular(session.backend()))
            session.admission = Admission::regular;
        else if (!table_->keeps_sessions_of(session.backend(), session.admission))
            session.leave_backend(table_->why_ended(*session.backend(), session.admission));
    }
    if (!table_->eligible.empty())
        held_.on_chance();
}

void PortServer::use(PortSettingsPtr settings) {
    const bool idles_anew = settings->idle_timeout != settings_->idle_timeout;
    settings_ = std::move(settings);
    held_.use(settings_);
    if (!idles_anew)
        return;
    arm_idle_timer();
    for (const auto& session : sessions_)
        session->forget_idleness();
}

void PortServer::serve(net::UniqueFd client, const net::SocketAddress& client_address) {
    sessions_.push_back(std::make_unique<Session>(*this, std::move(client), client_address));
    sessions_.back()->index = sessions_.size() - 1;
    most_sessions_ = std::max(most_sessions_, sessions_.size());
    sessions_.back()->start();
}

void PortServer::end_sessions(SessionEnd end) {
    for (std::size_t i = sessions_.size(); i-- > 0;)
        sessions_[i]->end(end);
}

PortTally PortServer::tally() const {
    PortTally sum = tally_;
    for (const auto& session : sessions_)
        if (session->backend() && session->is_settled()) {
            MemberTally& member = sum.members[session->backend()->member];
            member.bytes_from_client += session->bytes_from_client();
            member.bytes_from_backend += session->bytes_from_backend();
        }
    return sum;
}

std::optional<SessionEnd> PortServer::admit(const net::SocketAddress& client) {
    // Each sees a number of its own, so that of two that meet at the limit one gets in.
    const auto of_port = port_->sessions.fetch_add(1, std::memory_order_relaxed);
    const auto of_proxy = worker_.process.open.fetch_add(1, std::memory_order_relaxed);
    const auto max = worker_.process.max.load(std::memory_order_relaxed);
    return refusal_of({client, of_port, of_proxy, max}, *settings_);
}

std::optional<SessionEnd> PortServer::hold(Session& session) {
    const bool first = held_.empty();
    const bool anew = session.place == Place::none;
    const auto refusal = held_.hold(session);
    if (refusal || !anew)
        return refusal;
    ++tally_.queued_total;
    // One asks for all of them: by now the cluster may know better.
    if (first && table_->eligible.empty())
        port_->on_trouble(nullptr, Trouble::refused);
    return refusal;
}

Claim PortServer::claim(const std::vector<const Backend*>& tried) {
    // Only where clients can wait for the word of a backend is it asked for.
    const bool holds = settings_->queue_timeout.count() != 0;
    Claim claim = claim_backend(*table_, tried, turn_++,
                                {.max_connections = settings_->max_connections_per_backend,
                                 .max_rate = settings_->max_connect_rate,
                                 .no_doubtful = holds});
    if (claim.met_doubtful)
        for (const auto& backend : doubtful_candidates(*table_, tried))
            if (backend->reachability.begin_waiting())
                ask_readiness(backend);
    return claim;
}

MemberTally& PortServer::tally_of(const Backend& backend) {
    auto& members = tally_.members;
    if (members.size() >= kMaxTallies && !members.contains(backend.member))
        std::erase_if(members, [](const auto& entry) { return entry.second.sessions == 0; });
    return members[backend.member];
}

void PortServer::note_unreachable(const BackendPtr& backend, Reach how, const std::string& why) {
    MemberTally& tally = tally_of(*backend);
    ++tally.connect_failures;
    if (const auto others = tally.connect_failure_lines.pass(std::chrono::steady_clock::now()))
        daemons::log::warning(label() + ": " + backend->member + " at " +
                              backend->address.to_string() + " cannot be reached: " + why +
                              *others);
    if (backend->reachability.note_failure(how, why))
        ask_readiness(backend);
    tell_trouble(backend, Trouble::refused);
}

/// Whether it is more than slow is for the check to find out, and to log.
void PortServer::note_overtaken(const BackendPtr& backend) const {
    if (backend->reachability.note_failure(Reach::hangs, "a connect has had no answer yet"))
        ask_readiness(backend);
}

void PortServer::ask_readiness(const BackendPtr& backend) const {
    if (auto* const readiness = worker_.process.readiness)
        readiness->ask(backend, port_);
}

void PortServer::note_refused(SessionEnd end, const std::string& client, std::string_view detail) {
    const auto kind = static_cast<std::size_t>(end);
    ++tally_.refused[kind];
    auto others = std::optional<std::string>{""};
    if (end != SessionEnd::no_backend)
        others = refusal_lines_[kind].pass(std::chrono::steady_clock::now());
    else if (table_->refused.fetch_add(1, std::memory_order_relaxed) != 0)
        return;  // the first under each table is told; the feed tells how many there were
    else if (table_->eligible.empty())
        port_->on_trouble(nullptr, Trouble::refused);  // by now the cluster may know better
    if (others)
        daemons::log::warning(label() + ": client " + client +
                              " refused: " + std::string(describe(end)) +
                              (detail.empty() ? "" : ": " + std::string(detail)) + *others);
}

void PortServer::note_ended(const BackendPtr& backend) const {
    tell_trouble(backend, Trouble::ended);
    backend->reachability.note_doubt();
}

void PortServer::tell_trouble(const BackendPtr& backend, Trouble trouble) const {
    if (backend->reachability.tell_first(trouble))
        port_->on_trouble(backend, trouble);
}

std::vector<BackendPtr> PortServer::cancel_targets() const {
    std::vector<BackendPtr> targets;
    for (const auto* backends :
         {&table_->eligible, &table_->spares, &table_->tolerated, &table_->fallback})
        for (const auto& backend : *backends)
            if (std::find(targets.begin(), targets.end(), backend) == targets.end())
                targets.push_back(backend);
    std::stable_partition(targets.begin(), targets.end(),
                          [](const auto& backend) { return backend->connections != 0; });
    if (targets.size() > kMaxCancelTargets)
        targets.resize(kMaxCancelTargets);
    return targets;
}

bool PortServer::count_connection() {
    ProcessSessions& process = worker_.process;
    const auto before = process.open.fetch_add(1, std::memory_order_relaxed);
    const bool has_room = process.max == 0 || before < process.max;
    if (!has_room)
        process.open.fetch_sub(1, std::memory_order_relaxed);
    return has_room;
}

void PortServer::discount_connections(std::uint64_t count) {
    worker_.process.open.fetch_sub(count, std::memory_order_relaxed);
}

void PortServer::on_closed(Session& session) {
    held_.leave(session);
    // A try that failed frees none.
    if (session.was_connected())
        on_place_freed();
    const std::size_t index = session.index;
    worker_.loop.dispose_later(std::exchange(sessions_[index], std::move(sessions_.back())));
    if (sessions_[index])
        sessions_[index]->index = index;
    sessions_.pop_back();
    if (most_sessions_ >= kBurst && sessions_.size() < most_sessions_ / 10)
        give_back_memory();
    worker_.sessions.fetch_sub(1, std::memory_order_relaxed);
    worker_.process.open.fetch_sub(1, std::memory_order_relaxed);
    port_->sessions.fetch_sub(1, std::memory_order_relaxed);
}

void PortServer::on_place_freed() {
    if (settings_->max_connections_per_backend != 0)
        held_.on_chance();
}

/// The allocator keeps what lies between things that live on.
void PortServer::give_back_memory() {
    most_sessions_ = sessions_.size();
    sessions_.shrink_to_fit();
    worker_.loop.post([] { ::malloc_trim(0); });  // the ended ones are disposed of by then
}

void PortServer::arm_idle_timer() {
    idle_timer_.cancel();
    if (settings_->idle_timeout.count() != 0)
        idle_timer_.arm(net::TimerQueue::Clock::duration(settings_->idle_timeout) / kIdleRounds);
}

void PortServer::end_idle_sessions() {
    arm_idle_timer();
    for (std::size_t i = sessions_.size(); i-- > 0;)
        if (sessions_[i]->idle_for(kIdleRounds))
            sessions_[i]->end(SessionEnd::idle_timeout);
}

}  // namespace proxy
