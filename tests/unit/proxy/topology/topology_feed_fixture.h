#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "patroni_proxy/topology/topology_feed.h"
#include "support/fakes/cluster_json.h"
#include "support/fakes/fake_patroni.h"
#include "support/wait.h"

namespace proxy {

inline std::string text_of(const std::vector<BackendPtr>& backends) {
    std::string text;
    for (const auto& backend : backends)
        text += (text.empty() ? "" : ", ") + backend->member + " " + backend->address.to_string();
    return text;
}

inline PortConfig port_for(const std::string& name, std::set<patroni::RequestedRole> roles,
                           std::optional<std::uint16_t> host_port) {
    PortConfig port;
    port.name = name;
    port.wanted.roles = std::move(roles);
    port.host_port = host_port;
    return port;
}

/// A feed for one cluster with a leader's port (0), a standbys' port (1) and one for all (2), and
/// what it published.
class TopologyFeedTest : public testing::Test {
  protected:
    static support::ClusterMember leader(const std::string& name, const std::string& host) {
        return {.name = name, .role = "leader", .state = "running", .host = host, .port = 5432};
    }
    static support::ClusterMember replica(const std::string& name, const std::string& host) {
        return {.name = name,
                .role = "replica",
                .state = "streaming",
                .host = host,
                .port = 5432,
                .lag = 0};
    }

    TopologyFeedTest() {
        patroni_.answer_as_replica();
        answer({leader("p1", "127.0.0.11"), replica("p2", "127.0.0.12")});
    }

    /// From now on Patroni names these members, and their self-reports agree.
    void answer(std::vector<support::ClusterMember> members) {
        for (const auto& [name, api] : apis_)
            says(name, "replica");
        support::ClusterJson json;
        for (auto& member : members) {
            says(*member.name, member.role == "leader" ? "primary" : "replica");
            member.api_url = apis_[*member.name]->url() + "/patroni";
            json.member(member);
        }
        patroni_.answer_cluster(json.str());
    }
    /// What a member answers to GET /primary.
    void says(const std::string& member, const std::string& role) {
        auto& api = apis_[member];
        if (!api)
            api = std::make_unique<support::FakePatroni>();
        api->answer("/primary", {.status = role == "primary" ? 200 : 503,
                                 .body = R"({"state": "running", "role": ")" + role + "\"}"});
    }

    [[nodiscard]] ClusterConfig config() const {
        ClusterConfig config;
        config.name = "main";
        config.hosts = {patroni::Endpoint::parse(patroni_.url()).value()};
        config.resolve_prefer = patroni::ResolvePrefer::ipv4;
        config.ports = {
            port_for("rw", {patroni::RequestedRole::leader}, 5432),
            port_for("ro", {patroni::RequestedRole::sync, patroni::RequestedRole::async}, 6543),
            port_for("all", {patroni::RequestedRole::any}, 5432),
        };
        return config;
    }

    /// The ports of `config`, numbered from 0 on.
    static TopologyFeed::Settings settings(const ClusterConfig& config,
                                           std::chrono::milliseconds interval) {
        TopologyFeed::Settings settings{config, interval, {}};
        for (const auto& port : config.ports)
            settings.ports.push_back({static_cast<PortId>(settings.ports.size()), port});
        return settings;
    }

    TopologyFeed::Publish publish() {
        return [this](PortId port, const BackendTablePtr& table) {
            const std::lock_guard lock(mutex_);
            tables_[port] = table;
            ++published_;
            changed_.notify_all();
        };
    }

    /// Asks the cluster now; the error, or nothing.
    static std::string update(TopologyFeed& feed) {
        std::promise<std::string> done;
        feed.update_now([&](const std::string& error) { done.set_value(error); });
        return done.get_future().get();
    }

    /// Returns once the new settings are in force.
    static void reconfigure(TopologyFeed& feed, const TopologyFeed::Settings& settings) {
        std::promise<void> applied;
        feed.reconfigure(settings, [&] { applied.set_value(); });
        applied.get_future().get();
    }

    BackendTablePtr table(PortId port) {
        const std::lock_guard lock(mutex_);
        return tables_[port];
    }
    std::size_t published() {
        const std::lock_guard lock(mutex_);
        return published_;
    }
    /// "p1 127.0.0.11:5432, ..."
    std::string eligible(PortId port) { return text_of(table(port)->eligible); }
    std::string tolerated(PortId port) { return text_of(table(port)->tolerated); }
    void wait_for(PortId port, const std::function<bool(const BackendTable&)>& condition,
                  const std::string& what) {
        std::unique_lock lock(mutex_);
        support::wait_until(
            lock, changed_, support::default_timeout,
            [&] { return tables_[port] && condition(*tables_[port]); }, what,
            [&] { return tables_[port] ? text_of(tables_[port]->eligible) : "no table"; });
    }
    void wait_for_eligible(PortId port, const std::string& text) {
        wait_for(
            port, [&](const BackendTable& table) { return text_of(table.eligible) == text; },
            "eligible: " + text);
    }
    BackendPtr only_backend(PortId port) {
        const auto its_table = table(port);
        EXPECT_EQ(its_table->eligible.size(), 1U);
        return its_table->eligible.at(0);
    }

    support::FakePatroni patroni_;

  private:
    std::map<std::string, std::unique_ptr<support::FakePatroni>> apis_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::map<PortId, BackendTablePtr> tables_;
    std::size_t published_ = 0;
};

inline constexpr std::chrono::hours kNever{
    1};  // rounds begin with update() only, but for the first

}  // namespace proxy
