#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "chance.h"

namespace simulation {

using Milliseconds = std::chrono::milliseconds;

/// What a member writes about itself into the key-value store.
struct Row {
    std::string name;
    std::string state;
    std::string host;  ///< of its PostgreSQL: an address or a name
    std::uint64_t timeline = 1;
    std::uint64_t lag = 0;
    bool sync = false;
};

/// The key-value store. A Patroni that is cut off from it keeps saying what it saw last.
struct Store {
    std::string leader;  ///< the lock holder; empty: nobody
    std::vector<Row> rows;
    bool paused = false;
};

/// What an API does with a request.
enum class Mood : std::uint8_t { answers, slow, refuses, hangs };

/// What is wrong with the next answer of an API; the one after it is right again.
enum class Lie : std::uint8_t {
    none,
    other_leader,  ///< a replica is shown as the leader
    no_leader,
    not_json,
    no_members,  ///< "members": []
    member_missing,
    member_stopped,
    element_no_object,
    no_host,
    no_port,
    odd_port,  ///< quoted, or 0
    other_host,
    unknown_role,
    unknown_state,
    huge_number,    ///< beyond 64 bits
    denial,         ///< a leader's own 503
    other_cluster,  ///< with the same member names and scope, or others
    other_member,   ///< another member's self-report
};
constexpr auto kLastLie = Lie::other_member;

/// A member as it really is.
struct Node {
    Row row;
    std::string api;           ///< address of its Patroni
    bool listed = true;        ///< part of the cluster
    bool primary = false;      ///< its PostgreSQL takes writes
    bool claims_lock = false;  ///< its Patroni believes that it leads
    Mood mood = Mood::answers;
    bool usurped = false;                 ///< another cluster's Patroni answers at its address
    bool was_usurped = false;             ///< since all was at rest
    std::optional<Store> old_store = {};  ///< cut off from the store: what it saw last
    Lie lie = Lie::none;

    [[nodiscard]] bool serves() const { return row.state == "running" || row.state == "streaming"; }
};

/// One cluster as it really is, and what happens to it. Everything takes time, through `later`.
class World {
  public:
    /// Runs the function after a while.
    using Later = std::function<void(Milliseconds, std::function<void()>)>;
    using Note = std::function<void(const std::string&)>;

    World(Chance& chance, Later later, Note note);

    /// One thing goes wrong, or an operator does something.
    void befall();
    /// From now on every API answers the truth, from the store. What has begun goes on.
    void heal();
    /// To be called once nothing is in progress. Sees to it that there is a leader, that the store
    /// says the whole truth, and that a cluster that was initialised anew is whole: it is followed
    /// only if more than half of the hosts report it, and those of removed members are dead. False
    /// if that takes more time.
    bool come_to_rest();

    [[nodiscard]] Node* node_at(const std::string& api_host);
    [[nodiscard]] Node* find(const std::string& name);
    [[nodiscard]] const std::vector<Node>& nodes() const { return nodes_; }
    [[nodiscard]] const Store& store() const { return store_; }
    [[nodiscard]] bool is_modern() const { return modern_; }
    [[nodiscard]] bool shares_api() const { return shares_api_; }
    [[nodiscard]] const std::string& system_identifier() const { return system_identifier_; }
    /// What DNS says at this moment; empty if it does not answer.
    [[nodiscard]] std::vector<std::string> addresses_of(const std::string& host) const;

  private:
    void switch_over();
    void kill_leader();
    void freeze_leader();
    void stop_replica();
    void add_or_remove();
    void move();
    void pause();
    void lag();
    void disturb_api();
    void cut_off();
    void usurp();
    void lie();
    void disturb_dns();
    void initialise_anew();

    void take_lock(const std::string& name);
    void take_lock_any(const std::string& but);
    void stop_leading(Node& node);
    void start_again(Node& node);
    void publish(const Node& node);
    [[nodiscard]] Node* leader() { return find(store_.leader); }
    [[nodiscard]] Node* any_replica();

    Chance& chance_;
    const Later later_;
    const Note note_;
    bool modern_;      ///< Patroni 4, or else 3.0.2
    bool shares_api_;  ///< all members have the same api_url
    std::string system_identifier_ = "7710415257899169791";
    std::vector<Node> nodes_;
    Store store_;
    std::uint64_t timeline_ = 1;
    int moves_ = 0;
    int initialised_ = 0;
    bool is_anew_ = false;  ///< since all was at rest
    std::map<std::string, std::vector<std::string>> names_;
    bool names_fail_ = false;
};

}  // namespace simulation
