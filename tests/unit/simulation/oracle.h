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

/// An answer counts once it is clear which cluster gave it, some time after it came.
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

/// What a port serves: members with their addresses.
struct Served {
    using Place = std::pair<std::string, std::string>;
    std::set<Place> eligible;  ///< new sessions begin there
    std::set<Place> kept;      ///< sessions may stay there

    friend bool operator==(const Served&, const Served&) = default;
};

/// Says what the delivered answers allow, by rules of its own that are simpler than those of the
/// code under test. Knows the truth too, for the moments when everything has come to rest.
///
/// - A self-report is as old as the request for it: it says nothing against later answers.
/// - An answer counts if it can be read and comes from our cluster, GET /primary also only if it
///   comes from the member that was asked, and GET /cluster unless a later request was answered
///   first.
/// - New sessions: a leader port never sends them to a member whose latest self-report denies that
/// it
///   leads, or that /cluster does not name in two answers in a row, or in one that it has not
///   answered with a proof; these answers need a self-report that vouches for them. A replica port
///   never sends them to a member that the latest answer shows ineligible. No port sends them to
///   another cluster.
/// - Cuts need two answers, kConfirmAfter apart, or two sources, since the member was last good by
/// an
///   answer that a self-report vouches for.
/// - At rest a port serves the true primary, or every replica that serves, and nobody else.
/// - Requests: no API has two of the same kind waiting, or gets more per second than documented.
class Oracle {
  public:
    Oracle(const World& world, std::vector<PortRules> ports);

    void asked(Clock::time_point at, const std::string& api, const std::string& path,
               std::size_t waiting);
    void delivered(Clock::time_point at, Clock::time_point asked_at, const std::string& path,
                   const std::string& asked_of, const Answer& answer);
    /// The resolver has found the addresses of a name; an address is its own.
    void looked_up(Clock::time_point at, const std::string& host,
                   const std::vector<std::string>& addresses);
    /// To be called after every event.
    void serves(Clock::time_point at, std::size_t port, const Served& served);
    /// Everything is consistent and answers, and enough time has passed.
    void rests(std::size_t port, const Served& served, bool with_lag);

    /// The first violation; empty if there is none.
    [[nodiscard]] const std::string& violation() const { return violation_; }
    void violated(const std::string& what);

  private:
    /// A series of answers that say the same.
    struct Run {
        std::optional<Clock::time_point> first;
        Clock::time_point last;

        void add(Clock::time_point at) {
            first = first.value_or(at);
            last = at;
        }
        void end() { first.reset(); }
        /// The member has proved itself; it was asked for that at `asked_at`.
        void refute(Clock::time_point asked_at) {
            if (!first || *first > asked_at)
                return;
            if (last <= asked_at)
                return end();
            first = last;
        }
        [[nodiscard]] bool lasted(Clock::duration time) const {
            return first && last - *first >= time;
        }
        [[nodiscard]] bool twice() const { return lasted(kConfirmAfter); }
        /// Confirmed, and begun this long before `at`. Later answers may say nothing about it.
        [[nodiscard]] bool stood_for(Clock::duration time, Clock::time_point at) const {
            return twice() && at - *first >= time;
        }
        explicit operator bool() const { return first.has_value(); }
    };
    struct Heard {
        Clock::time_point vouched_at{};  ///< its self-report showed the known identity
        Clock::time_point proved_at{};
        Run proves;                     ///< since it denied it last
        Run denied;                     ///< by its self-report
        Run demoted;                    ///< the same, and its PostgreSQL is not primary either
        Clock::time_point denied_at{};  ///< the first of these
        bool denies = false;            ///< by its latest self-report
        Run named_since_denial;         ///< by /cluster
        Clock::time_point named_at{};   ///< the latest of these
        Run unnamed;                    ///< by /cluster, since it was named or proved itself
        Run condemned;                  ///< the same, by answers that cover every member
        bool insists = false;           ///< it proved itself against /cluster
        std::map<std::size_t, Run> ineligible;      ///< by port, since it was last good for certain
        std::map<std::size_t, Run> ineligible_now;  ///< by port and the latest answer
        std::map<std::size_t, Run> lagging;         ///< by port
        std::string host;                           ///< as last reported
        Clock::time_point moved_at{};               ///< when that changed
        std::map<std::string, Run> elsewhere;       ///< by address
    };

    void heard_cluster(Clock::time_point at, const Answer& answer);
    void heard_late(Clock::time_point at, const Answer& answer);
    void condemn(Clock::time_point at, const Answer& answer);
    void heard_own(Clock::time_point at, Clock::time_point asked_at, const std::string& member,
                   const Answer& answer);
    void note_fitness(Clock::time_point at, Heard& heard, const Told* told, bool is_certain);
    void note_place(Heard& heard, bool is_certain);
    void check_new(Clock::time_point at, std::size_t port, const Served::Place& place);
    void check_cut(Clock::time_point at, std::size_t port, const Served::Place& place);
    [[nodiscard]] bool is_vouched_for(Clock::time_point at, const Answer& answer) const;
    [[nodiscard]] bool may_lose_lead(const std::string& member, const Heard& heard) const;
    [[nodiscard]] bool leads_by_two(const std::string& member, const Heard& heard,
                                    const Run& ineligible) const;

    const World& world_;
    const std::vector<PortRules> ports_;
    std::vector<Served> before_;
    std::string system_identifier_;  ///< when all was last at rest
    std::map<std::string, Heard> heard_;
    std::string named_;  ///< by the latest answer of /cluster
    Clock::time_point named_since_{};
    Clock::time_point answered_at_{};
    Clock::time_point any_answer_at_{};  ///< of GET /cluster, good or bad
    bool paused_ = false;
    std::optional<Answer> unvouched_;  ///< the latest of GET /cluster, unless a self-report vouches
    std::map<std::string, std::pair<Clock::time_point, std::vector<std::string>>> looked_up_;
    std::map<std::string, std::deque<Clock::time_point>>
        questions_;  ///< of the last second, by API
    std::string violation_;
};

}  // namespace simulation
