#include "world.h"

#include <algorithm>
#include <array>
#include <utility>

namespace simulation {

World::World(Chance& chance, Later later, Note note)
    : chance_(chance),
      later_(std::move(later)),
      note_(std::move(note)),
      modern_(!chance.one_in(3)),
      shares_api_(chance.one_in(10)) {
    const auto count = chance_.between(2, 5);
    const bool by_name = chance_.one_in(4);
    for (std::int64_t i = 1; i <= count; ++i) {
        const std::string name = "p" + std::to_string(i);
        const std::string address = "10.0.0." + std::to_string(i);
        names_[name + ".db"] = {address, "10.0.7." + std::to_string(i)};
        Node node;
        node.api = address;
        node.row = {name, modern_ ? "streaming" : "running", by_name ? name + ".db" : address};
        nodes_.push_back(node);
    }
    if (chance_.one_in(2))
        nodes_.back().row.sync = true;
    Node& first = nodes_.front();
    first.primary = first.claims_lock = true;
    first.row.state = "running";
    store_.leader = first.row.name;
    for (const auto& node : nodes_)
        publish(node);
}

void World::befall() {
    static constexpr std::array kBlows{
        &World::switch_over,  &World::switch_over,   &World::kill_leader, &World::freeze_leader,
        &World::stop_replica, &World::add_or_remove, &World::move,        &World::pause,
        &World::lag,          &World::disturb_api,   &World::disturb_api, &World::disturb_api,
        &World::cut_off,      &World::usurp,         &World::disturb_dns, &World::initialise_anew,
        &World::lie,          &World::lie,           &World::lie,         &World::lie};
    (this->*chance_.any_of(kBlows))();
}

/// The old primary refuses writes long before its Patroni says so.
void World::switch_over() {
    Node* old = leader();
    Node* next = any_replica();
    if (!old || !next)
        return;
    note_("switchover from " + old->row.name + " to " + next->row.name);
    later_(chance_.ms(300, 1'400), [this, from = old->row.name, to = next->row.name] {
        if (store_.leader != from)
            return;
        Node& former = *find(from);
        stop_leading(former);
        store_.leader.clear();
        publish(former);
        later_(chance_.ms(0, 150), [this, to] { take_lock(to); });
        later_(chance_.ms(300, 2'000), [this, from] { start_again(*find(from)); });
    });
}

/// The lock runs out by itself.
void World::kill_leader() {
    Node* old = leader();
    if (!old || nodes_.size() < 2)
        return;
    note_("kill " + old->row.name);
    old->mood = chance_.one_in(2) ? Mood::refuses : Mood::hangs;
    stop_leading(*old);
    later_(chance_.ms(1'500, 4'000), [this, name = old->row.name] {
        if (store_.leader != name)
            return;
        store_.leader.clear();
        take_lock_any(name);
    });
}

/// Its PostgreSQL takes writes all the while, and its Patroni says so once it wakes up.
void World::freeze_leader() {
    Node* old = leader();
    if (!old || store_.paused)
        return;
    note_("freeze Patroni of " + old->row.name);
    old->mood = Mood::hangs;
    later_(chance_.ms(1'500, 4'000), [this, name = old->row.name] {
        if (store_.leader != name || find(name)->mood != Mood::hangs)
            return;
        store_.leader.clear();
        take_lock_any(name);
    });
}

void World::stop_replica() {
    Node* node = any_replica();
    if (!node)
        return;
    note_("stop " + node->row.name);
    node->row.state = "stopped";
    publish(*node);
    later_(chance_.ms(500, 3'000), [this, name = node->row.name] {
        Node& stopped = *find(name);
        if (stopped.serves())
            return;
        stopped.listed = false;
        publish(stopped);
    });
}

void World::add_or_remove() {
    for (Node& node : nodes_)
        if (!node.listed) {
            note_("add " + node.row.name);
            return start_again(node);
        }
    Node* node = any_replica();
    if (!node)
        return;
    note_("remove " + node->row.name);
    node->listed = false;
    publish(*node);
}

void World::move() {
    Node& node = chance_.any_of(nodes_);
    const auto at = static_cast<std::size_t>(&node - nodes_.data()) + 1;
    const std::string address = "10.1." + std::to_string(++moves_) + "." + std::to_string(at);
    note_("move " + node.row.name + " to " + address);
    if (const auto known = names_.find(node.row.host); known != names_.end()) {
        known->second = {address};
        return;
    }
    node.row.host = address;
    publish(node);
}

void World::pause() {
    store_.paused = !store_.paused;
    note_(store_.paused ? "pause" : "resume");
    Node* holder = leader();
    if (store_.paused && holder && chance_.one_in(3)) {
        note_("the lock runs out while paused");
        store_.leader.clear();
        holder->claims_lock = false;
    }
}

void World::lag() {
    if (Node* node = any_replica()) {
        node->row.lag = static_cast<std::uint64_t>(chance_.between(1'000'000, 90'000'000));
        note_(node->row.name + " lags by " + std::to_string(node->row.lag));
        publish(*node);
    }
}

void World::disturb_api() {
    Node& node = chance_.any_of(nodes_);
    node.mood = static_cast<Mood>(chance_.between(0, 3));
    static constexpr const char* kMoods[] = {"answers", "is slow", "refuses", "hangs"};
    note_("API of " + node.row.name + " " + kMoods[static_cast<std::size_t>(node.mood)]);
}

void World::cut_off() {
    Node& node = chance_.any_of(nodes_);
    if (&node == leader())
        return;
    note_("cut " + node.row.name + " off from the store");
    node.old_store = store_;
}

/// Of a minority at most, or nobody could tell whose cluster it is.
void World::usurp() {
    Node& node = chance_.any_of(nodes_);
    const auto usurped =
        std::count_if(nodes_.begin(), nodes_.end(), [](const Node& each) { return each.usurped; });
    if (2 * (usurped + 1) >= std::ssize(nodes_))
        return;
    note_("another cluster's Patroni answers at " + node.api);
    node.usurped = node.was_usurped = true;
}

void World::lie() {
    Node* holder = chance_.one_in(2) ? leader() : nullptr;
    Node& node = holder ? *holder : chance_.any_of(nodes_);
    // Patroni 3 does not tell whose word it is.
    const auto last = static_cast<std::int64_t>(kLastLie) - (modern_ ? 0 : 1);
    node.lie = static_cast<Lie>(chance_.between(1, last));
    note_("next answer of " + node.row.name + " is wrong: lie " +
          std::to_string(static_cast<std::int64_t>(node.lie)));
}

void World::disturb_dns() {
    if (chance_.one_in(3)) {
        names_fail_ = !names_fail_;
        note_(names_fail_ ? "DNS fails" : "DNS answers");
        return;
    }
    note_("DNS turns its answers round");
    for (auto& [name, addresses] : names_)
        std::reverse(addresses.begin(), addresses.end());
}

/// Where Patroni 3 tells one api_url for all, nobody can tell by whom a new identifier is told.
void World::initialise_anew() {
    if (!chance_.one_in(4))
        return lie();  // it is rarer than all else
    if (store_.paused || (shares_api_ && !modern_))
        return;
    note_("initialise the cluster anew");
    is_anew_ = true;
    system_identifier_ = "88" + std::to_string(++initialised_) + "0415257899169791";
    timeline_ = 0;
    store_ = {};
    for (Node& node : nodes_) {
        stop_leading(node);
        node.row.sync = false;
        node.row.timeline = 1;
        node.listed = true;
        node.mood = Mood::refuses;
        node.old_store.reset();
    }
    later_(chance_.ms(300, 2'000), [this] {
        for (Node& node : nodes_) {
            node.mood = Mood::answers;
            start_again(node);
        }
        if (store_.leader.empty())
            take_lock_any({});
    });
}

void World::heal() {
    note_("all is well again");
    names_fail_ = false;
    store_.paused = false;
    for (Node& node : nodes_) {
        node.old_store.reset();
        node.lie = Lie::none;
        node.mood = Mood::answers;
        // Whose word that was before is asked before somebody else answers there.
        if (std::exchange(node.usurped, false)) {
            node.mood = Mood::refuses;
            later_(Milliseconds{1'100}, [&node] { node.mood = Mood::answers; });
        }
        node.row.lag = 0;
        const bool leads = node.row.name == store_.leader;
        if (node.listed && !leads && (node.primary || !node.serves()))
            later_(chance_.ms(0, 300), [this, name = node.row.name] {
                Node& former = *find(name);
                if (name == store_.leader)
                    return;
                stop_leading(former);
                start_again(former);
            });
    }
}

bool World::come_to_rest() {
    const auto is_missing = [](const Node& node) { return !node.listed; };
    if (is_anew_ && std::any_of(nodes_.begin(), nodes_.end(), is_missing)) {
        for (Node& node : nodes_)
            start_again(node);
        return false;
    }
    if (!leader() || !leader()->listed || !leader()->primary) {
        store_.leader.clear();
        take_lock_any({});
        return false;
    }
    for (Node& node : nodes_) {
        node.was_usurped = false;
        if (node.listed && !node.primary)
            node.row.timeline = timeline_;
        publish(node);
    }
    is_anew_ = false;
    return true;
}

void World::take_lock_any(const std::string& but) {
    std::vector<std::string> able;
    for (const Node& node : nodes_)
        if (node.row.name != but && node.listed && node.serves() && node.mood != Mood::hangs &&
            node.mood != Mood::refuses)
            able.push_back(node.row.name);
    if (!able.empty())
        return take_lock(chance_.any_of(able));
    // Nobody is left: whoever comes back first.
    const bool none =
        std::none_of(nodes_.begin(), nodes_.end(), [](const Node& node) { return node.listed; });
    for (Node& node : nodes_)
        if ((node.listed || none) && node.mood == Mood::answers)
            start_again(node);
    later_(chance_.ms(500, 1'000), [this] {
        if (store_.leader.empty())
            take_lock_any({});
    });
}

/// It tells its lock before its promotion is over, and its new timeline still later.
void World::take_lock(const std::string& name) {
    Node& node = *find(name);
    if (!store_.leader.empty() || !node.listed || !node.serves())
        return;
    note_(name + " takes the lock");
    store_.leader = name;
    node.claims_lock = true;
    later_(chance_.ms(30, 260), [this, name] {
        Node& next = *find(name);
        if (store_.leader != name)
            return;
        note_(name + " is promoted");
        if (!next.primary)
            ++timeline_;
        next.primary = true;
        next.row.timeline = timeline_;
        next.row.state = "running";
        next.row.sync = false;
        next.row.lag = 0;
        later_(chance_.ms(0, 1'300), [this] {
            if (const Node* leads = leader())
                publish(*leads);
        });
        for (const Node& other : nodes_)
            if (other.row.name != name)
                later_(chance_.ms(100, 1'500), [this, follower = other.row.name] {
                    Node& told = *find(follower);
                    if (told.primary || !told.serves() || !told.listed)
                        return;
                    told.row.timeline = timeline_;
                    publish(told);
                });
    });
}

void World::stop_leading(Node& node) {
    node.primary = node.claims_lock = false;
    node.row.state = "stopped";
}

void World::start_again(Node& node) {
    if (node.serves() && node.listed)
        return;
    node.listed = true;
    node.primary = node.claims_lock = false;
    node.row.state = modern_ ? "streaming" : "running";
    node.row.timeline = std::max<std::uint64_t>(timeline_, 1);
    publish(node);
}

void World::publish(const Node& node) {
    auto& rows = store_.rows;
    const auto found = std::find_if(rows.begin(), rows.end(),
                                    [&](const Row& row) { return row.name == node.row.name; });
    if (found == rows.end()) {
        if (node.listed)
            rows.push_back(node.row);
    } else if (node.listed) {
        *found = node.row;
    } else {
        rows.erase(found);
    }
}

Node* World::any_replica() {
    std::vector<Node*> replicas;
    for (Node& node : nodes_)
        if (node.listed && node.serves() && !node.primary && node.row.name != store_.leader)
            replicas.push_back(&node);
    return replicas.empty() ? nullptr : chance_.any_of(replicas);
}

Node* World::node_at(const std::string& api_host) {
    // On every host its own Patroni is there; ours is the last member's.
    if (api_host == "127.0.0.1")
        return &nodes_.back();
    const auto found = std::find_if(nodes_.begin(), nodes_.end(),
                                    [&](const Node& node) { return node.api == api_host; });
    return found == nodes_.end() ? nullptr : &*found;
}

Node* World::find(const std::string& name) {
    const auto found = std::find_if(nodes_.begin(), nodes_.end(),
                                    [&](const Node& node) { return node.row.name == name; });
    return found == nodes_.end() ? nullptr : &*found;
}

std::vector<std::string> World::addresses_of(const std::string& host) const {
    const auto named = names_.find(host);
    if (named == names_.end())
        return {host};
    return names_fail_ ? std::vector<std::string>{} : named->second;
}

}  // namespace simulation
