#include "patroni/watch/host_order.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace patroni {
namespace {

constexpr std::chrono::seconds kLastFor{10};

}  // namespace

bool is_among(const std::vector<Endpoint>& hosts, const Endpoint& host) {
    return std::find(hosts.begin(), hosts.end(), host) != hosts.end();
}

HostOrder::HostOrder(std::vector<Endpoint> hosts, std::size_t first) : hosts_(std::move(hosts)) {
    std::rotate(hosts_.begin(), hosts_.begin() + static_cast<std::ptrdiff_t>(first), hosts_.end());
}

std::vector<Endpoint> HostOrder::at(Clock::time_point now, const ClusterSnapshot* snapshot) {
    std::vector<Endpoint> order = hosts_;
    if (snapshot)
        for (const auto& member : snapshot->members)
            if (const auto api = Endpoint::of_api_url(member.api_url))
                if (!is_among(order, api.value()))
                    order.push_back(api.value());
    std::erase_if(last_until_, [=](const auto& entry) { return entry.second <= now; });
    std::stable_partition(order.begin(), order.end(), [this](const Endpoint& host) {
        return !last_until_.contains(host.url());
    });
    return order;
}

void HostOrder::answered(const Endpoint& host) {
    last_until_.erase(host.url());
    if (const auto found = std::find(hosts_.begin(), hosts_.end(), host); found != hosts_.end())
        std::rotate(hosts_.begin(), found, hosts_.end());
}

void HostOrder::pass_over(const Endpoint& host, Clock::time_point now) {
    if (hosts_.size() == 1)
        put_last(host, now);
    else if (hosts_.front() == host)
        std::rotate(hosts_.begin(), hosts_.begin() + 1, hosts_.end());
}

void HostOrder::put_last(const Endpoint& host, Clock::time_point now) {
    last_until_[host.url()] = now + kLastFor;
}

}  // namespace patroni
