#include "patroni_proxy/migrate/report/ledger.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <utility>

#include "daemon/text/utf8.h"
#include "haproxy/model/secret.h"

namespace proxy::migrate {
namespace {

constexpr std::size_t kLongestDirective = 160;
constexpr std::size_t kLongestLine = 1'000;
constexpr std::array kOutcomes{Outcome::not_carried, Outcome::changed, Outcome::carried,
                               Outcome::not_needed};

/// Lines that say the same of several places, in the order in which they were added.
using Group = std::vector<const Ledger::Line*>;

/// In the order of the files, and of their lines.
std::vector<Group> groups_with(const std::vector<Ledger::Line>& lines, Outcome outcome) {
    std::vector<Group> groups;
    std::map<std::pair<std::string, std::string>, std::size_t> index;
    std::map<std::string, std::size_t> files;
    for (const auto& line : lines) {
        files.try_emplace(line.place.file, files.size());
        if (line.outcome != outcome)
            continue;
        const auto [known, is_new] = index.try_emplace({line.directive, line.why}, groups.size());
        if (is_new)
            groups.emplace_back();
        groups[known->second].push_back(&line);
    }
    const auto rank = [&](const Group& group) {
        const haproxy::Place& place = group.front()->place;
        return std::pair(files.at(place.file), place.line);
    };
    std::stable_sort(groups.begin(), groups.end(),
                     [&](const Group& a, const Group& b) { return rank(a) < rank(b); });
    return groups;
}

/// "f:3, 7, g:2": a file is named once for each run of its lines.
std::string places_of(const Group& group) {
    std::string places;
    const std::string* file = nullptr;
    for (const Ledger::Line* line : group) {
        if (!places.empty())
            places += ", ";
        places += file && *file == line->place.file ? std::to_string(line->place.line)
                                                    : line->place.text();
        file = &line->place.file;
    }
    return places;
}

void append(std::string& text, const Group& group) {
    const Ledger::Line& line = *group.front();
    text.append("  ").append(places_of(group)).append(": ");
    text += daemons::one_line(line.directive, kLongestLine);
    if (!line.why.empty())
        text.append("\n      ").append(daemons::one_line(line.why, kLongestLine));
    text += '\n';
}

}  // namespace

std::string_view name_of(Outcome outcome) {
    switch (outcome) {
        case Outcome::not_carried:
            return "not carried over";
        case Outcome::changed:
            return "changed in behaviour";
        case Outcome::carried:
            return "carried over";
        case Outcome::not_needed:
            break;
    }
    return "not needed";
}

void Ledger::add(const haproxy::Place& place, const std::string& directive, Outcome outcome,
                 const std::string& why) {
    if (known_.emplace(place.file, place.line, directive, outcome, why).second)
        lines_.push_back({place, directive, outcome, why});
}

void Ledger::add(const haproxy::Statement& statement, Outcome outcome, const std::string& why) {
    seen_.insert(&statement);
    add(statement.place, daemons::one_line(haproxy::shown(statement), kLongestDirective), outcome,
        why);
}

void Ledger::add_all(const Ledger& other) {
    for (const auto& line : other.lines_)
        add(line.place, line.directive, line.outcome, line.why);
    seen_.insert(other.seen_.begin(), other.seen_.end());
}

bool Ledger::has(const haproxy::Statement& statement) const {
    return seen_.contains(&statement);
}

bool Ledger::has(Outcome outcome) const {
    return std::any_of(lines_.begin(), lines_.end(),
                       [&](const Line& line) { return line.outcome == outcome; });
}

std::string Ledger::text() const {
    std::string text;
    std::string summary;
    for (const Outcome outcome : kOutcomes) {
        const auto groups = groups_with(lines_, outcome);
        if (!groups.empty())
            text.append(name_of(outcome)).append(":\n");
        std::size_t count = 0;
        for (const Group& group : groups) {
            count += group.size();
            append(text, group);
        }
        if (!summary.empty())
            summary += ", ";
        summary.append(std::to_string(count)).append(" ").append(name_of(outcome));
    }
    return text + summary + "\n";
}

}  // namespace proxy::migrate
