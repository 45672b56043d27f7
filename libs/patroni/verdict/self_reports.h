#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "patroni/answers/observation.h"

namespace patroni {

/// What a member says of itself through its own API, or that it says nothing: its API does not
/// answer, or its Patroni knows nothing of its PostgreSQL.
struct SelfReport {
    enum class Kind : std::uint8_t { silent, denies, proves };

    /// `at`: when it came. `is_paused`: /cluster says that the cluster is.
    [[nodiscard]] static SelfReport of(const PrimaryAnswer& answer, Clock::time_point at,
                                       bool is_paused);
    [[nodiscard]] static SelfReport of(const PrimarySilence& silence, Clock::time_point at);

    /// While the cluster is paused a primary stays leader without the lock.
    [[nodiscard]] bool keeps_lead(bool is_paused) const { return primary && (paused || is_paused); }

    Kind kind = Kind::silent;
    Clock::time_point first;  ///< of an unbroken series of the same kind
    Clock::time_point last;
    Clock::time_point asked;     ///< for the latest answer, which may be as old as that
    std::uint64_t timeline = 0;  ///< 0: not known
    bool primary = false;        ///< role and state are a running primary's, whatever the status
    bool paused = false;
    bool is_another = false;  ///< somebody else answers at its API
    bool denied = false;      ///< this is a denial, or silence after one
    bool connected = false;   ///< of silence: its API accepts connections
    std::string text;
};

/// The latest self-report of each member that was asked lately. No clock. Not thread-safe; a value.
class SelfReports {
  public:
    /// Notes a report as part of the series that it continues.
    const SelfReport& note(const std::string& member, SelfReport report, bool is_paused);
    /// Null if there is none.
    [[nodiscard]] const SelfReport* find(const std::string& member) const;
    [[nodiscard]] bool proves(const std::string& member) const;
    /// Whether anybody else proves to lead.
    [[nodiscard]] bool has_rival(const std::string& member) const;

    void forget(const std::string& member) { reports_.erase(member); }
    /// Proofs of all members but these two.
    void forget_proofs(const std::string& but, const std::string& and_but);
    /// Reports of all members but these two that are as old as this or older.
    void forget_until(Clock::time_point until, const std::string& but, const std::string& and_but);

    // By member.
    [[nodiscard]] auto begin() const { return reports_.begin(); }
    [[nodiscard]] auto end() const { return reports_.end(); }

  private:
    std::map<std::string, SelfReport> reports_;
};

}  // namespace patroni
