// Whom to ask, and what an answer changes: whole courses of events, in no time.

#include "poller.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "polled_world.h"

namespace patroni {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

/// A cluster as its members tell of it.
struct Told {
    std::string scope = "main";
    std::string system = "111";  ///< empty: not told
    std::string net = "10.0.0.";
    std::vector<std::string> members = {"p1", "p2", "p3"};
    std::string leader = "p1";
    std::map<std::string, std::string> api_urls = {};  ///< where they are not their own

    [[nodiscard]] std::string url_of(const std::string& member) const {
        return "http://" + net + member.substr(1) + ":8008";
    }
    [[nodiscard]] HttpReply cluster(const std::string& named) const {
        std::string list;
        for (const auto& member : members) {
            const auto api = api_urls.find(member);
            list += (list.empty() ? "" : ", ") + std::string(R"({"name": ")") + member +
                    R"(", "role": ")" + (member == named ? "leader" : "replica") +
                    R"(", "state": "running", "timeline": 1, "port": 5432, "host": ")" + net +
                    member.substr(1) + R"(", "api_url": ")" +
                    (api == api_urls.end() ? url_of(member) : api->second) + R"(/patroni"})";
        }
        return {200, "OK",
                R"({"members": [)" + list + "]" +
                    (scope.empty() ? "" : R"(, "scope": ")" + scope + '"') + "}"};
    }
    [[nodiscard]] HttpReply own_word(const std::string& member) const {
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
            return path == "/cluster" ? cluster(leader) : own_word(member);
        };
    }
    void serve(PolledWorld& world) const {
        for (const auto& member : members)
            world.apis[url_of(member)] = api_of(member);
    }
};

ClusterWatcher::Settings asking(const std::vector<std::string>& urls) {
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

// ---------------------------------------------------------------------------------------------
// A stale view

TEST_F(PollerTest, AHostWhoseViewIsStaleHoldsNobody) {
    PolledWorld world(asking(all()));
    mine.serve(world);
    world.apis[mine.url_of("p1")] = [this](const std::string& path) -> std::optional<HttpReply> {
        return path == "/cluster" ? mine.cluster("p1") : mine.own_word("p1");
    };
    world.run_for(5s);
    ASSERT_EQ(world.leader().member, "p1");
    mine.leader = "p2";
    world.run_for(2s);
    EXPECT_EQ(world.leader().member, "p2") << world.leader().reason;
    EXPECT_EQ(world.leader().standing, Standing::eligible);
    // And who knew better is kept.
    const auto asked = world.asked(mine.url_of("p1"), "/cluster");
    world.run_for(60s);
    EXPECT_EQ(world.asked(mine.url_of("p1"), "/cluster"), asked);
    EXPECT_EQ(world.leader().member, "p2");
}

TEST_F(PollerTest, ASingleHostWhoseViewIsStaleHoldsNobodyEither) {
    PolledWorld world(asking({mine.url_of("p1")}));
    mine.serve(world);
    world.apis[mine.url_of("p1")] = [this](const std::string& path) -> std::optional<HttpReply> {
        return path == "/cluster" ? mine.cluster("p1") : mine.own_word("p1");
    };
    world.run_for(5s);
    mine.leader = "p2";
    world.run_for(2s);
    EXPECT_EQ(world.leader().member, "p2") << world.leader().reason;
}

}  // namespace
}  // namespace patroni
