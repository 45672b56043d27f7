#include "patroni_proxy/migrate/report/ledger.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>

#include "daemon/text/utf8.h"
#include "haproxy/model/secret.h"

namespace proxy::migrate {
namespace {

constexpr std::size_t kLongestDirective = 160;
constexpr std::size_t kLongestLine = 1'000;
constexpr std::array kOutcomes{Outcome::not_carried, Outcome::changed, Outcome::carried,
                               Outcome::not_needed};

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
        // Equal ones are listed where the first of them stands.
        std::vector<const Line*> first;
        std::map<std::pair<std::string, std::string>, std::vector<const Line*>> equal;
        std::size_t count = 0;
        for (const auto& line : lines_) {
            if (line.outcome != outcome)
                continue;
            ++count;
            auto& all = equal[{line.directive, line.why}];
            all.push_back(&line);
            if (all.size() == 1)
                first.push_back(&line);
        }
        std::stable_sort(first.begin(), first.end(), [](const Line* a, const Line* b) {
            return a->place.file == b->place.file && a->place.line < b->place.line;
        });
        if (count != 0)
            text += std::string(name_of(outcome)) + ":\n";
        for (const Line* line : first) {
            std::string places;
            const std::string* file = nullptr;
            for (const Line* same : equal[{line->directive, line->why}]) {
                const bool same_file = file && *file == same->place.file;
                places += same_file ? ", " + std::to_string(same->place.line)
                                    : (places.empty() ? "" : ", ") + same->place.text();
                file = &same->place.file;
            }
            text += "  " + places + ": " + daemons::one_line(line->directive, kLongestLine);
            text += line->why.empty()
                        ? "\n"
                        : "\n      " + daemons::one_line(line->why, kLongestLine) + "\n";
        }
        summary += (summary.empty() ? "" : ", ") + std::to_string(count) + " " +
                   std::string(name_of(outcome));
    }
    return text + summary + "\n";
}

}  // namespace proxy::migrate
