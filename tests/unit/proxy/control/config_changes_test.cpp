#include "patroni_proxy/control/config_changes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace proxy {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

PortConfig port(const std::string& name, const std::string& listen) {
    PortConfig port;
    port.name = name;
    port.listen = {*net::ListenAddress::parse(listen)};
    return port;
}

Config sample() {
    Config config;
    config.clusters.resize(1);
    config.clusters[0].name = "main";
    config.clusters[0].ports = {port("rw", "127.0.0.1:1"), port("ro", "127.0.0.1:2")};
    return config;
}

TEST(ConfigChangesTest, TheSameFileChangesNothing) {
    EXPECT_THAT(config_changes(sample(), sample()), IsEmpty());
}

TEST(ConfigChangesTest, TellsWhatCameWentAndGotAnotherName) {
    auto after = sample();
    after.clusters[0].ports = {port("leader", "127.0.0.1:1"), port("all", "127.0.0.1:3")};
    after.clusters.emplace_back().name = "b";
    EXPECT_THAT(config_changes(sample(), after),
                ElementsAre("cluster b added", "port main/rw renamed to leader",
                            "port main/ro removed", "port main/all added"));
    EXPECT_THAT(config_changes(after, sample()),
                ElementsAre("port main/leader renamed to rw", "port main/all removed",
                            "port main/ro added", "cluster b removed"));
}

TEST(ConfigChangesTest, TellsWhatChangedInPlace) {
    auto after = sample();
    after.clusters[0].ports[0].settings.max_connections = 5;
    after.clusters[0].identity.scope = "other";
    after.workers = 9;
    after.max_connections = 7;
    after.http.control_token = "a token of operators";
    after.control.emplace().mode = 0660;
    after.haproxy.mode = 0660;
    EXPECT_THAT(config_changes(sample(), after),
                ElementsAre("cluster main is followed by other settings", "port main/rw changed",
                            "the HTTP API's settings changed", "control changed",
                            "haproxy_socket changed", "max_connections changed",
                            "workers changed, which takes effect with a restart"));
}

}  // namespace
}  // namespace proxy
