#include "patroni_proxy/port/port_server.h"

#include <algorithm>
#include <malloc.h>
#include <utility>

#include "daemon/log/log.h"
#include "patroni_proxy/port/admission_check.h"
#include "patroni_proxy/port/readiness_check.h"

namespace proxy {
namespace {

using daemons::log::Level;

// How often a session is checked within its idle timeout: it ends at most a quarter late, and
// moving bytes costs nothing extra.
constexpr unsigned kIdleIntervals = 4;

// Members that come and go under ever new names must not add up for ever.
constexpr std::size_t kMaxTallies = 1'000;

// Fewer sessions leave too little behind to be worth malloc_trim(), which takes about a
// millisecond.
constexpr std::size_t kBurst = 1'000;

}  // namespace

PortServer::PortServer(WorkerContext worker, PortPtr port, PortSettingsPtr settings)
    : SessionHost(worker.loop, worker.buffer, port->label, std::move(settings)),
      worker_(worker),
      port_(std::move(port)),
      held_(worker_.loop, *port_, worker_.process, worker_.number, settings_),
      idle_timer_(worker_.loop.timers(), [this] { end_idle_sessions(); }) {
    port_->send_proxy = settings_->send_proxy;
    arm_idle_timer();
}

void PortServer::use(BackendTablePtr table) {
    forget_first_sessions(*table);
    table_ = std::move(table);
    port_->shortage.store(Shortage::none, std::memory_order_relaxed);
    // From the back: a session that ends gives its place to the last one, which was looked at.
    for (std::size_t i = sessions_.size(); i-- > 0;)
        keep_or_cut(*sessions_[i]);
    if (!table_->eligible.empty())
        held_.try_soon();
}

/// As the table in force says.
void PortServer::keep_or_cut(Session& session) {
    if (!session.has_seat())
        session.leave_ineligible();
    else if (table_->serves_by_roles(session.backend()))
        session.now_by_roles();
    else if (!table_->keeps_sessions_of(session.backend(), session.served_by()))
        session.leave_backend(table_->why_ended(*session.backend(), session.served_by()));
}

void PortServer::use(PortSettingsPtr settings) {
    const bool other_timeout = settings->idle_timeout != settings_->idle_timeout;
    settings_ = std::move(settings);
    port_->send_proxy = settings_->send_proxy;
    held_.use(settings_);
    if (other_timeout)
        arm_idle_timer();
}

bool PortServer::takes_clients() const noexcept {
    if (settings().no_backend != NoBackend::refuse || settings().held)
        return true;
    return !settings().disabled && !table().eligible.empty();
}

void PortServer::serve(net::UniqueFd client, const net::SocketAddress& client_address) {
    sessions_.push_back(
        std::make_unique<Session>(*this, worker_.ids.next(), std::move(client), client_address));
    sessions_.back()->index = static_cast<std::uint32_t>(sessions_.size() - 1);
    most_sessions_ = std::max(most_sessions_, sessions_.size());
    sessions_.back()->start();
}

void PortServer::end_sessions(SessionEnd end) {
    for (std::size_t i = sessions_.size(); i-- > 0;)
        sessions_[i]->end(end);
}

std::size_t PortServer::visit(std::size_t from, net::TimerQueue::Clock::time_point until,
                              const std::function<void(Session&)>& visit) {
    // From the back: a session that ends gives its place to the last one, which was shown already.
    for (std::size_t i = std::min(from, sessions_.size()); i-- > 0;) {
        visit(*sessions_[i]);
        if (net::TimerQueue::Clock::now() >= until)
            return i;
    }
    return 0;
}

Session* PortServer::find(SessionId id, std::size_t place) noexcept {
    const bool there = place < sessions_.size() && sessions_[place]->id() == id;
    return there ? sessions_[place].get() : nullptr;
}

PortTally PortServer::tally() const {
    PortTally sum = tally_;
    sum.oldest_held = held_.oldest();
    // Thousands of sessions have a few backends: each name is looked up once.
    std::vector<std::pair<const Backend*, MemberTally*>> seen;
    const auto tally_of = [&](const Backend& backend) -> MemberTally& {
        for (const auto& [known, tally] : seen)
            if (known == &backend)
                return *tally;
        return *seen.emplace_back(&backend, &sum.members[backend.member]).second;
    };
    for (const auto& session : sessions_)
        if (session->backend() && session->is_settled()) {
            MemberTally& member = tally_of(*session->backend());
            member.bytes_from_client += session->bytes_from_client();
            member.bytes_from_backend += session->bytes_from_backend();
        }
    return sum;
}

PortTally PortServer::take_counts() {
    PortTally counts = tally_;
    tally_.longest_held = 0;
    return counts;
}

/// Forgets those of members that become eligible now.
void PortServer::forget_first_sessions(const BackendTable& next) {
    const auto serves = [](const BackendTable& by, const std::string& member) {
        return std::any_of(by.eligible.begin(), by.eligible.end(),
                           [&](const auto& backend) { return backend->member == member; });
    };
    for (auto& [member, tally] : tally_.members)
        if (!serves(table(), member) && serves(next, member))
            tally.first_served_at.reset();
}

std::optional<SessionEnd> PortServer::admit(const net::SocketAddress& client) {
    // Each gets a number of its own, so that of two clients at the limit one is admitted.
    const auto of_port = port_->sessions.fetch_add(1, std::memory_order_relaxed);
    const auto open = worker_.process.open.fetch_add(1, std::memory_order_relaxed);
    const auto max_open = worker_.process.max_open.load(std::memory_order_relaxed);
    // Other workers count meanwhile.
    const auto without_place = of_port - std::min(of_port, port_->places.taken());
    const bool may_wait = lets_wait(settings(), std::chrono::steady_clock::now());
    return refusal_of(NewClient{client, may_wait, without_place, open, max_open}, settings());
}

Shortage PortServer::take_place() {
    if (!port_->places.take(settings().max_connections))
        return lacks(Shortage::port);
    ProcessSessions& process = worker_.process;
    if (process.places.take(process.max_places.load(std::memory_order_relaxed)))
        return Shortage::none;
    port_->places.give_back();
    return lacks(Shortage::proxy);
}

void PortServer::give_back_place() {
    port_->places.give_back();
    worker_.process.places.give_back();
}

Shortage PortServer::shortage() const noexcept {
    return port_->shortage.load(std::memory_order_relaxed);
}

Shortage PortServer::lacks(Shortage shortage) noexcept {
    port_->shortage.store(shortage, std::memory_order_relaxed);
    return shortage;
}

bool PortServer::anyone_waits() const noexcept {
    if (settings().held)
        return true;
    return held_.anyone_waits() && lets_wait(settings(), std::chrono::steady_clock::now());
}

std::pair<Seat, Claim> PortServer::claim(const std::vector<const Backend*>& tried) {
    if (settings().held)
        return {Seat(), Claim{}};
    // Where clients can wait for a backend's answer, it must have said that it accepts sessions.
    const bool holds = lets_wait(settings(), std::chrono::steady_clock::now());
    Claim claim = claim_backend(table(), tried, turn_++,
                                {.max_connections = settings().max_connections_per_backend,
                                 .max_rate = settings().max_connect_rate,
                                 .confirmed_only = holds});
    if (claim.any_unconfirmed)
        for (const auto& backend : unconfirmed_candidates(table(), tried))
            if (backend->reachability.begin_waiting())
                ask_readiness(backend);
    if (!claim.backend) {
        // A session that has tried some says nothing about the others.
        const Shortage shortage = shortage_of(claim);
        if (shortage != Shortage::none || tried.empty())
            lacks(shortage);
        return {Seat(), claim};
    }
    const auto served_by = table().falls_back ? ServedBy::fallback_roles : ServedBy::roles;
    return {Seat(claim.backend, tally_of(*claim.backend), served_by), claim};
}

std::optional<SessionEnd> PortServer::hold(QueueEntry& entry) {
    const bool first = held_.empty();
    const bool is_new = entry.place == QueueEntry::Place::none;
    const auto refusal = held_.hold(entry);
    if (refusal || !is_new)
        return refusal;
    ++tally_.queued_total;
    // One report for all of them: the cluster may have a leader by now.
    if (first && table().eligible.empty())
        port_->on_trouble({}, Trouble::refused);
    return refusal;
}

void PortServer::leave_queue(QueueEntry& entry) {
    if (const auto left = held_.leave(entry)) {
        const std::chrono::duration<double> held = *left;
        tally_.longest_held = std::max(tally_.longest_held, held.count());
        tally_.held_time.note(held.count());
    }
}

bool PortServer::count_connection() {
    ProcessSessions& process = worker_.process;
    const auto before = process.open.fetch_add(1, std::memory_order_relaxed);
    const bool has_room = process.max_open == 0 || before < process.max_open;
    if (!has_room)
        process.open.fetch_sub(1, std::memory_order_relaxed);
    return has_room;
}

MemberTally& PortServer::tally_of(const Backend& backend) {
    auto& members = tally_.members;
    if (members.size() >= kMaxTallies && !members.contains(backend.member))
        std::erase_if(members, [](const auto& entry) { return entry.second.sessions == 0; });
    return members[backend.member];
}

void PortServer::on_unreachable(const BackendPtr& backend, BackendState how,
                                const std::string& why) {
    MemberTally& tally = tally_of(*backend);
    ++tally.connect_failures;
    tally.connect_failure_lines.log(
        Level::warning, {"backend_unreachable", label(), backend->member}, [&] {
            return label() + ": " + backend->member + " at " + backend->address.to_string() +
                   " cannot be reached: " + why;
        });
    if (backend->reachability.note_failure(how, why))
        ask_readiness(backend);
    report_trouble(backend, Trouble::refused);
}

/// Whether it is more than slow is for the readiness check to find out, and to log.
void PortServer::on_overtaken(const BackendPtr& backend) {
    if (backend->reachability.note_failure(BackendState::hangs,
                                           "a connect has not been answered yet"))
        ask_readiness(backend);
}

void PortServer::on_backend_end(const BackendPtr& backend) {
    report_trouble(backend, Trouble::ended);
    backend->reachability.note_doubt();
    held_.on_place_freed();
}

void PortServer::ask_readiness(const BackendPtr& backend) const {
    if (auto* const readiness = worker_.process.readiness)
        readiness->ask(backend, port_);
}

void PortServer::report_trouble(const BackendPtr& backend, Trouble trouble) const {
    if (backend->reachability.begin_report(trouble))
        port_->on_trouble(backend->member, trouble);
}

void PortServer::count_refused(const Session& session, SessionEnd end, std::string_view detail) {
    const auto kind = static_cast<std::size_t>(end);
    ++tally_.refused[kind];
    std::string client;
    daemons::log::About about{"client_refused", label()};
    const auto message =
        [&] {  // only if the line is written: thousands of clients may be refused at once
            client = session.client_name();
            about.client = client;
            std::string text = label() + ": client " + client + " refused: ";
            text += describe(end);
            if (!detail.empty())
                text.append(": ").append(detail);
            return text;
        };
    if (end != SessionEnd::no_backend)
        return refusal_lines_[kind].log(Level::warning, about, message);
    if (table().refused.fetch_add(1, std::memory_order_relaxed) != 0)
        return;  // the first under each table is logged; the feed logs how many there were
    if (table().eligible.empty())
        port_->on_trouble({}, Trouble::refused);  // the cluster may have a leader by now
    const std::string text = message();
    daemons::log::warning(about, text);
}

void PortServer::on_closed(Session& session, SessionEnd end, std::string_view detail) {
    if (is_refusal(end))
        count_refused(session, end, detail);
    else if (session.gave_up())
        ++tally_.gave_up;
    if (session.backend()) {
        MemberTally& tally = tally_of(*session.backend());
        tally.bytes_from_client += session.bytes_from_client();
        tally.bytes_from_backend += session.bytes_from_backend();
        ++tally.ended[static_cast<std::size_t>(end)];
    }
    if (session.was_connected() && !is_refusal(end))
        tally_.session_time.note(session.age().count());
    remove(session);
}

/// What it took is free, and it goes once the current event is over.
void PortServer::remove(Session& session) {
    if (session.has_place())
        give_back_place();
    // An attempt that failed frees none.
    if (session.has_place() || session.was_connected())
        held_.on_place_freed();
    worker_.sessions.fetch_sub(1, std::memory_order_relaxed);
    worker_.process.open.fetch_sub(1 + session.counted_connections(), std::memory_order_relaxed);
    port_->sessions.fetch_sub(1, std::memory_order_relaxed);
    const std::uint32_t index = session.index;
    worker_.loop.dispose_later(std::exchange(sessions_[index], std::move(sessions_.back())));
    if (sessions_[index])
        sessions_[index]->index = index;
    sessions_.pop_back();
    if (most_sessions_ >= kBurst && sessions_.size() < most_sessions_ / 10)
        give_back_memory();
}

/// The allocator keeps what lies between things that stay.
void PortServer::give_back_memory() {
    most_sessions_ = sessions_.size();
    sessions_.shrink_to_fit();
    worker_.loop.post([] { ::malloc_trim(0); });  // the ended ones are disposed of by then
}

void PortServer::arm_idle_timer() {
    idle_timer_.cancel();
    if (settings().idle_timeout.count() != 0)
        idle_timer_.arm(net::TimerQueue::Clock::duration(settings().idle_timeout) / kIdleIntervals);
}

void PortServer::end_idle_sessions() {
    arm_idle_timer();
    // Times are rounded to the tick, and it must not end early.
    const auto timeout = settings().idle_timeout + net::EventLoop::kTick;
    for (std::size_t i = sessions_.size(); i-- > 0;)
        if (sessions_[i]->is_relaying() && sessions_[i]->idle() >= timeout)
            sessions_[i]->end(SessionEnd::idle_timeout);
}

}  // namespace proxy
