#include "patroni_proxy/topology/whereabouts.h"

#include <algorithm>
#include <iterator>
#include <sys/socket.h>

#include "patroni/verdict/evidence.h"

namespace proxy {
namespace {

using patroni::ResolvePrefer;

constexpr auto kConfirmAfter = patroni::Evidence::kConfirmAfter;

bool among(const std::vector<BackendPtr>& backends, const BackendPtr& backend) {
    return std::find(backends.begin(), backends.end(), backend) != backends.end();
}

bool is_preferred(const BackendPtr& backend, ResolvePrefer prefer) {
    return (backend->address.family() == AF_INET6) == (prefer == ResolvePrefer::ipv6);
}

}  // namespace

void Whereabouts::found(patroni::Clock::time_point told_at, patroni::Clock::time_point looked_up_at,
                        const std::vector<BackendPtr>& backends, ResolvePrefer prefer,
                        bool is_whole) {
    if (is_whole)
        latest_ = std::max(latest_, std::min(told_at, looked_up_at));
    const bool is_address = looked_up_at == patroni::Clock::time_point::max();
    note_left(is_address ? told_at : std::max(told_at, looked_up_at), backends);
    std::vector<BackendPtr> ordered;
    std::copy_if(current_.begin(), current_.end(), std::back_inserter(ordered),
                 [&](const auto& each) { return among(backends, each); });
    std::copy_if(backends.begin(), backends.end(), std::back_inserter(ordered),
                 [&](const auto& each) { return !among(ordered, each); });
    if (prefer != ResolvePrefer::any)
        std::stable_partition(ordered.begin(), ordered.end(),
                              [=](const auto& each) { return is_preferred(each, prefer); });
    current_ = std::move(ordered);
}

/// `since`: the time of the newer of the two answers, since the older one does not show it yet.
void Whereabouts::note_left(patroni::Clock::time_point since,
                            const std::vector<BackendPtr>& backends) {
    for (const auto& each : current_)
        if (!among(backends, each))
            left_.push_back({each, since});
    // A backend without sessions need not be kept, except that a client may still be on its way to
    // it by the previous table.
    std::erase_if(left_, [&](const Left& each) {
        return among(backends, each.backend) ||
               (latest_ - each.since >= kConfirmAfter &&
                each.backend->connections.load(std::memory_order_relaxed) == 0);
    });
}

std::vector<BackendPtr> Whereabouts::left(patroni::Clock::duration removal_grace) const {
    std::vector<BackendPtr> backends;
    for (const auto& each : left_)
        if (latest_ - each.since < kConfirmAfter + removal_grace)
            backends.push_back(each.backend);
    return backends;
}

std::string addresses_of(const std::vector<BackendPtr>& backends) {
    std::string text;
    for (const auto& backend : backends)
        text.append(text.empty() ? "" : ", ").append(backend->address.to_string());
    return text;
}

}  // namespace proxy
