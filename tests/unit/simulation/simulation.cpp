#include "simulation.h"

#include <algorithm>
#include <cstdio>

namespace simulation {
namespace {

using namespace std::chrono_literals;
using patroni::Failure;
using patroni::HttpReply;
using patroni::RequestedRole;

// As the proxy asks: RestClient::Timeouts of ClusterWatcher::Settings.
constexpr Milliseconds kTimeout = 3s;
// What must have happened within the poll interval and this, once the world is consistent: a poll
// (its interval), a second answer where one is not enough (Evidence::kConfirmAfter and a poll in
// alert), and the same again for who is named by it.
constexpr Milliseconds kSettled = 2s;
constexpr int kJitterPart = 20;  // of PollSchedule
constexpr std::size_t kTimeLine = 150;
constexpr int kMostAtOnce = 1'000;

std::vector<PortRules> rules_of_ports(Chance& chance) {
    const Milliseconds grace = chance.one_in(2) ? 0ms : chance.ms(500, 3'000);
    return {{.name = "leader", .leader = true, .removal_grace = grace},
            {.name = "replicas", .replicas = true, .removal_grace = grace},
            {.name = "any", .leader = true, .replicas = true, .max_lag = 1'000'000}};
}

patroni::Requirements requirements(const PortRules& rules) {
    patroni::Requirements wanted;
    if (rules.leader && rules.replicas)
        wanted.roles = {RequestedRole::any};
    else if (rules.leader)
        wanted.roles = {RequestedRole::leader};
    else
        wanted.roles = {RequestedRole::sync, RequestedRole::async};
    wanted.max_lag = rules.max_lag;
    wanted.removal_grace = rules.removal_grace;
    wanted.lag_window = rules.lag_window;
    return wanted;
}

std::string place_of(const patroni::Endpoint& endpoint) {
    return endpoint.host + ":" + std::to_string(endpoint.port);
}

}  // namespace

Simulation::Simulation(std::uint64_t seed, bool tells)
    : chance_(seed), tells_(tells), begin_(Clock::time_point{} + 1h), now_(begin_) {
    world_ = std::make_unique<World>(
        chance_,
        [this](Milliseconds after, std::function<void()> event) {
            ++under_way_;
            later(after, [this, event = std::move(event)] {
                --under_way_;
                event();
            });
        },
        [this](const std::string& what) { note("* " + what); });
    const auto rules = rules_of_ports(chance_);
    for (const auto& each : rules)
        ports_.push_back({each, patroni::Judge(requirements(each)), {}});
    oracle_ = std::make_unique<Oracle>(*world_, rules);
    patroni::Poller::Outlets outlets;
    outlets.ask = [this](const patroni::Endpoint& endpoint, const std::string& path,
                         auto on_reply) { ask(endpoint, path, std::move(on_reply)); };
    outlets.on_view = [this](const patroni::ClusterView& view) { on_view(view); };
    outlets.on_poll = [](const patroni::Poller::PollResult&) {};
    outlets.chance = [this](std::int64_t least, std::int64_t most) {
        return chance_.between(least, most);
    };
    outlets.address_of = [](const std::string& host) { return host; };
    poller_ = std::make_unique<patroni::Poller>(settings(), std::move(outlets));
}

patroni::Poller::Settings Simulation::settings() {
    patroni::Poller::Settings settings;
    for (const Node& node : world_->nodes())
        settings.hosts.push_back({false, node.api, 8008});
    if (chance_.one_in(5))
        settings.hosts.push_back({false, "10.0.6.66", 8008});  // nobody is there
    settings.interval = interval_ = chance_.ms(1'000, 3'000);
    return settings;
}

std::string Simulation::run() {
    note("interval " + std::to_string(interval_.count()) + " ms, " +
         std::to_string(world_->nodes().size()) + " members, Patroni " +
         (world_->is_modern() ? "4" : "3") + (world_->shares_api() ? ", one api_url for all" : ""));
    if (!chance_.one_in(4))
        check_rest(kSettled + interval_, true);
    for (auto chapter = chance_.between(1, 3); chapter > 0 && !is_over(); --chapter) {
        trouble();
        come_to_rest();
        check_rest(kSettled + interval_ + interval_ / kJitterPart, false);
        check_rest(ports_.back().rules.lag_window + interval_ + interval_ / kJitterPart, true);
    }
    return oracle_->violation();
}

void Simulation::trouble() {
    for (auto blows = chance_.between(1, 5); blows > 0; --blows) {
        later(chance_.ms(0, 4'000), [this] { world_->befall(); });
        if (chance_.one_in(3))
            later(chance_.ms(0, 4'000), [this] {
                note("trouble on the data path");
                const auto& leader = poller_->view().leader.member;
                poller_->report_trouble(
                    leader, chance_.one_in(2) ? patroni::Trouble::ended : patroni::Trouble::refused,
                    now_);
            });
        if (chance_.one_in(6))
            later(chance_.ms(0, 4'000), [this] { poller_->poll_now([](const auto&) {}); });
    }
    run_for(chance_.ms(1'000, 6'000));
}

/// Until nothing is under way any more. A connection that hung is reset.
void Simulation::come_to_rest() {
    run_for(4s);  // every blow has fallen
    world_->heal();
    for (auto& [place, api] : apis_)
        if (api.busy && api.hangs)
            later(1ms, [this, place = place, turn = api.turn] {
                finish(place, turn, Failure{"the server reset the connection"}, nullptr);
            });
    for (int attempt = 0; attempt < 20 && !is_over(); ++attempt) {
        for (int i = 0; i < 1'000 && under_way_ > 0; ++i)
            run_for(50ms);
        if (world_->come_to_rest() && under_way_ == 0)
            return note("* at rest");
    }
    oracle_->violated("the world does not come to rest: the simulation is wrong");
}

void Simulation::check_rest(Clock::duration after, bool with_lag) {
    run_for(after);
    if (is_over())
        return;
    for (std::size_t i = 0; i < ports_.size(); ++i)
        oracle_->rests(i, ports_[i].served, with_lag);
}

void Simulation::later(Milliseconds after, std::function<void()> event) {
    events_.emplace(now_ + after, std::move(event));
}

void Simulation::run_for(Clock::duration time) {
    const auto until = now_ + time;
    int at_once = 0;
    while (!is_over()) {
        const auto deadline = poller_->next_deadline();
        const auto next =
            std::max(now_, events_.empty() ? deadline : std::min(deadline, events_.begin()->first));
        if (next > until)
            break;
        at_once = next == now_ ? at_once + 1 : 0;
        if (at_once > kMostAtOnce)
            return oracle_->violated("the poller spins");
        now_ = next;
        if (!events_.empty() && events_.begin()->first <= now_)
            events_.extract(events_.begin()).mapped()();
        poller_->advance(now_, std::chrono::system_clock::time_point{} + (now_ - begin_));
        check();
    }
    now_ = std::max(now_, until);
}

void Simulation::ask(const patroni::Endpoint& endpoint, const std::string& path,
                     patroni::Poller::OnReply on_reply) {
    const std::string place = place_of(endpoint);
    Api& api = apis_[place];
    const auto same = std::count_if(api.questions.begin(), api.questions.end(),
                                    [&](const Question& each) { return each.path == path; });
    oracle_->asked(now_, place, path, static_cast<std::size_t>(same));
    api.questions.push_back({endpoint, path, std::move(on_reply), now_});
    if (!api.busy)
        ask_next(place);
}

void Simulation::ask_next(const std::string& place) {
    Api& api = apis_[place];
    api.busy = !api.questions.empty();
    if (!api.busy)
        return;
    const auto turn = ++api.turn;
    api.hangs = false;
    later(chance_.ms(1, 8), [this, place, turn] { answer(place, turn); });
}

/// The request has reached the API.
void Simulation::answer(const std::string& place, std::uint64_t turn) {
    Api& api = apis_[place];
    const Question& question = api.questions.front();
    Node* node = world_->node_at(question.endpoint.host);
    if (!node || !node->listed || node->mood == Mood::refuses)
        return finish(place, turn, Failure{"connection refused"}, nullptr);
    if (node->mood == Mood::hangs) {
        api.hangs = true;
        return later(kTimeout,
                     [this, place, turn] { finish(place, turn, Failure{"timed out"}, nullptr); });
    }
    const auto told = std::make_shared<Answer>(answer_of(*world_, *node, question.path, chance_));
    const auto way_back = node->mood == Mood::slow ? chance_.ms(50, 1'500) : chance_.ms(1, 15);
    later(way_back, [this, place, turn, told] {
        finish(place, turn, HttpReply{told->status, "", told->body}, told.get());
    });
}

void Simulation::finish(const std::string& place, std::uint64_t turn,
                        const patroni::Result<HttpReply>& reply, const Answer* answer) {
    Api& api = apis_[place];
    if (!api.busy || api.turn != turn)
        return;  // it was reset before
    const Question question = std::move(api.questions.front());
    api.questions.pop_front();
    const Node* node = world_->node_at(question.endpoint.host);
    if (tells_)
        note(place + question.path + ": " +
             (answer ? std::to_string(answer->status) + " " + (answer->ours ? "" : "(foreign) ") +
                           answer->body
                     : reply.reason()));
    if (answer && node)
        oracle_->delivered(now_, question.asked_at, question.path, node->row.name, *answer);
    question.on_reply(now_, reply);
    ask_next(place);
}

void Simulation::on_view(const patroni::ClusterView& view) {
    if (!view.snapshot)
        return;
    placed_.clear();
    for (const auto& member : view.snapshot->members)
        if (!member.remembered && !member.place_remembered)
            placed_.insert(member.name);
    std::string told = view.leader.member + " leads: " + view.leader.reason;
    for (Port& port : ports_) {
        const auto table = proxy::build_backend_table(
            port.judge.judge(view),
            [&](const patroni::Member& member) { return locate(member, port, view.answered_at); });
        port.served = served_by(table);
        if (!tells_)
            continue;
        told += "; " + port.rules.name + ":";
        for (const auto& [member, address] : port.served.kept)
            told.append(" ").append(member).append("@").append(address).append(
                port.served.eligible.contains({member, address}) ? "" : "(kept)");
    }
    if (tells_ && told != told_)
        note("> " + (told_ = told));
    check();
}

/// As MemberAddresses does.
proxy::Located Simulation::locate(const patroni::Member& member, const Port& port,
                                  Clock::time_point answered_at) {
    proxy::Whereabouts& whereabouts = whereabouts_[member.name];
    std::vector<proxy::BackendPtr> found;
    const Known* known = member.host.empty() || !member.port ? nullptr : resolve(member.host);
    if (known) {
        for (const auto& ip : known->addresses)
            found.push_back(backend(member.name, ip));
        whereabouts.found(answered_at, known->at, found, patroni::ResolvePrefer::any,
                          placed_.contains(member.name));
    }
    return {whereabouts.current(), whereabouts.left(port.rules.removal_grace), ""};
}

/// As Resolver does: an answer is fresh for a second, known addresses serve where none comes, and
/// an address is its own for all time.
const Simulation::Known* Simulation::resolve(const std::string& host) {
    auto known = known_.find(host);
    if (known == known_.end() || known->second.at <= now_ - patroni::Resolver::kFresh) {
        const auto addresses = world_->addresses_of(host);
        if (addresses.empty())
            return known == known_.end() ? nullptr : &known->second;
        const auto at = addresses.front() == host ? Clock::time_point::max() : now_;
        known = known_.insert_or_assign(host, Known{addresses, at}).first;
        oracle_->looked_up(now_, host, addresses);
    }
    return &known->second;
}

proxy::BackendPtr Simulation::backend(const std::string& member, const std::string& ip) {
    auto& backend = backends_[{member, ip}];
    if (!backend) {
        backend.reset(new proxy::Backend{member, *net::SocketAddress::from_ip(ip, 5432)});
        backend->connections = 1;  // or nobody would care for it once it is left
    }
    return backend;
}

Served Simulation::served_by(const proxy::BackendTable& table) const {
    Served served;
    for (const auto& backend : table.eligible)
        served.eligible.emplace(backend->member, backend->address.ip());
    for (const auto& [place, backend] : backends_)
        if (table.keeps_sessions_of(backend.get()))
            served.kept.insert(place);
    return served;
}

void Simulation::check() {
    for (std::size_t i = 0; i < ports_.size() && !is_over(); ++i)
        oracle_->serves(now_, i, ports_[i].served);
}

void Simulation::note(const std::string& what) {
    if (!tells_)
        return;
    const auto ms = std::chrono::duration_cast<Milliseconds>(now_ - begin_).count();
    char stamp[32];
    std::snprintf(stamp, sizeof stamp, "%4lld.%03lld  ", static_cast<long long>(ms / 1'000),
                  static_cast<long long>(ms % 1'000));
    time_line_.push_back(stamp + what);
    if (time_line_.size() > kTimeLine)
        time_line_.pop_front();
}

std::string Simulation::time_line() const {
    std::string text;
    for (const auto& line : time_line_)
        text += line + "\n";
    return text;
}

}  // namespace simulation
