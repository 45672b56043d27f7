// What operators change while the proxy runs: see Control.

#include <memory>
#include <utility>

#include "patroni_proxy/proxy.h"

namespace proxy {

std::vector<std::string> Proxy::members_of(const std::string& cluster) const {
    std::vector<std::string> names;
    if (const auto feed = feeds_.find(cluster); feed != feeds_.end())
        for (const auto& member : feed->second->report().members)
            names.push_back(member.name);
    return names;
}

void Proxy::use_operator_settings() {
    for (const auto& cluster : config_.clusters)
        apply_cluster(cluster, nullptr);
}

void Proxy::when_in_force(std::function<void()> done) {
    // Watchers take their tasks in order: the last one to come to this one posts `done`.
    ping_feeds(std::shared_ptr<void>(
        nullptr, [this, done = std::move(done)](void* /*nothing*/) { main_loop_.post(done); }));
}

}  // namespace proxy
