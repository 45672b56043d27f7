#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "patroni_proxy/history/story/counts_window.h"
#include "patroni_proxy/history/story/incident.h"
#include "patroni_proxy/history/story/observation.h"
#include "patroni_proxy/history/story/record.h"

namespace proxy::history {

/// A change that hooks hear of at once.
struct Change {
    enum class What : std::uint8_t { leader, port };
    What what = What::leader;
    std::string leader{};             ///< the member that takes sessions as leader; empty: none
    std::string port{};               ///< What::port only
    std::set<std::string> serving{};  ///< What::port only: the members that serve the port now
};

/// Turns what is observed of one cluster into records. There is one incident at a time: it begins
/// with the first sign of a change or of trouble, collects what follows, and becomes a record once
/// the cluster has been calm for kCalm. No clock, no I/O: time is that of the observations. Not
/// thread-safe.
class ClusterStory {
  public:
    static constexpr std::chrono::seconds kCalm{2};
    /// How long an incident stays open for members to come back to a port, for clients that still
    /// wait, and for the leader's API to answer again.
    static constexpr std::chrono::seconds kLongestWait{60};
    /// Clients that are held or refused again within this time belong to the same wave.
    static constexpr std::chrono::seconds kBetweenWaves{30};
    /// A poll that fails after this time is an incident. One that fails sooner may be an accident
    /// of a moment, so two in a row are needed.
    static constexpr std::chrono::seconds kLongPoll{2};

    explicit ClusterStory(std::string cluster) : cluster_(std::move(cluster)) {}

    /// `epoch`: a recent moment by both clocks.
    void see(const ClusterSeen& seen, const Epoch& epoch);
    void see(const PollSeen& seen, const Epoch& epoch);
    void see(CountsSeen counts, const Epoch& epoch);
    /// Ends the incident if it is over by `now`.
    void advance(Clock::time_point now);

    /// The finished records since the last call.
    [[nodiscard]] std::vector<Record> take_finished();
    [[nodiscard]] std::vector<Change> take_changes();
    /// The record of the incident that is still open.
    [[nodiscard]] std::optional<Record> open() const;

  private:
    void begin(Kind kind, Clock::time_point at, const Epoch& epoch);
    void make_way(Kind kind, Clock::time_point at);
    void end(Clock::time_point at);
    void see_leader(const ClusterSeen& seen, const Epoch& epoch);
    void see_ports(const ClusterSeen& seen, const Epoch& epoch);
    void note_failed_poll(const PollSeen& seen, const Epoch& epoch);
    void note_self_report(const ClusterSeen& seen);
    void note_lock(const ClusterSeen& seen);
    void note_leader(const ClusterSeen& seen);
    void sign(Clock::time_point at);
    [[nodiscard]] Clock::time_point trouble_since(const ClusterSeen& seen) const;
    [[nodiscard]] bool is_over(Clock::time_point now) const;
    [[nodiscard]] static bool is_noise(const Record& record);

    const std::string cluster_;
    CountsWindow counts_;
    std::optional<Incident> incident_;
    std::vector<Record> finished_;
    std::vector<Change> changes_;

    // What is known now.
    Clock::time_point latest_{};
    bool expects_leader_ = false;      ///< false: nothing is known yet, or it is a standby cluster
    std::string leader_;               ///< the last leader, even if in doubt; empty: none so far
    std::string leads_now_;            ///< the leader that takes sessions; empty: none
    std::string announced_leader_;     ///< of the latest Change
    patroni::Leadership seen_leader_;  ///< in the latest view
    bool took_sessions_ = false;       ///< leads_now_ was known with the latest view
    Clock::time_point viewed_at_{};    ///< when the latest view came
    bool is_silent_ = false;           ///< the leader's API does not answer
    bool silence_is_old_ = false;      ///< a record has reported this silence already
    std::string holder_;               ///< of the lock, by GET /cluster
    bool knows_holder_ = false;        ///< GET /cluster has answered
    bool is_met_ = false;              ///< a poll has ended well: differences are changes now
    bool polls_fail_ = false;
    std::optional<PollSeen> first_failure_;                 ///< since a poll ended well
    std::map<std::string, std::set<std::string>> serving_;  ///< by port
    std::map<std::string, Clock::time_point> proofs_;       ///< the latest proof of each member
};

}  // namespace proxy::history
