#include "support/fakes/cluster_json.h"

#include <gtest/gtest.h>

namespace support {
namespace {

TEST(ClusterJsonTest, LeavesOutWhatIsNotGiven) {
    EXPECT_EQ(ClusterJson().str(), R"({"members": []})");
    EXPECT_EQ(ClusterJson().member({}).member({.name = "p2"}).str(),
              R"({"members": [{}, {"name": "p2"}]})");
}

TEST(ClusterJsonTest, WritesAMemberAsPatroniDoes) {
    const auto body = ClusterJson()
                          .member({.name = "p1",
                                   .role = "leader",
                                   .state = "running",
                                   .api_url = "http://127.0.0.11:8008/patroni",
                                   .host = "127.0.0.11",
                                   .port = 5432,
                                   .timeline = 5,
                                   .lag = 0})
                          .str();
    EXPECT_EQ(body, R"({"members": [{"name": "p1", "role": "leader", "state": "running", )"
                    R"("api_url": "http://127.0.0.11:8008/patroni", "host": "127.0.0.11", )"
                    R"("port": 5432, "timeline": 5, "lag": 0}]})");
}

TEST(ClusterJsonTest, LagTagsAndFurtherKeys) {
    const auto body = ClusterJson()
                          .member({.lag = "unknown",
                                   .tags = {{"nofailover", "true"}, {"zone", "a"}},
                                   .extra = {{"replay_lag", "7"}}})
                          .pause()
                          .scope("a \"b\"")
                          .str();
    EXPECT_EQ(body, R"({"members": [{"tags": {"nofailover": true, "zone": "a"}, "replay_lag": 7, )"
                    R"("lag": "unknown"}], "pause": true, "scope": "a \"b\""})");
}

}  // namespace
}  // namespace support
