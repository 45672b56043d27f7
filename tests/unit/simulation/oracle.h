#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "answer.h"
#include "patroni/verdict/evidence.h"
#include "world.h"

namespace simulation {

using patroni::Clock;

/// An answer counts once it is clear whose it is, some time after it came.
constexpr Milliseconds kConfirmAfter = patroni::Evidence::kConfirmAfter - Milliseconds{50};

/// What a port promises.
struct PortRules {
    std::string name;
    bool leader = false;
    bool replicas = false;
    std::optional<std::uint64_t> max_lag = {};
    Milliseconds removal_grace{0};
    Milliseconds lag_window{2'000};
};

/// What became of it: members with their addresses.
struct Served {
    using Place = std::pair<std::string, std::string>;
    std::set<Place> eligible;  ///< new sessions begin there
    std::set<Place> kept;      ///< sessions may stay there

    friend bool operator==(const Served&, const Served&) = default;
};

/// Says what the answers that were delivered allow, by rules of its own that are simpler than those
/// of the code under test, and knows the truth for when everything has come to rest.
///
/// - An answer counts if it is of our cluster, of the member that was asked (GET /primary), can be
///   read, and no later asked one of GET /cluster came before it.
/// - New sessions: a leader port never leads to a member whose own latest word is a no, that two
///   answers of /cluster in a row do not name, or one that it has not answered with a proof; a
///   replica port to none that the latest answer shows unfit; no port to another cluster's.
/// - Cuts: two answers that say so, kConfirmAfter apart, or two sources, since it was good last.
/// - At rest: the true primary, and every replica that serves, and nobody else.
/// - Questions: no API has two of one kind before it, nor more in a second than documented.
class Oracle {
  public:
    Oracle(const World& world, std::vector<PortRules> ports);

    void asked(Clock::time_point at, const std::string& api, const std::string& path,
               std::size_t waiting);
    void delivered(Clock::time_point at, Clock::time_point asked_at, const std::string& path,
                   const std::string& asked_of, const Answer& answer);
    /// The resolver has found the addresses of a name; of an address itself.
    void looked_up(Clock::time_point at, const std::string& host,
                   const std::vector<std::string>& addresses);
    /// After everything that happened.
    void serves(Clock::time_point at, std::size_t port, const Served& served);
    /// Everything is consistent and answers, and time enough has passed.
    void rests(std::size_t port, const Served& served, bool with_lag);

    /// What was wrong first; empty if nothing.
    [[nodiscard]] const std::string& violation() const { return violation_; }
    void violated(const std::string& what);

  private:
    /// Answers in a row that say the same.
    struct Run {
        std::optional<Clock::time_point> first;
        Clock::time_point last;

        void add(Clock::time_point at);
        void end() { first.reset(); }
        [[nodiscard]] bool lasted(Clock::duration time) const;
        [[nodiscard]] bool twice() const { return lasted(kConfirmAfter); }
        /// Confirmed, and begun this long before `at`: later answers may say nothing of it.
        [[nodiscard]] bool stood_for(Clock::duration time, Clock::time_point at) const {
            return twice() && at - *first >= time;
        }
        explicit operator bool() const { return first.has_value(); }
    };
    struct Heard {
        Clock::time_point proved_at{};
        Run denied;                          ///< by itself
        Run demoted;                         ///< the same, and its PostgreSQL is no primary either
        Clock::time_point denied_at{};       ///< the first time of these
        bool denies = false;                 ///< by its latest word
        Run named_since_denial;              ///< by /cluster
        Run unnamed;                         ///< by /cluster, since it was named or proved itself
        Run condemned;                       ///< the same by answers that tell of every member
        bool insists = false;                ///< it proved itself against /cluster
        std::map<std::size_t, Run> unfit;    ///< by port
        std::map<std::size_t, Run> lagging;  ///< by port
        std::string host;                    ///< as last told
        Clock::time_point moved_at{};        ///< when another one was told before
        std::map<std::string, Run> elsewhere;  ///< by address
    };

    void heard_cluster(Clock::time_point at, const Answer& answer);
    void heard_late(Clock::time_point at, const Answer& answer);
    void heard_own(Clock::time_point at, const std::string& member, const Answer& answer);
    void note_fitness(Clock::time_point at, Heard& heard, const Told* told);
    void note_place(Heard& heard);
    void check_new(Clock::time_point at, std::size_t port, const Served::Place& place);
    void check_cut(Clock::time_point at, std::size_t port, const Served::Place& place);
    [[nodiscard]] bool may_lose_lead(const std::string& member, const Heard& heard) const;
    [[nodiscard]] bool leads_by_two(const std::string& member, const Heard& heard,
                                    const Run& unfit) const;

    const World& world_;
    const std::vector<PortRules> ports_;
    std::vector<Served> before_;
    std::string system_identifier_;  ///< of when it was at rest last
    std::map<std::string, Heard> heard_;
    std::string named_;  ///< by the latest answer of /cluster
    Clock::time_point named_since_{};
    Clock::time_point answered_at_{};
    Clock::time_point any_answer_at_{};  ///< of GET /cluster, whatever it was
    bool paused_ = false;
    std::map<std::string, std::pair<Clock::time_point, std::vector<std::string>>> looked_up_;
    std::map<std::string, std::deque<Clock::time_point>>
        questions_;  ///< of the last second, by API
    std::string violation_;
};

}  // namespace simulation
