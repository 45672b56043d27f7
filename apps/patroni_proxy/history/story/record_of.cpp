#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "patroni_proxy/history/story/cause.h"
#include "patroni_proxy/history/story/incident.h"
#include "patroni_proxy/history/story/summary.h"

namespace proxy::history {
namespace {

PortShare& share_of(Record& record, const std::string& port) {
    const auto known = std::find_if(record.ports.begin(), record.ports.end(),
                                    [&](const auto& each) { return each.port == port; });
    return known == record.ports.end() ? record.ports.emplace_back(PortShare{.port = port})
                                       : *known;
}

void insert_by_time(std::vector<Step>& steps, Step step) {
    const auto place = std::upper_bound(steps.begin(), steps.end(), step,
                                        [](const Step& a, const Step& b) { return a.at < b.at; });
    steps.insert(place, std::move(step));
}

}  // namespace

Record record_of(const Incident& incident, const CountsWindow& counts, const std::string& leads_now,
                 Clock::time_point now) {
    Record record = incident.record;
    if (incident.leaderless_since) {
        record.leaderless += std::max(now - *incident.leaderless_since, Clock::duration::zero());
        record.to = leads_now;
    }
    const bool is_new = !record.to.empty() && record.to != record.from;
    record.ports = counts.since_begin(is_new ? record.to : "");
    for (const auto& [port, member] : incident.signs.out)
        share_of(record, port).left.push_back(member);
    for (const auto& step : incident.signs.joined)
        share_of(record, step.port).joined.push_back(step.member);
    if (record.ports.size() > Record::kMostPorts)
        record.ports.resize(Record::kMostPorts);
    if (const auto first = total_of(record).first_session; is_new && first)
        insert_by_time(record.steps, {*first, StepKind::first_session, record.to, {}, {}});
    record.cause = cause_of(incident, leads_now);
    record.words = words_of(incident, record, leads_now);
    record.summary = summary_of(record);
    return record;
}

}  // namespace proxy::history
