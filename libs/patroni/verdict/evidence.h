#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "patroni/answers/observation.h"
#include "patroni/verdict/cluster_view.h"

namespace patroni {

/// The only member shown as a running leader. Two leaders in one answer prove neither. Pure.
[[nodiscard]] std::string leader_named_by(const ClusterSnapshot& snapshot);

/// Folds observations into who leads: evidence in, verdict out. No clock, no I/O: the same
/// observations give the same verdict. One thread at a time; a value.
///
/// - A member proves to be leader by its own GET /primary: status 200, role primary, state running.
/// - Where its API cannot be reached, /cluster alone is believed: at once if no leader has been
///   known yet, else when a second answer, kConfirmAfter later, agrees.
/// - Silence keeps the verdict. One contrary answer stops new sessions; a second one, or one from
///   the other source, ends the leadership, and so does another leader.
/// - Silence does not take back a denial: /cluster alone is believed again by a second answer.
/// - While paused the leader stays until another member proves to be primary.
/// - A lower timeline than already proven needs confirmation by both sources.
/// - Against a leader that proves itself as well, a challenger needs /cluster, told by somebody
///   else. A leader that goes on proving itself keeps its part against /cluster, with a warning.
/// - What ends a leadership voids the proofs before it; a proof that is older than an answer of
///   /cluster that names somebody else makes no leader.
/// - A push, or trouble on the data path, proves nothing: it is a reason to ask again, at once and
///   once more kConfirmAfter later.
class Evidence {
  public:
    /// Two answers are two pieces of evidence only if this lies between them.
    static constexpr std::chrono::milliseconds kConfirmAfter{500};

    void observe(const Observation& observation);

    [[nodiscard]] const ClusterView& view() const noexcept { return view_; }
    /// Whose GET /primary should be asked in every poll.
    [[nodiscard]] std::vector<std::string> leaders_to_ask() const;
    /// Somebody leads beyond doubt: it says so itself and /cluster agrees, or it keeps its part
    /// while paused.
    [[nodiscard]] bool is_settled() const;
    /// Who holds the lock by /cluster and by its own word does not serve as primary yet, or no
    /// more; empty if nobody.
    [[nodiscard]] std::string candidate() const;
    /// The latest answer of /cluster is at odds with what members say of themselves: another host
    /// may know better.
    [[nodiscard]] bool wants_other_host() const;
    /// By /cluster nobody leads: the lock is free, or whoever holds it is on its way down.
    [[nodiscard]] bool is_leaderless() const { return view_.snapshot && named_.empty(); }
    /// A member as last told, be it that the leader is named no more; null if it is none.
    [[nodiscard]] const Member* find_asked(const std::string& member) const;
    /// Something waits for a second answer: ask again after kConfirmAfter.
    [[nodiscard]] bool wants_confirmation() const noexcept { return wants_confirmation_; }

  private:
    /// What a member says of itself through its own API.
    struct OwnWord {
        enum class Kind : std::uint8_t { silent, denies, proves };
        Kind kind = Kind::silent;
        Clock::time_point first;  ///< of an unbroken row of the same kind
        Clock::time_point last;
        std::uint64_t timeline = 0;  ///< 0: not known
        bool primary = false;  ///< role and state are a running primary's, whatever the status
        bool paused = false;
        bool is_another = false;  ///< who answers at its API
        bool denied = false;      ///< it is a denial, or silence since one
        std::string words;
    };
    /// An unbroken row of answers of /cluster that agree on something.
    struct Row {
        Clock::time_point first;
        Clock::time_point last;
        [[nodiscard]] bool confirmed() const { return last - first >= kConfirmAfter; }
    };

    void note(Clock::time_point at, const ClusterAnswer& answer);
    void note(Clock::time_point at, const PrimaryAnswer& answer);
    void note(Clock::time_point at, const PrimarySilence& silence);
    void note(Clock::time_point at, const PositionAnswer& answer);
    void note(Clock::time_point at, const TrafficTrouble& trouble);
    void note(Clock::time_point at, const Push& push);
    void note_own_word(Clock::time_point at, const std::string& member, OwnWord word);

    void decide();
    void forget_old_words();
    [[nodiscard]] std::optional<std::string> proven_challenger();
    [[nodiscard]] bool may_succeed(const std::string& member, const OwnWord& word);
    [[nodiscard]] std::optional<std::string> named_challenger();
    void accept(const std::string& member, std::uint64_t timeline);
    void weigh_leader();
    void describe_leader(Standing standing, const std::string& reason);
    void describe_vacancy();
    void warn();
    [[nodiscard]] bool is_named_twice() const;
    [[nodiscard]] std::string named_by_cluster() const;
    void update_live_lag();

    [[nodiscard]] const OwnWord* own_word(const std::string& member) const;
    [[nodiscard]] bool proves(const std::string& member) const;
    [[nodiscard]] bool keeps_while_paused(const OwnWord& word) const;
    [[nodiscard]] bool paused() const;
    [[nodiscard]] bool in_doubt() const;
    [[nodiscard]] const Member* find(const std::string& member) const;

    Clock::time_point latest_;  ///< of the latest observation: the only clock there is
    std::map<std::string, OwnWord> own_words_;
    std::map<std::string, std::uint64_t> positions_;
    std::string named_;               ///< the one running leader of the latest /cluster, or empty
    std::optional<Row> named_row_;    ///< of answers that name it
    bool named_by_another_ = false;   ///< one of these at least
    std::optional<Row> unnamed_row_;  ///< of answers that do not name leader_, though they should
    /// The leader has answered an objection of /cluster with a proof, and is not named since.
    bool contradicts_ = false;
    std::string leader_;
    Member leader_details_;
    std::string lost_reason_;  ///< why the last leader is none any more
    std::uint64_t highest_timeline_ = 0;
    Clock::time_point confirmed_at_;  ///< the leader, by itself or by /cluster
    bool ever_led_ = false;
    std::optional<Clock::time_point> doubted_at_;  ///< by traffic, a push, a change
    bool wants_confirmation_ = false;
    ClusterView view_;
};

}  // namespace patroni
