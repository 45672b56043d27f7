#include "patroni_proxy/workers/open_sessions.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <optional>

#include "daemon/log/log.h"

namespace proxy {

/// What one worker has found for a list.
struct ListPart {
    std::deque<SessionRecord> sessions;  ///< to move thousands when it grows takes milliseconds
    std::vector<SessionId> ids;          ///< of all that match
};

namespace {

constexpr std::chrono::milliseconds kTick{250};
/// Of a worker's time, what lists may take: 1/500. One that takes less than this needs no limit.
constexpr int kListsShare = 500;
constexpr std::chrono::microseconds kCheapList{500};
constexpr std::chrono::seconds kOldestList{3};

bool by_id(const SessionRecord& a, const SessionRecord& b) {
    return a.id < b.id;
}

template <typename Value, typename Less, typename Equal>
void sort_without_repeats(std::vector<Value>& values, Less less, Equal equal) {
    std::sort(values.begin(), values.end(), less);
    values.erase(std::unique(values.begin(), values.end(), equal), values.end());
}

SessionList merged(std::vector<ListPart> parts, std::size_t limit) {
    SessionList list;
    std::vector<SessionId> ids;
    for (auto& part : parts) {
        ids.insert(ids.end(), part.ids.begin(), part.ids.end());
        std::move(part.sessions.begin(), part.sessions.end(), std::back_inserter(list.sessions));
    }
    // A session that moved within its port while the others were visited was visited twice.
    sort_without_repeats(ids, std::less<>{}, std::equal_to<>{});
    sort_without_repeats(list.sessions, by_id,
                         [](const auto& a, const auto& b) { return a.id == b.id; });
    list.sessions.resize(std::min(limit, list.sessions.size()));
    list.total = ids.size();
    return list;
}

}  // namespace

/// A list that is being gathered, or was. Once it is, only the writer's thread touches `parts`,
/// `list` and `texts`.
struct OpenSessions::Listed {
    SessionFilter filter;
    bool is_gathered = false;
    std::vector<ListRequest> waiting{};  ///< until it is gathered
    std::vector<ListPart> parts{};
    std::optional<SessionList> list{};
    std::map<std::string, std::string, std::less<>> texts{};  ///< by form
};

struct OpenSessions::DrainPart {
    std::vector<DrainCandidate> candidates;
    std::size_t sessions = 0;  ///< of the member
};

OpenSessions::OpenSessions(net::EventLoop& main_loop,
                           const std::vector<std::unique_ptr<Worker>>& workers,
                           std::function<PortNames()> ports)
    : main_loop_(main_loop),
      workers_(workers),
      ports_(std::move(ports)),
      tick_(main_loop.timers(), [this] { on_tick(); }),
      list_is_old_(main_loop.timers(), [this] { listed_.reset(); }) {}

/// Has every worker show its sessions to `visit`, each with a Part of its own, then calls `finish`
/// with that, both on the worker's thread, and at last `done` on the main thread, with all of them
/// and the CPU time of the worker that it took longest.
template <typename Part>
void OpenSessions::gather(const PortNames& ports,
                          std::function<void(Part&, PortId, Session&)> visit,
                          std::function<void(Part&)> finish,
                          std::function<void(std::vector<Part>, std::chrono::nanoseconds)> done) {
    struct Gathered {
        std::vector<Part> parts;
        std::vector<std::chrono::nanoseconds> spent;
        std::atomic<std::size_t> missing;
        std::function<void(Part&, PortId, Session&)> visit;
        std::function<void(Part&)> finish;
        std::function<void(std::vector<Part>, std::chrono::nanoseconds)> done;
    };
    const std::shared_ptr<Gathered> gathered(
        new Gathered{std::vector<Part>(workers_.size()),
                     std::vector<std::chrono::nanoseconds>(workers_.size()),
                     {workers_.size()},
                     std::move(visit),
                     std::move(finish),
                     std::move(done)});
    std::vector<PortId> ids;
    for (const auto& [id, name] : ports)
        ids.push_back(id);
    for (std::size_t i = 0; i < workers_.size(); ++i)
        workers_[i]->loop().post([gathered, i, ids, &worker = *workers_[i], &main = main_loop_] {
            Part& part = gathered->parts[i];
            worker.sweep(
                ids,
                [gathered, &part](PortId port, Session& session) {
                    gathered->visit(part, port, session);
                },
                [gathered, &part, &main, i](std::chrono::nanoseconds spent) {
                    gathered->finish(part);
                    gathered->spent[i] = spent;
                    if (gathered->missing.fetch_sub(1) == 1)
                        main.post([gathered] {
                            gathered->done(
                                std::move(gathered->parts),
                                *std::max_element(gathered->spent.begin(), gathered->spent.end()));
                        });
                });
        });
}

OpenSessions::PortNames OpenSessions::ports_of(const std::string& cluster,
                                               const std::string& port) const {
    PortNames ports = ports_();
    std::erase_if(ports, [&](const auto& each) {
        return (!cluster.empty() && each.second.cluster != cluster) ||
               (!port.empty() && each.second.port != port);
    });
    return ports;
}

void OpenSessions::list(const SessionFilter& filter, SessionWriter write,
                        std::function<void(std::string text)> done) {
    ListRequest request{std::move(write), std::move(done)};
    if (listed_ && listed_->filter == filter) {
        if (listed_->is_gathered)
            return write_down(listed_, std::move(request));
        listed_->waiting.push_back(std::move(request));
        return;
    }
    const auto listed = std::make_shared<Listed>(Listed{.filter = filter});
    listed->waiting.push_back(std::move(request));
    forget_list();
    listed_ = listed;
    const auto ports = std::make_shared<const PortNames>(ports_of(filter.cluster, filter.port));
    const std::size_t limit = filter.limit.value_or(SessionFilter::kDefaultLimit);
    gather<ListPart>(
        *ports,
        [filter, ports, limit](ListPart& part, PortId port, Session& session) {
            SessionRecord record = session.record();
            record.cluster = ports->at(port).cluster;
            record.port = ports->at(port).port;
            if (!matches(filter, record))
                return;
            part.ids.push_back(record.id);
            if (part.sessions.size() < limit)
                part.sessions.push_back(std::move(record));
        },
        [](ListPart& /*part*/) {},
        [this, listed](std::vector<ListPart> parts, std::chrono::nanoseconds longest) {
            listed->parts = std::move(parts);
            listed->is_gathered = true;
            for (auto& each : std::exchange(listed->waiting, {}))
                write_down(listed, std::move(each));
            if (listed_ != listed)
                return;
            if (longest < kCheapList)
                return forget_list();
            list_is_old_.arm(std::min<Clock::duration>(kListsShare * longest, kOldestList));
        });
}

void OpenSessions::write_down(const std::shared_ptr<Listed>& listed, ListRequest request) {
    writer_.post([listed, request = std::move(request), &main = main_loop_] {
        if (!listed->list)
            listed->list = merged(std::exchange(listed->parts, {}),
                                  listed->filter.limit.value_or(SessionFilter::kDefaultLimit));
        auto written = listed->texts.find(request.write.form);
        if (written == listed->texts.end())
            written = listed->texts.emplace(request.write.form, request.write(*listed->list)).first;
        main.post(
            [done = request.done, text = written->second]() mutable { done(std::move(text)); });
    });
}

void OpenSessions::forget_list() {
    listed_.reset();
    list_is_old_.cancel();
}

void OpenSessions::close(const SessionFilter& filter, const std::string& detail,
                         std::function<void(std::size_t closed)> done) {
    const auto ports = std::make_shared<const PortNames>(ports_of(filter.cluster, filter.port));
    const auto closed = std::make_shared<std::atomic<std::size_t>>(0);
    gather<char>(
        *ports,
        [filter, ports, detail, closed](char& /*part*/, PortId port, Session& session) {
            SessionRecord record = session.record();
            record.cluster = ports->at(port).cluster;
            record.port = ports->at(port).port;
            if (!matches(filter, record))
                return;
            const bool one_too_many = closed->fetch_add(1) >= filter.limit.value_or(SIZE_MAX);
            if (one_too_many || !session.close_by_operator(detail))
                closed->fetch_sub(1);
        },
        [](char& /*part*/) {},
        [this, closed, done = std::move(done)](const std::vector<char>& /*parts*/,
                                               std::chrono::nanoseconds /*longest*/) {
            forget_list();
            done(*closed);
        });
}

// A drain at a pace.

void OpenSessions::drain(const std::string& cluster, const std::string& member,
                         const DrainPace& pace, const std::string& detail) {
    begin({cluster, member, pace, detail, SessionEnd::closed_by_operator, PaceCounter(pace.rate)});
}

void OpenSessions::end_idle(double rate) {
    begin({{}, {}, {.rate = rate}, {}, SessionEnd::proxy_stopped, PaceCounter(rate)});
}

void OpenSessions::begin(Drain drain) {
    const std::pair subject{drain.cluster, drain.member};
    drains_[subject] = std::make_shared<Drain>(std::move(drain));
    if (!tick_.armed())
        tick_.arm(kTick);
}

void OpenSessions::keep(const std::string& cluster, const std::string& member) {
    drains_.erase({cluster, member});
}

void OpenSessions::stop() {
    drains_.clear();
    tick_.cancel();
    forget_list();
}

std::vector<OpenSessions::Pace> OpenSessions::paces() const {
    std::vector<Pace> paces;
    paces.reserve(drains_.size());
    for (const auto& [subject, drain] : drains_) {
        Pace pace{drain->cluster, drain->member, drain->pace, drain->detail};
        if (pace.pace.within)
            *pace.pace.within = std::max(
                std::chrono::seconds{0},
                *pace.pace.within -
                    std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - drain->began));
        paces.push_back(std::move(pace));
    }
    return paces;
}

