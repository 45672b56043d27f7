#pragma once

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "polled_world.h"

namespace patroni::poller_tests {

using namespace std::chrono_literals;

/// A cluster as its members tell of it.
struct Told {
    std::string scope = "main";
    std::string system = "111";  ///< empty: not told
    std::string net = "10.0.0.";
    std::vector<std::string> members = {"p1", "p2", "p3"};
    std::string leader = "p1";
    std::map<std::string, std::string> api_urls = {};  ///< where they are not their own
    std::map<std::string, std::string> hosts = {};     ///< of members that are not in `net`

    [[nodiscard]] std::string url_of(const std::string& member) const {
        return "http://" + net + member.substr(1) + ":8008";
    }
    [[nodiscard]] HttpReply cluster(const std::string& named) const {
        std::string list;
        for (const auto& member : members) {
            const auto api = api_urls.find(member);
            const auto host = hosts.find(member);
            list += (list.empty() ? "" : ", ") + std::string(R"({"name": ")") + member +
                    R"(", "role": ")" + (member == named ? "leader" : "replica") +
                    R"(", "state": "running", "timeline": 1, "port": 5432, "host": ")" +
                    (host == hosts.end() ? net + member.substr(1) : host->second) +
                    R"(", "api_url": ")" + (api == api_urls.end() ? url_of(member) : api->second) +
                    R"(/patroni"})";
        }
        return {200, "OK",
                R"({"members": [)" + list + "]" +
                    (scope.empty() ? "" : R"(, "scope": ")" + scope + '"') + "}"};
    }
    [[nodiscard]] HttpReply self_report(const std::string& member) const {
        const bool leads = member == leader;
        return {leads ? 200 : 503, leads ? "OK" : "Service Unavailable",
                std::string(R"({"state": "running", "timeline": 1, "role": ")") +
                    (leads ? "primary" : "replica") + '"' +
                    (system.empty() ? "" : R"(, "database_system_identifier": ")" + system + '"') +
                    R"(, "patroni": {"version": "4.0.5", "scope": ")" + scope + R"(", "name": ")" +
                    member + R"("}})"};
    }
    [[nodiscard]] PolledWorld::Api api_of(const std::string& member) const {
        return [this, member](const std::string& path) -> std::optional<HttpReply> {
            return path == "/cluster" ? cluster(leader) : self_report(member);
        };
    }
    void serve(PolledWorld& world) const {
        for (const auto& member : members)
            world.apis[url_of(member)] = api_of(member);
    }
};

inline ClusterWatcher::Settings asking(const std::vector<std::string>& urls) {
    ClusterWatcher::Settings settings;
    for (const auto& url : urls)
        settings.hosts.push_back(Endpoint::parse(url).value());
    settings.interval = 1s;
    return settings;
}

class PollerTest : public testing::Test {
  protected:
    [[nodiscard]] std::vector<std::string> all() const {
        std::vector<std::string> urls;
        for (const auto& member : mine.members)
            urls.push_back(mine.url_of(member));
        return urls;
    }

    Told mine;
};

/// Another cluster at other addresses, alike in scope and names but for the system identifier.
class TwinPollerTest : public PollerTest {
  protected:
    TwinPollerTest() {
        twin.system = "222";
        twin.net = "10.9.0.";
    }
    /// GET /cluster of the twin, through a host that is else what it was.
    static PolledWorld::Api answering_for(const Told& told, PolledWorld::Api api) {
        return [&told, api = std::move(api)](const std::string& path) {
            return path == "/cluster" ? told.cluster(told.leader) : api(path);
        };
    }
    static bool ever_led_elsewhere(const PolledWorld& world) {
        return std::any_of(world.views.begin(), world.views.end(), [](const ClusterView& view) {
            return view.leader.standing == Standing::eligible &&
                   view.leader.details.host != "10.0.0.1";
        });
    }

    Told twin;
    const std::string vip = "http://10.0.0.100:8008";
};

}  // namespace patroni::poller_tests
