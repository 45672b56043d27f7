#include "patroni_proxy/topology/since_times.h"

#include <algorithm>

namespace proxy {

double SinceTimes::Entry::down_for(double now) const {
    return down_before + (is_down ? std::max(0.0, now - since) : 0.0);
}

void SinceTimes::note(const std::string& thing, const std::string& what, double now, bool is_down) {
    const auto [found, is_new] = entries_.try_emplace(thing, Entry{what, now, is_down});
    Entry& entry = found->second;
    entry.is_noted = true;
    if (entry.what != what)
        entry = {what, now, is_down, entry.down_for(now)};
}

void SinceTimes::forget_others() {
    std::erase_if(entries_, [](const auto& entry) { return !entry.second.is_noted; });
    for (auto& [thing, entry] : entries_)
        entry.is_noted = false;
}

std::optional<double> SinceTimes::of(const std::string& thing) const {
    const auto found = entries_.find(thing);
    return found == entries_.end() ? std::nullopt : std::optional(found->second.since);
}

std::optional<double> SinceTimes::down_for(const std::string& thing, double now) const {
    const auto found = entries_.find(thing);
    return found == entries_.end() ? std::nullopt : std::optional(found->second.down_for(now));
}

}  // namespace proxy
