#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "haproxy/grammar/configuration.h"

namespace proxy::migrate {

/// What became of a directive.
enum class Outcome : std::uint8_t {
    not_carried,  ///< patroni_proxy has nothing like it, or it could not be read
    changed,      ///< it has something like it, which behaves differently
    carried,
    not_needed,
};
[[nodiscard]] std::string_view name_of(Outcome outcome);

/// What became of each directive of the files that are imported.
class Ledger {
  public:
    struct Line {
        haproxy::Place place;
        std::string directive;  ///< without secrets
        Outcome outcome;
        std::string why;
    };

    /// The same line is taken once.
    void add(const haproxy::Place& place, const std::string& directive, Outcome outcome,
             const std::string& why);
    void add(const haproxy::Statement& statement, Outcome outcome, const std::string& why);
    /// Everything that was said in `other`.
    void add_all(const Ledger& other);
    /// Whether something was said about this statement.
    [[nodiscard]] bool has(const haproxy::Statement& statement) const;
    /// Nothing needs to be said about this statement itself: its parts have lines of their own.
    void skip(const haproxy::Statement& statement) { seen_.insert(&statement); }

    [[nodiscard]] bool has(Outcome outcome) const;
    [[nodiscard]] const std::vector<Line>& lines() const { return lines_; }
    /// For people: what was not carried over first, then what behaves differently, and so on; each
    /// in the order of the files, equal lines as one; a summary at the end.
    [[nodiscard]] std::string text() const;

  private:
    std::vector<Line> lines_;
    std::set<std::tuple<std::string, int, std::string, Outcome, std::string>> known_;
    std::set<const haproxy::Statement*> seen_;
};

}  // namespace proxy::migrate
