#include "oracle.h"

#include <algorithm>
#include <utility>

namespace simulation {
namespace {

// Polls are 100 ms apart at the soonest, with GET /cluster and GET /primary for a member and as a
// host, and a candidate is asked every 50 ms: 50 a second, and some more for a moment.
constexpr std::size_t kMostASecond = 60;

// An answer that brings news counts once it is clear whose it is: a poll waits a second for own
// words, and if none comes a second answer, kConfirmAfter later, must agree.
constexpr std::chrono::milliseconds kDigested{2'500};
// A self-report vouches for answers through that member, or that name it as leader, for so long.
constexpr std::chrono::milliseconds kVouchedFor{3'500};
// But between polls a self-report counts at once.
constexpr std::chrono::milliseconds kSelfReportTime{1'000};

bool serving(const Told& told) {
    return told.state == "running" || told.state == "streaming";
}

bool fits(const PortRules& rules, const Told& told) {
    return serving(told) && (told.role == "leader" ? rules.leader : rules.replicas);
}

const Told* find(const Answer& answer, const std::string& member) {
    const auto found = std::find_if(answer.rows.begin(), answer.rows.end(),
                                    [&](const Told& told) { return told.name == member; });
    return found == answer.rows.end() ? nullptr : &*found;
}

/// The one member that is shown as a running leader.
std::string named_by(const Answer& answer) {
    const Told* leader = nullptr;
    for (const Told& told : answer.rows)
        if (told.legible && told.role == "leader") {
            if (leader)
                return {};
            leader = &told;
        }
    return leader && serving(*leader) ? leader->name : std::string{};
}

std::string text(const Served::Place& place) {
    return place.first + " (" + place.second + ")";
}

std::string text(const std::set<std::string>& names) {
    std::string all;
    for (const auto& name : names)
        all += (all.empty() ? "" : ", ") + name;
    return all.empty() ? "nobody" : all;
}

bool is_foreign(const Served::Place& place) {
    return place.second.rfind(kForeignNetwork, 0) == 0;
}

}  // namespace

Oracle::Oracle(const World& world, std::vector<PortRules> ports)
    : world_(world),
      ports_(std::move(ports)),
      before_(ports_.size()),
      system_identifier_(world.system_identifier()) {
    for (const Node& node : world.nodes())
        heard_[node.row.name];
}

void Oracle::violated(const std::string& what) {
    if (violation_.empty())
        violation_ = what;
}

void Oracle::asked(Clock::time_point at, const std::string& api, const std::string& path,
                   std::size_t waiting) {
    // For whom it is and as a host, or of all members where one API stands for all.
    const std::size_t others = world_.shares_api() ? world_.nodes().size() : 1;
    const std::size_t most = path == "/primary" ? others : 0;
    if (waiting > most)
        violated(api + " is asked " + path + " though it has not answered that yet");
    auto& recent = questions_[api];
    recent.push_back(at);
    while (at - recent.front() >= std::chrono::seconds{1})
        recent.pop_front();
    if (recent.size() > kMostASecond)
        violated(api + " is asked more than " + std::to_string(kMostASecond) + " times a second");
}

void Oracle::delivered(Clock::time_point at, Clock::time_point asked_at, const std::string& path,
                       const std::string& asked_of, const Answer& answer) {
    if (path == "/cluster")
        any_answer_at_ = at;
    const bool says_something =
        path != "/cluster" || std::any_of(answer.rows.begin(), answer.rows.end(),
                                          [](const Told& told) { return told.legible; });
    if (!answer.ours || !answer.legible || !says_something)
        return;
    if (path == "/cluster")
        asked_at >= answered_at_ ? heard_cluster(at, answer) : heard_late(at, answer);
    if (path == "/primary" && answer.speaker == asked_of)
        heard_own(at, asked_at, asked_of, answer);
}

void Oracle::heard_cluster(Clock::time_point at, const Answer& answer) {
    answered_at_ = at;
    paused_ = answer.paused;
    if (const std::string named = named_by(answer); named != named_) {
        named_ = named;
        named_since_ = at;
    }
    // One that nobody vouches for need not count in anybody's favour.
    const bool is_certain = is_vouched_for(at, answer);
    unvouched_ = answer;
    for (auto& [member, heard] : heard_) {
        const bool is_named = member == named_;
        if (is_named) {
            heard.named_since_denial.add(at);
            heard.named_at = at;
            heard.condemned.end();
            heard.insists = false;
            if (is_certain)
                heard.unnamed.end();
        } else if (paused_) {
            heard.condemned.end();
            if (is_certain)
                heard.unnamed.end();
        } else {
            heard.unnamed.add(at);
        }
        const Told* told = find(answer, member);
        if ((told && told->legible) || (!told && answer.whole))
            note_fitness(at, heard, told, is_certain);
        if (!told || !told->legible || !told->has_place)
            continue;  // it says nothing about where the member is
        if (heard.host != told->host) {
            heard.host = told->host;
            heard.moved_at = at;
        }
        note_place(heard, is_certain);
    }
}

/// A self-report vouches for the answer.
void Oracle::condemn(Clock::time_point at, const Answer& answer) {
    const bool all_legible = std::all_of(answer.rows.begin(), answer.rows.end(),
                                         [](const Told& told) { return told.legible; });
    const std::string named = named_by(answer);
    for (auto& [member, heard] : heard_) {
        if (member != named && !answer.paused && answer.whole && all_legible)
            heard.condemned.add(at);
        const Told* told = find(answer, member);
        for (std::size_t port = 0; port < ports_.size(); ++port)
            if (told ? told->legible && !fits(ports_[port], *told) : answer.whole)
                heard.ineligible_now[port].add(at);
    }
}

/// Whether it is known which cluster gave it.
bool Oracle::is_vouched_for(Clock::time_point at, const Answer& answer) const {
    const auto vouches = [&](const std::string& member) {
        const auto heard = heard_.find(member);
        return heard != heard_.end() && at - heard->second.vouched_at <= kVouchedFor;
    };
    return vouches(answer.speaker) || vouches(named_by(answer));
}

/// One that came after a later one in the same poll may count against a member all the same.
void Oracle::heard_late(Clock::time_point at, const Answer& answer) {
    const std::string named = named_by(answer);
    for (auto& [member, heard] : heard_) {
        if (member != named && !answer.paused)
            heard.unnamed.add(at);
        const Told* told = find(answer, member);
        for (std::size_t port = 0; port < ports_.size(); ++port)
            if (told ? told->legible && !fits(ports_[port], *told) : answer.whole)
                heard.ineligible[port].add(at);
    }
}

void Oracle::note_fitness(Clock::time_point at, Heard& heard, const Told* told, bool is_certain) {
    for (std::size_t port = 0; port < ports_.size(); ++port) {
        const PortRules& rules = ports_[port];
        const bool does = told && fits(rules, *told);
        if (does)
            heard.ineligible_now[port].end();
        if (!does)
            heard.ineligible[port].add(at);
        else if (is_certain)
            heard.ineligible[port].end();
        const bool lags = does && told->role != "leader" && rules.max_lag &&
                          (!told->lag || *told->lag > *rules.max_lag);
        if (lags)
            heard.lagging[port].add(at);
        else if (is_certain)
            heard.lagging[port].end();
    }
}

void Oracle::looked_up(Clock::time_point at, const std::string& host,
                       const std::vector<std::string>& addresses) {
    looked_up_[host] = {at, addresses};
    for (auto& [member, heard] : heard_)
        if (heard.host == host)
            note_place(heard, true);
}

/// What a name stands for is known as of its look-up, and an address as of the answer.
void Oracle::note_place(Heard& heard, bool is_certain) {
    const auto known = looked_up_.find(heard.host);
    if (known == looked_up_.end())
        return;
    const auto& [looked_up_at, addresses] = known->second;
    const bool is_name = addresses.front() != heard.host;
    const auto at = is_name ? std::max(looked_up_at, heard.moved_at) : answered_at_;
    for (const auto& address : addresses)
        heard.elsewhere[address];
    for (auto& [address, run] : heard.elsewhere)
        if (std::find(addresses.begin(), addresses.end(), address) == addresses.end())
            run.add(at);
        else if (is_certain)
            run.end();
}

void Oracle::heard_own(Clock::time_point at, Clock::time_point asked_at, const std::string& member,
                       const Answer& answer) {
    Heard& heard = heard_[member];
    if (answer.system_identifier != system_identifier_) {
        for (auto& entry : heard_)
            entry.second.vouched_at = {};  // of a cluster that was initialised anew
    } else {
        heard.vouched_at = at;
        if (unvouched_ && (unvouched_->speaker == member || named_by(*unvouched_) == member))
            condemn(at, *std::exchange(unvouched_, std::nullopt));
    }
    const bool primary =
        (answer.role == "primary" || answer.role == "master") && answer.state == "running";
    if (primary && answer.status == 200) {
        heard.proved_at = at;
        heard.proves.add(at);
        heard.insists |= heard.unnamed && *heard.unnamed.first <= asked_at;
        // Where all have one api_url it may have been asked as a host: then it is nobody's proof.
        if (!world_.shares_api())
            heard.unnamed.refute(asked_at);
        heard.condemned.refute(asked_at);
        heard.denied.end();
        heard.demoted.end();
        heard.denies = false;
    } else if (primary && (answer.paused || paused_)) {
        // It keeps its part without the lock.
        heard.denied.end();
        heard.demoted.end();
        heard.denies = false;
    } else {
        if (!heard.denied)
            heard.denied_at =
                at - (at - any_answer_at_ > kSelfReportTime ? kDigested : Milliseconds{});
        // Where all have one api_url, a host's word is asked for who it is, and may be no more.
        heard.denies = answer.system_identifier == system_identifier_ && !world_.shares_api();
        heard.denied.add(at);
        primary ? heard.demoted.end() : heard.demoted.add(at);
        heard.named_since_denial.end();
        heard.proves.end();
    }
}

void Oracle::serves(Clock::time_point at, std::size_t port, const Served& served) {
    for (const auto& place : served.eligible)
        check_new(at, port, place);
    for (const auto& place : before_[port].kept)
        if (!served.kept.contains(place))
            check_cut(at, port, place);
    before_[port] = served;
}

void Oracle::check_new(Clock::time_point at, std::size_t port, const Served::Place& place) {
    const PortRules& rules = ports_[port];
    const std::string whom = rules.name + " leads new sessions to " + text(place);
    const auto found = heard_.find(place.first);
    if (is_foreign(place) || found == heard_.end())
        return violated(whom + ", of another cluster");
    const Heard& heard = found->second;
    // Of a cluster that was initialised anew nobody is believed before all say so.
    if (world_.system_identifier() != system_identifier_)
        return;
    const auto is_digested = [&](const Run& run) { return run && at - *run.first > kDigested; };
    if (!rules.leader) {
        // Whoever shows the leader at a new place then may be of that cluster.
        if (std::any_of(world_.nodes().begin(), world_.nodes().end(), [&](const Node& node) {
                return node.was_usurped && node.row.name == named_;
            }))
            return;
        if (const auto run = heard.ineligible_now.find(port);
            run != heard.ineligible_now.end() && is_digested(run->second))
            violated(whom + ", though the latest answer of /cluster shows it ineligible");
        return;
    }
    if (rules.replicas)
        return;
    if (heard.denies && at > heard.denied.last && at - heard.denied_at >= kDigested &&
        !heard.named_since_denial.twice() && !paused_)
        return violated(whom + ", though its own latest word is that it does not lead");
    if (heard.condemned.twice() && is_digested(heard.condemned))
        return violated(whom +
                        ", though two answers of /cluster do not name it, and it has not "
                        "proved itself since");
    if (is_digested(heard.condemned) && !heard.insists)
        return violated(whom + ", though the latest answer of /cluster does not name it");
}

/// By both sources, or by two answers of one; paused, a primary keeps its part without the lock.
bool Oracle::may_lose_lead(const std::string& member, const Heard& heard) const {
    // Named by an answer of before, if the latest one still waits for somebody to vouch for it.
    const bool another = std::any_of(heard_.begin(), heard_.end(), [&](const auto& entry) {
        const auto& [name, challenger] = entry;
        const bool proved = name != member && challenger.proved_at != Clock::time_point{};
        return proved &&
               (name == named_ || challenger.proved_at - challenger.named_at <= kDigested) &&
               (challenger.proved_at >= named_since_ || challenger.proved_at >= heard.proved_at);
    });
    // Its own word that it was demoted, and the proof of who took over.
    const bool is_replaced =
        heard.demoted && std::any_of(heard_.begin(), heard_.end(), [&](const auto& entry) {
            return entry.first != member && entry.second.proves &&
                   entry.second.proved_at >= *heard.demoted.first;
        });
    if (another || is_replaced || paused_)
        return another || is_replaced || heard.demoted.twice();
    return heard.denied.twice() || heard.unnamed.twice() || (heard.denied && named_ != member);
}

bool Oracle::leads_by_two(const std::string& member, const Heard& heard,
                          const Run& ineligible) const {
    // The latest answer may still wait for a self-report that vouches for it.
    const bool is_named = named_ == member || (heard.proved_at != Clock::time_point{} &&
                                               heard.proved_at - heard.named_at <= kDigested);
    return heard.proves.twice() ||
           (is_named &&
            ((heard.proved_at != Clock::time_point{} && !heard.denied) || ineligible.twice()));
}

void Oracle::check_cut(Clock::time_point at, std::size_t port, const Served::Place& place) {
    const PortRules& rules = ports_[port];
    const Heard& heard = heard_[place.first];
    const auto stood_for = [at](const auto& runs, const auto& key, Clock::duration time) {
        const auto run = runs.find(key);
        return run != runs.end() && run->second.stood_for(time, at);
    };
    if (rules.leader && may_lose_lead(place.first, heard))
        return;
    if (rules.replicas && (stood_for(heard.ineligible, port, kConfirmAfter + rules.removal_grace) ||
                           stood_for(heard.lagging, port, rules.lag_window)))
        return;
    if (rules.replicas && !rules.leader &&
        leads_by_two(place.first, heard, heard_[place.first].ineligible[port]))
        return;
    if (stood_for(heard.elsewhere, place.second, kConfirmAfter + rules.removal_grace))
        return;
    violated(rules.name + " cuts the sessions of " + text(place) +
             " without two sources or two answers since it was good last");
}

void Oracle::rests(std::size_t port, const Served& served, bool with_lag) {
    system_identifier_ = world_.system_identifier();
    const PortRules& rules = ports_[port];
    if (rules.max_lag && !with_lag)
        return;
    std::set<std::string> expected;
    for (const Node& node : world_.nodes())
        if (node.listed && node.serves() &&
            (node.row.name == world_.store().leader ? rules.leader : rules.replicas))
            expected.insert(node.row.name);
    std::set<std::string> found;
    for (const auto& [member, address] : served.eligible) {
        found.insert(member);
        for (const Node& node : world_.nodes())
            if (node.row.name == member) {
                const auto addresses = world_.addresses_of(node.row.host);
                if (std::find(addresses.begin(), addresses.end(), address) == addresses.end())
                    violated(rules.name + " leads to " + text(Served::Place(member, address)) +
                             ", where it is no more");
            }
    }
    if (found != expected)
        violated(rules.name + " serves " + text(found) + ", and not " + text(expected) +
                 ", though all has been well for long enough");
}

}  // namespace simulation
