#include "patroni_proxy/host/tally.h"

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
    for (const auto& [name, member] : tally.members) {
        MemberTally& total = sum.members[name];
        total.sessions += member.sessions;
        total.sessions_total += member.sessions_total;
        total.bytes_from_client += member.bytes_from_client;
        total.bytes_from_backend += member.bytes_from_backend;
        total.connect_failures += member.connect_failures;
        add(total.ended, member.ended);
        total.rate.add(member.rate);
    }
}

}  // namespace proxy
