#include "daemon/http/http_connections.h"

#include <algorithm>
#include <utility>

namespace daemons {

std::vector<int> AwaitedConnections::await(Id id, int fd, const std::string& address,
                                           Clock::time_point deadline, std::size_t bytes) {
    forget(id);
    std::vector<int> pushed_out;
    if (by_id_.size() >= most_)
        pushed_out.push_back(take(oldest_of_most_connections()));
    while (bytes_ != 0 && bytes_ + bytes > most_bytes_)
        pushed_out.push_back(take(oldest_of_most_bytes()));
    const auto place = by_address_.try_emplace(address).first;
    OfAddress& of_address = place->second;
    of_address.all.push_back({id, fd, deadline, bytes});
    of_address.bytes += bytes;
    bytes_ += bytes;
    by_id_[id] = {place, std::prev(of_address.all.end())};
    return pushed_out;
}

AwaitedConnections::Place AwaitedConnections::oldest_of_most_connections() {
    const auto most = std::max_element(
        by_address_.begin(), by_address_.end(),
        [](const auto& a, const auto& b) { return a.second.all.size() < b.second.all.size(); });
    return {most, most->second.all.begin()};
}

AwaitedConnections::Place AwaitedConnections::oldest_of_most_bytes() {
    const auto most = std::max_element(
        by_address_.begin(), by_address_.end(),
        [](const auto& a, const auto& b) { return a.second.bytes < b.second.bytes; });
    auto& all = most->second.all;
    return {most, std::find_if(all.begin(), all.end(),
                               [](const Awaited& each) { return each.bytes != 0; })};
}

void AwaitedConnections::forget(Id id) {
    if (const auto found = by_id_.find(id); found != by_id_.end())
        take(found->second);
}

std::vector<int> AwaitedConnections::take_late(Clock::time_point now) {
    std::vector<int> late;
    for (auto each = by_address_.begin(); each != by_address_.end();) {
        const auto address = each++;  // it goes with its last connection
        auto& all = address->second.all;
        for (auto left = all.size(); left > 0 && all.front().deadline <= now; --left)
            late.push_back(take({address, all.begin()}));
    }
    return late;
}

int AwaitedConnections::take(Place place) {
    const Awaited taken = *place.one;
    OfAddress& of_address = place.address->second;
    by_id_.erase(taken.id);
    of_address.all.erase(place.one);
    of_address.bytes -= taken.bytes;
    bytes_ -= taken.bytes;
    if (of_address.all.empty())
        by_address_.erase(place.address);
    return taken.fd;
}

}  // namespace daemons
