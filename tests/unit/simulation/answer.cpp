#include "answer.h"

#include <algorithm>
#include <utility>

namespace simulation {
namespace {

constexpr const char* kHuge = "123456789012345678901234567890";

std::string json_string(const std::string& text) {
    return '"' + text + '"';
}

/// The members, each as JSON; what a lie makes of one of them is in `patch`.
struct Draft {
    std::string api_url;  ///< of all; empty: each its own
    bool modern = true;
    std::string scope;
    Lie lie = Lie::none;
    std::size_t victim = 0;  ///< of the lie
};

std::string api_url_of(const Draft& draft, const World& world, const Told& told, bool ours) {
    if (!draft.api_url.empty())
        return draft.api_url;
    for (const Node& node : world.nodes())
        if (ours && node.row.name == told.name)
            return "http://" + node.api + ":8008/patroni";
    return "http://" + told.host + ":8008/patroni";
}

std::string json_of(const Told& told, const Draft& draft, bool is_victim,
                    const std::string& api_url) {
    const Lie lie = is_victim ? draft.lie : Lie::none;
    if (lie == Lie::element_no_object)
        return "42";
    std::string json =
        "{\"name\": " + json_string(told.name) + ", \"role\": " + json_string(told.role) +
        ", \"state\": " + json_string(told.state) + ", \"api_url\": " + json_string(api_url);
    if (lie != Lie::no_host)
        json += ", \"host\": " + json_string(told.host);
    if (lie == Lie::odd_port)
        json += told.timeline % 2 == 0 ? ", \"port\": 0" : ", \"port\": \"5432\"";
    else if (lie != Lie::no_port)
        json += ", \"port\": 5432";
    json += ", \"timeline\": " + std::to_string(told.timeline);
    if (told.role != "leader") {
        const std::string lag =
            lie == Lie::huge_number ? kHuge : std::to_string(told.lag.value_or(0));
        if (draft.modern)
            json += ", \"receive_lag\": " + lag + ", \"replay_lag\": " + lag;
        json += ", \"lag\": " + lag;
    }
    return json + "}";
}

std::string write(const Answer& answer, const Draft& draft, const World& world) {
    std::string json = "{\"members\": [";
    for (std::size_t i = 0; i < answer.rows.size(); ++i) {
        const Told& told = answer.rows[i];
        json += (i == 0 ? "" : ", ") + json_of(told, draft, i == draft.victim,
                                               api_url_of(draft, world, told, answer.ours));
    }
    json += "]";
    if (draft.modern)
        json += ", \"scope\": " + json_string(draft.scope);
    if (answer.paused)
        json += ", \"pause\": true";
    return json + "}";
}

std::vector<Told> rows_of(const Store& store) {
    std::vector<Told> rows;
    for (const Row& row : store.rows) {
        const bool leads = row.name == store.leader;
        rows.push_back({row.name,
                        leads      ? "leader"
                        : row.sync ? "sync_standby"
                                   : "replica",
                        leads && row.state == "streaming" ? "running" : row.state, row.host,
                        row.timeline, row.lag});
    }
    return rows;
}

/// Another cluster's members, by the same names or by others; the first of them leads there.
std::vector<Told> foreign_rows(const World& world, bool same_names) {
    std::vector<Told> rows;
    for (std::size_t i = 0; i < world.nodes().size(); ++i)
        rows.push_back({same_names ? world.nodes()[i].row.name : "f" + std::to_string(i + 1),
                        i == 0 ? "leader" : "replica", "running",
                        kForeignNetwork + std::string("0.") + std::to_string(i + 1), 3, 0});
    return rows;
}

/// What a lie does to the rows, and to what they are good for.
void distort(Answer& answer, const Draft& draft, World& world) {
    if (answer.rows.empty())
        return;
    Told& victim = answer.rows[draft.victim];
    const auto leader = std::find_if(answer.rows.begin(), answer.rows.end(),
                                     [](const Told& told) { return told.role == "leader"; });
    switch (draft.lie) {
        case Lie::other_leader:
            if (leader != answer.rows.end() && victim.role != "leader")
                std::swap(leader->role, victim.role);
            return;
        case Lie::no_leader:
            if (leader != answer.rows.end())
                leader->role = "replica";
            return;
        case Lie::no_members:
            answer.rows.clear();
            answer.legible = false;
            return;
        case Lie::member_missing:
            answer.rows.erase(answer.rows.begin() + static_cast<std::ptrdiff_t>(draft.victim));
            return;
        case Lie::member_stopped:
            victim.state = "stopped";
            return;
        case Lie::element_no_object:
            victim.legible = answer.whole = false;
            return;
        case Lie::no_host:
            victim.has_place = false;
            return;
        case Lie::no_port:
        case Lie::odd_port:
            return;
        case Lie::other_host:
            victim.host = "10.2.0.1";
            return;
        case Lie::unknown_role:
            victim.role = "guest";
            victim.legible = false;
            return;
        case Lie::unknown_state:
            victim.state = "thinking";
            victim.legible = false;
            return;
        case Lie::huge_number:
            victim.lag.reset();
            return;
        default:
            (void)world;
            return;
    }
}

Answer cluster_answer(World& world, const Node& node, Lie lie, Chance& chance) {
    Draft draft;
    draft.modern = world.is_modern();
    draft.scope = "ours";
    draft.lie = lie;
    if (world.shares_api())
        draft.api_url = "http://127.0.0.1:8008/patroni";
    Answer answer;
    answer.speaker = node.row.name;
    // One answer alone can be told by its scope only.
    const bool lies = lie == Lie::other_cluster && world.is_modern();
    if (node.usurped || lies) {
        answer.ours = false;
        draft.api_url.clear();
        if (lies || chance.one_in(2))
            draft.scope = "theirs";
        answer.rows = foreign_rows(world, chance.one_in(2));
    } else {
        const Store& store = node.old_store ? *node.old_store : world.store();
        answer.rows = rows_of(store);
        answer.paused = store.paused;
        if (!answer.rows.empty())
            draft.victim = static_cast<std::size_t>(chance.between(0, std::ssize(answer.rows) - 1));
        distort(answer, draft, world);
    }
    answer.body = write(answer, draft, world);
    if (answer.rows.empty())
        answer.legible = false;
    if (lie == Lie::not_json) {
        answer.body.resize(answer.body.size() / 2);
        answer.legible = false;
    }
    return answer;
}

Answer own_answer(World& world, const Node& node, const std::string& path, Lie lie,
                  Chance& chance) {
    const Node* speaker = &node;
    if (lie == Lie::other_member)
        speaker = &chance.any_of(world.nodes());
    Answer answer;
    answer.speaker = speaker->row.name;
    const bool foreign = node.usurped || lie == Lie::other_cluster;
    answer.ours = !foreign;
    const bool denies = lie == Lie::denial && !foreign;
    const bool primary = foreign || (speaker->primary && !denies);
    const bool holds = foreign || (speaker->claims_lock && !denies);
    answer.status = path != "/primary" || holds ? 200 : 503;
    answer.role = primary ? (world.is_modern() ? "primary" : "master") : "replica";
    answer.state = foreign || speaker->serves() ? "running" : speaker->row.state;
    answer.paused = !foreign && world.store().paused && !node.old_store;
    answer.system_identifier = foreign ? "6600415257899169791" : world.system_identifier();
    const std::string scope = foreign && chance.one_in(2) ? "theirs" : "ours";
    answer.body = "{\"state\": " + json_string(answer.state) +
                  ", \"role\": " + json_string(answer.role) +
                  ", \"timeline\": " + std::to_string(speaker->row.timeline) +
                  ", \"dcs_last_seen\": 1795220949, \"database_system_identifier\": " +
                  json_string(answer.system_identifier) +
                  (answer.paused ? ", \"pause\": true" : "") + ", \"patroni\": {\"version\": " +
                  (world.is_modern() ? "\"4.1.4\", \"scope\": " + json_string(scope) +
                                           ", \"name\": " + json_string(answer.speaker)
                                     : "\"3.0.2\", \"scope\": " + json_string(scope)) +
                  "}}";
    if (lie == Lie::not_json) {
        answer.body.resize(answer.body.size() / 2);
        answer.legible = false;
    }
    return answer;
}

}  // namespace

Answer answer_of(World& world, Node& node, const std::string& path, Chance& chance) {
    const Lie lie = std::exchange(node.lie, Lie::none);
    return path == "/cluster" ? cluster_answer(world, node, lie, chance)
                              : own_answer(world, node, path, lie, chance);
}

}  // namespace simulation
