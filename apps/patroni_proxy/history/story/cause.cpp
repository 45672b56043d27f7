#include "patroni_proxy/history/story/cause.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <map>
#include <set>
#include <string_view>
#include <vector>

#include "daemon/text/utf8.h"

namespace proxy::history {
namespace {

constexpr std::size_t kFlapping = 3;  // changes in one record
constexpr std::size_t kNamed = 5;     // members in one sentence

double seconds(Clock::duration duration) {
    return std::chrono::duration<double>(duration).count();
}

/// How often a member became leader.
std::size_t changes_of(const Signs& signs) {
    return static_cast<std::size_t>(
        std::count_if(signs.leaders.begin() + 1, signs.leaders.end(),
                      [](const std::string& leader) { return !leader.empty(); }));
}

/// Its API fell silent and did not deny after that.
bool was_silent_to_the_end(const Signs& signs) {
    return signs.silent && (!signs.denied || *signs.denied < *signs.silent);
}

/// Why the old leader lost its lock.
Cause cause_of_change(const Signs& signs) {
    if (signs.listed_then) {
        if (signs.crashed)
            return Cause::leader_crashed;
        return was_silent_to_the_end(signs) ? Cause::leader_stopped : Cause::switchover;
    }
    if (was_silent_to_the_end(signs))
        return signs.connected_silences > 1 ? Cause::leader_frozen : Cause::leader_died;
    return signs.denied ? Cause::leader_demoted : Cause::unknown;
}

Cause cause_of_polls(const Signs& signs) {
    return signs.all_connected ? Cause::store_down : Cause::patroni_unreachable;
}

bool is_lag(const std::string& reason) {
    return reason.find("lag of ") != std::string::npos ||
           reason.find("lag is ") != std::string::npos;
}

Cause cause_of_members(const Signs& signs) {
    const bool lags =
        !signs.left.empty() && std::all_of(signs.left.begin(), signs.left.end(),
                                           [](const Step& step) { return is_lag(step.detail); });
    return lags ? Cause::lag : Cause::members;
}

std::string listed(const std::set<std::string>& names) {
    std::string text;
    std::size_t told = 0;
    for (const auto& name : names) {
        if (told == kNamed) {
            text.append(" and ").append(std::to_string(names.size() - told)).append(" more");
            break;
        }
        text.append(told++ == 0 ? "" : ", ").append(name);
    }
    return text;
}

std::set<std::string> members_of(const std::vector<Step>& steps) {
    std::set<std::string> names;
    for (const auto& step : steps)
        names.insert(step.member);
    return names;
}

std::set<std::string> ports_of(const std::vector<Step>& steps) {
    std::set<std::string> names;
    for (const auto& step : steps)
        names.insert(step.port);
    return names;
}

std::string members_words(const Incident& incident, Cause cause) {
    const Signs& signs = incident.signs;
    std::string words;
    if (!signs.left.empty()) {
        words = listed(members_of(signs.left));
        words.append(" left ").append(listed(ports_of(signs.left))).append(": ");
        words.append(cause == Cause::lag ? "replication lag: " : "")
            .append(signs.left.front().detail);
    }
    if (!signs.left.empty() && signs.out.empty())
        return words.append("; back after ")
            .append(seconds_text(seconds(incident.last_sign - signs.left.front().at)));
    if (!signs.joined.empty())
        words.append(words.empty() ? "" : "; ")
            .append(listed(members_of(signs.joined)))
            .append(" joined ")
            .append(listed(ports_of(signs.joined)));
    return words;
}

std::string lock_time(const Signs& signs) {
    if (!signs.lock_lost)
        return "its lock ran out";
    const auto since = signs.silent ? signs.silent : signs.denied;
    const auto began = signs.last_proven && since && *signs.last_proven < *since &&
                               *since - *signs.last_proven < std::chrono::seconds(5)
                           ? signs.last_proven
                           : since;
    if (!began)
        return "its lock ran out";
    return "its lock ran out after " + seconds_text(seconds(*signs.lock_lost - *began));
}

std::string polls_words(const Incident& incident, Cause cause, const std::string& leads_now) {
    const Signs& signs = incident.signs;
    std::string words = cause == Cause::store_down
                            ? "Patroni runs on all members but cannot answer /cluster: is its "
                              "store (etcd) down?"
                            : "no REST API can be reached: " + signs.poll_errors;
    const std::string& from = incident.record.from;
    const bool was_lost = incident.record.leaderless != Clock::duration::zero() ||
                          incident.leaderless_since.has_value();
    if (from.empty())
        return words;
    if (!was_lost)
        return words.append(" ").append(from).append(" went on as leader");
    words.append(" ").append(from).append(" stopped taking writes");
    if (!leads_now.empty() && leads_now == from)
        words.append(", and leads again");
    return words;
}

std::string names_in(const std::map<std::string, std::uint64_t>& counts) {
    std::string text;
    for (const auto& [name, number] : counts)
        text.append(text.empty() ? "" : ", ").append(name);
    return text;
}

std::string clients_words(const Record& record) {
    std::set<std::string> ports;
    for (const auto& port : record.ports)
        ports.insert(port.port);
    const PortShare total = total_of(record);
    std::string words = "clients of " + listed(ports);
    if (total.held != 0)
        words += " had to wait";
    if (!total.refused.empty())
        words.append(total.held != 0 ? " or" : "")
            .append(" were refused: ")
            .append(names_in(total.refused));
    return words;
}

std::string silence_words(const Incident& incident) {
    const Signs& signs = incident.signs;
    const std::string& leader = incident.record.from;
    return leader + "'s API did not answer (" + signs.silence +
           "); the other members went on naming it as leader";
}

}  // namespace

std::string seconds_text(double seconds) {
    std::array<char, 48> text{};
    if (seconds < 0)
        seconds = 0;
    if (seconds < 120) {
        std::snprintf(text.data(), text.size(), "%.1f s", seconds);
    } else {
        const auto whole = static_cast<unsigned long long>(seconds);
        if (whole < 7'200)
            std::snprintf(text.data(), text.size(), "%llu min %llu s", whole / 60, whole % 60);
        else
            std::snprintf(text.data(), text.size(), "%llu h %llu min", whole / 3'600,
                          whole / 60 % 60);
    }
    return text.data();
}

Cause cause_of(const Incident& incident, const std::string& leads_now) {
    const Record& record = incident.record;
    const Signs& signs = incident.signs;
    if (signs.reinitialized)
        return Cause::reinitialized;
    switch (record.kind) {
        case Kind::operator_action:
            return Cause::operator_action;
        case Kind::clients:
            return Cause::clients;
        case Kind::members:
            return cause_of_members(signs);
        case Kind::patroni:
            return cause_of_polls(signs);
        case Kind::leader:
            break;
    }
    if (changes_of(signs) >= kFlapping)
        return Cause::flapping;
    // The lock cannot change hands while the store is down, so this is what made the leader go.
    if (signs.polls_failed && signs.all_connected &&
        (!signs.lock_lost || *signs.polls_failed < *signs.lock_lost))
        return Cause::store_down;
    if (record.from.empty())
        return Cause::no_leader;
    if (!leads_now.empty() && leads_now != record.from)
        return cause_of_change(signs);
    if (signs.lock_lost && leads_now.empty())
        return cause_of_change(signs);  // so far
    if (signs.polls_failed)
        return cause_of_polls(signs);
    if (signs.unreachable)
        return Cause::backend_unreachable;
    if (signs.silent && !signs.denied)
        return Cause::api_silent;
    return Cause::doubt;
}

std::string words_of(const Incident& incident, const Record& record, const std::string& leads_now) {
    const Cause cause = record.cause;
    const Signs& signs = incident.signs;
    const std::string& from = incident.record.from;
    std::string words;
    switch (cause) {
        case Cause::switchover:
            words = signs.scheduled ? "planned switchover, at the time that was scheduled"
                                    : "planned switchover";
            break;
        case Cause::leader_stopped:
            words = "leader stopped: " + from + "'s Patroni was shut down";
            break;
        case Cause::leader_died:
            words = "leader died: " + lock_time(signs);
            break;
        case Cause::leader_frozen:
            words = "the leader's API froze: " + lock_time(signs);
            break;
        case Cause::leader_demoted:
            words =
                "the leader stepped down because it could not renew its lock: can it reach its "
                "store (etcd)?";
            break;
        case Cause::leader_crashed:
            words = "the leader's PostgreSQL failed";
            break;
        case Cause::store_down:
        case Cause::patroni_unreachable:
            words = polls_words(incident, cause, leads_now);
            break;
        case Cause::api_silent:
            words = silence_words(incident);
            break;
        case Cause::backend_unreachable:
            words = from + "'s PostgreSQL accepted no sessions (" + signs.unreachable_why +
                    "); it stayed leader";
            break;
        case Cause::doubt:
            words = "an answer contradicted the leader, and no second one confirmed it";
            break;
        case Cause::flapping:
            words = "the leader changed " + std::to_string(changes_of(signs)) + " times:";
            for (const auto& leader : signs.leaders)
                words.append(" ").append(leader.empty() ? "none" : leader);
            break;
        case Cause::reinitialized:
            words = "the cluster was re-initialized: its members have a new system identifier";
            break;
        case Cause::no_leader:
            words = (leads_now.empty() ? "there is no leader: " : "there was no leader: ") +
                    signs.vacancy;
            break;
        case Cause::lag:
        case Cause::members:
            words = members_words(incident, cause);
            break;
        case Cause::clients:
            words = clients_words(record);
            break;
        case Cause::unknown:
            words = "Patroni's answers do not tell why the leader changed";
            break;
        case Cause::operator_action:
            words = incident.record.words;
            break;
    }
    if (incident.record.paused && incident.record.kind == Kind::leader)
        words = "in maintenance mode: " + words;
    return daemons::one_line(words, Record::kLongestText);
}

}  // namespace proxy::history
