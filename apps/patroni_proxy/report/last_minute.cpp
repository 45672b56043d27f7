#include "patroni_proxy/report/last_minute.h"

#include <utility>

namespace proxy {

PortTimes times_of(const PortTally& tally) {
    PortTimes times;
    times.held = tally.held_time;
    for (const auto& [name, member] : tally.members)
        times.connect += member.connect_time;
    return times;
}

void LastMinute::add(Clock::time_point at, std::map<std::string, PortTimes> times) {
    if (!copies_.empty() && at - copies_.back().at < kStep)
        return;
    copies_.push_back({at, std::move(times)});
    if (copies_.size() > kCopies)
        copies_.pop_front();
}

PortTimes LastMinute::since(const std::string& port, const PortTimes& now) const {
    PortTimes times = now;
    if (copies_.empty())
        return times;
    if (const auto before = copies_.front().times.find(port);
        before != copies_.front().times.end()) {
        times.connect -= before->second.connect;
        times.held -= before->second.held;
    }
    return times;
}

}  // namespace proxy