bool OpenSessions::is_in_force(const DrainPtr& drain) const {
    const auto found = drains_.find({drain->cluster, drain->member});
    return found != drains_.end() && found->second == drain;
}

void OpenSessions::on_tick() {
    for (const auto& [subject, drain] : drains_) {
        const auto now = Clock::now();
        drain->counter.pass(now - std::exchange(drain->counted_at, now));
        if (!drain->under_way && drain->counter.due() > 0)
            choose(drain);
    }
    if (!drains_.empty())
        tick_.arm(kTick);
}

/// Asks the workers which sessions could end, and ends those that are to be first.
void OpenSessions::choose(const DrainPtr& drain) {
    drain->under_way = true;
    const bool overdue = drain->pace.within && Clock::now() - drain->began >= *drain->pace.within;
    const std::size_t due = drain->counter.due();
    gather<DrainPart>(
        ports_of(drain->cluster, {}),
        [member = drain->member](DrainPart& part, PortId port, Session& session) {
            if (!session.backend() || (!member.empty() && session.backend()->member != member))
                return;
            ++part.sessions;
            if (session.is_relaying())
                part.candidates.push_back({.id = session.id(),
                                           .port = port,
                                           .index = session.index,
                                           .silence = session.idle(),
                                           .busy = session.is_busy()});
        },
        [due, overdue](DrainPart& part) {
            part.candidates = next_to_end(std::move(part.candidates), due, overdue);
        },
        [this, drain, due, overdue](const std::vector<DrainPart>& parts,
                                    std::chrono::nanoseconds /*longest*/) {
            if (!is_in_force(drain))
                return;
            std::vector<DrainCandidate> candidates;
            std::size_t sessions = 0;
            for (const auto& part : parts) {
                sessions += part.sessions;
                candidates.insert(candidates.end(), part.candidates.begin(), part.candidates.end());
            }
            if (sessions == 0 && !std::exchange(drain->is_done, true) && !drain->member.empty())
                daemons::log::info({"drained", drain->cluster, drain->member},
                                   drain->cluster + "/" + drain->member +
                                       ": drained: no session is left; " +
                                       std::to_string(drain->ended) + " were ended by the proxy");
            end(drain, next_to_end(std::move(candidates), due, overdue), overdue);
        });
}

