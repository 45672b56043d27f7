#include "patroni_proxy/host/tally.h"

#include <algorithm>

namespace proxy {
namespace {

void add(SessionEndCounts& sum, const SessionEndCounts& counts) {
    for (std::size_t i = 0; i < counts.size(); ++i)
        sum[i] += counts[i];
}

}  // namespace

void add(PortTally& sum, const PortTally& tally) {
    add(sum.refused, tally.refused);
    sum.queued_total += tally.queued_total;
    sum.held_time += tally.held_time;
    sum.gave_up += tally.gave_up;
    sum.longest_held = std::max(sum.longest_held, tally.longest_held);
    sum.session_time += tally.session_time;
    if (tally.oldest_held)
        sum.oldest_held =
            std::min(*tally.oldest_held, sum.oldest_held.value_or(*tally.oldest_held));
    for (const auto& [name, member] : tally.members) {
        MemberTally& total = sum.members[name];
        total.sessions += member.sessions;
        total.sessions_total += member.sessions_total;
        total.bytes_from_client += member.bytes_from_client;
        total.bytes_from_backend += member.bytes_from_backend;
        total.connect_failures += member.connect_failures;
        add(total.ended, member.ended);
        total.connect_time += member.connect_time;
        total.rate.add(member.rate);
        if (const auto first = member.first_served_at)
            total.first_served_at = std::min(*first, total.first_served_at.value_or(*first));
    }
}

}  // namespace proxy
