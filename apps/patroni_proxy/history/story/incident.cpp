#include "patroni_proxy/history/story/incident.h"

#include <algorithm>

#include "daemon/text/utf8.h"

namespace proxy::history {
namespace {

constexpr std::size_t kMostMembers = 50;  // in one record

}  // namespace

/// Inserts by time, because an earlier proof may become known late.
void Incident::add_step(Step step) {
    auto& steps = record.steps;
    const bool is_repeated = !steps.empty() && steps.back().kind == step.kind &&
                             steps.back().member == step.member && steps.back().port == step.port &&
                             (step.kind != StepKind::doubted || steps.back().detail == step.detail);
    if (is_repeated)
        return;
    if (steps.size() >= Record::kMostSteps) {
        ++record.steps_left_out;
        return;
    }
    for (auto* text : {&step.member, &step.port, &step.detail})
        *text = daemons::one_line(*text, Record::kLongestText);
    const auto place = std::upper_bound(steps.begin(), steps.end(), step,
                                        [](const Step& a, const Step& b) { return a.at < b.at; });
    steps.insert(place, std::move(step));
}

void Incident::note_left(const PortView& port, const std::string& member, Clock::time_point at) {
    const auto reason = port.reasons.find(member);
    Step step{at, StepKind::member_left, member, port.port,
              reason == port.reasons.end()
                  ? "it is no longer listed"
                  : daemons::one_line(reason->second, Record::kLongestText)};
    if (signs.left.size() < kMostMembers) {
        signs.left.push_back(step);
        signs.out.insert({port.port, member});
    }
    add_step(std::move(step));
}

void Incident::note_joined(const PortView& port, const std::string& member, Clock::time_point at) {
    Step step{at, StepKind::member_joined, member, port.port, {}};
    const bool is_back = signs.out.erase({port.port, member}) != 0;
    if (!is_back && signs.joined.size() < kMostMembers)
        signs.joined.push_back(step);
    add_step(std::move(step));
}

}  // namespace proxy::history