void OpenSessions::end(const DrainPtr& drain, const std::vector<DrainCandidate>& chosen,
                       bool overdue) {
    std::map<std::size_t, std::vector<DrainCandidate>> by_worker;
    for (const auto& each : chosen)
        // A session that came from another process keeps the id that it had there.
        by_worker[each.id.worker() % workers_.size()].push_back(each);
    if (by_worker.empty())
        return on_ended(drain, 0);
    const auto ended = std::make_shared<std::atomic<std::size_t>>(0);
    const auto missing = std::make_shared<std::atomic<std::size_t>>(by_worker.size());
    for (const auto& [number, candidates] : by_worker)
        workers_.at(number)->loop().post([this, drain, overdue, ended, missing,
                                          &worker = *workers_.at(number), candidates = candidates] {
            for (const auto& each : candidates) {
                Session* const session = worker.find(each.port, each.id, each.index);
                if (!session)
                    continue;  // it has ended, or has another place now: another time
                if (overdue ? session->close_by_operator(drain->detail)
                            : session->close_between_queries(drain->detail, drain->end))
                    ended->fetch_add(1);
            }
            if (missing->fetch_sub(1) == 1)
                main_loop_.post([this, drain, ended] { on_ended(drain, *ended); });
        });
}

void OpenSessions::on_ended(const DrainPtr& drain, std::size_t sessions) {
    drain->under_way = false;
    drain->ended += sessions;
    if (sessions > 0)
        forget_list();
    drain->counter.use(sessions);
}

}  // namespace proxy
