#include "daemon/http/http_connections.h"

#include <algorithm>

namespace daemons {

std::optional<int> AwaitedConnections::await(Id id, int fd, const std::string& address,
                                             Clock::time_point deadline) {
    forget(id);
    std::optional<int> pushed_out;
    if (by_id_.size() >= most_) {
        const auto most = std::max_element(
            by_address_.begin(), by_address_.end(),
            [](const auto& a, const auto& b) { return a.second.size() < b.second.size(); });
        pushed_out = take(most, most->second.begin());
    }
    const auto of_address = by_address_.try_emplace(address).first;
    of_address->second.push_back({id, fd, deadline});
    by_id_[id] = {of_address, std::prev(of_address->second.end())};
    return pushed_out;
}

void AwaitedConnections::forget(Id id) {
    if (const auto found = by_id_.find(id); found != by_id_.end())
        take(found->second.address, found->second.one);
}

std::vector<int> AwaitedConnections::take_late(Clock::time_point now) {
    std::vector<int> late;
    for (auto each = by_address_.begin(); each != by_address_.end();) {
        const auto address = each++;  // it goes with its last connection
        auto left = address->second.size();
        while (left-- > 0 && address->second.front().deadline <= now)
            late.push_back(take(address, address->second.begin()));
    }
    return late;
}

int AwaitedConnections::take(ByAddress::iterator address, OfAddress::iterator one) {
    const int fd = one->fd;
    by_id_.erase(one->id);
    address->second.erase(one);
    if (address->second.empty())
        by_address_.erase(address);
    return fd;
}

}  // namespace daemons
