#include "patroni_proxy/topology/since_times.h"

namespace proxy {

void SinceTimes::note(const std::string& thing, const std::string& what, double now) {
    const auto [found, is_new] = entries_.try_emplace(thing, Entry{what, now});
    Entry& entry = found->second;
    entry.is_noted = true;
    if (entry.what != what)
        entry = {what, now};
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

}  // namespace proxy
