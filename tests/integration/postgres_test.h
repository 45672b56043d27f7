#pragma once

#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "fake_cluster.h"
#include "proxy_under_test.h"
#include "support/fakes/cluster_json.h"
#include "support/process/postgres_server.h"

/// A proxy with one port, c/rw, in front of a real PostgreSQL: b1, which leads by its fake Patroni.
class PostgresTest : public testing::Test {
  protected:
    PostgresTest() {
        auto leader = cluster_.member(0, "leader");
        leader.host = server_.ip();
        leader.port = support::PostgresServer::port();
        cluster_.answer_cluster(support::ClusterJson().member(leader).str());
        proxy_.emplace(
            config_top() +
            cluster_.section("c", {{"rw", "roles: [leader], host_port: " +
                                              std::to_string(support::PostgresServer::port())}}));
    }

    [[nodiscard]] std::string port() const { return std::to_string(proxy_->port("c/rw")); }
    [[nodiscard]] std::string conninfo(const std::string& sslmode = "require") const {
        return "host=127.0.0.1 port=" + port() +
               " user=postgres dbname=postgres sslmode=" + sslmode;
    }

    FakeCluster cluster_{1};
    support::PostgresServer server_;
    std::optional<ProxyUnderTest> proxy_;
};
