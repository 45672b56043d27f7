// What real clusters answered, judged: against the status codes of their own endpoints at the same
// moment, and for every captured GET /cluster in words.

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <Poco/JSON/Array.h>
#include <Poco/JSON/Object.h>
#include <Poco/JSON/Parser.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "captured.h"
#include "patroni/answers/cluster_parser.h"
#include "patroni/answers/primary_parser.h"
#include "patroni/verdict/evidence.h"
#include "patroni/verdict/judge.h"

namespace patroni {
namespace {

using namespace std::chrono_literals;

constexpr Clock::time_point kThen{1h};

Requirements wanting_role(RequestedRole role) {
    Requirements wanted;
    wanted.roles = {role};
    return wanted;
}

std::optional<ClusterSnapshot> snapshot_of(const std::string& name) {
    const std::string body = captured("cluster", name);
    if (body.empty())  // the server closed without answering
        return std::nullopt;
    return parse_cluster(body).value();
}

// ---------------------------------------------------------------------------------------------
// Against Patroni's own endpoints

struct Status {
    int code = 0;
    std::string body;
};
/// By member and path: of the GET requests of one case.
using Endpoints = std::map<std::pair<std::string, std::string>, Status>;

Endpoints endpoints_of(const std::string& name) {
    Endpoints endpoints;
    Poco::JSON::Parser parser;
    const auto list = parser.parse(captured("endpoints", name)).extract<Poco::JSON::Array::Ptr>();
    for (const auto& element : *list) {
        const auto entry = element.extract<Poco::JSON::Object::Ptr>();
        const auto request = entry->getValue<std::string>("request");
        if (!request.starts_with("GET "))
            continue;
        const std::string path = request.substr(4, request.rfind(' ') - 4);
        endpoints[{entry->getValue<std::string>("node"), path}] = {
            entry->optValue<int>("status", 0), entry->optValue<std::string>("body", "")};
    }
    return endpoints;
}

/// What a proxy knows at that moment. A leader whose own answer was not captured is as one whose
/// API cannot be reached.
ClusterView view_of(const std::string& name, const Endpoints& endpoints) {
    Evidence evidence;
    const auto snapshot = snapshot_of(name);
    if (!snapshot)
        return evidence.view();
    evidence.observe({kThen, ClusterAnswer{std::make_shared<const ClusterSnapshot>(*snapshot)}});
    for (const auto& member : evidence.leaders_to_ask()) {
        const auto found = endpoints.find({member, "/primary"});
        if (found == endpoints.end())
            evidence.observe({kThen, PrimarySilence{member, "not captured"}});
        else
            evidence.observe(
                {kThen, parse_primary(member, found->second.code, found->second.body).value()});
    }
    return evidence.view();
}

bool eligible(const std::vector<Verdict>& verdicts, const std::string& member) {
    return std::any_of(verdicts.begin(), verdicts.end(), [&](const Verdict& each) {
        return each.member->name == member && each.standing == Standing::eligible;
    });
}

/// Where the verdict is another than the endpoint's status, and is meant to be.
const std::set<std::tuple<std::string, std::string, std::string>> kIntendedDifferences{
    // Patroni says 200 for a diverged replica: its data are of another history than the leader's.
    {"3.0.2/replica-diverged-stuck-on-old-timeline", "p1", "/replica"},
    {"3.0.2/replica-diverged-stuck-on-old-timeline", "p1", "/async"},
    {"3.0.2/replica-diverged-stuck-on-old-timeline", "p1", "/read-only"},
    // `async` promises what no commit waits for from this very member, and that is true of each
    // member of a quorum; Patroni's /async leaves them out.
    {"4.0.7/quorum-mode", "p2", "/async"},
    {"4.0.7/quorum-mode", "p3", "/async"},
    {"4.1.4/quorum-mode", "p2", "/async"},
    {"4.1.4/quorum-mode", "p3", "/async"},
    {"4.1.5/quorum-mode", "p2", "/async"},
    {"4.1.5/quorum-mode", "p3", "/async"},
    // A new leader that is still being promoted, by its own word: Patroni's /primary goes by the
    // lock.
    {"4.0.7/switchover-6", "p2", "/primary"},
    {"4.1.5/switchover-6", "p2", "/primary"},
    // GET /cluster was not answered, so that nothing is known of anybody: a proxy that starts now
    // serves nothing, and one that runs keeps the last verdict.
    {"3.0.2/dcs-down", "p1", "/replica"},
    {"3.0.2/dcs-down", "p1", "/read-only"},
    {"3.0.2/dcs-down", "p3", "/replica"},
    {"3.0.2/dcs-down", "p3", "/read-only"},
};

TEST(CapturedAnswersTest, VerdictsAreThoseOfPatronisOwnEndpoints) {
    const std::vector<std::pair<std::string, RequestedRole>> paths{
        {"/replica", RequestedRole::replica}, {"/sync", RequestedRole::sync},
        {"/async", RequestedRole::async},     {"/quorum", RequestedRole::quorum},
        {"/read-only", RequestedRole::any},   {"/primary", RequestedRole::leader}};
    auto differences = kIntendedDifferences;
    std::size_t compared = 0;
    for (const auto& name : captured_cases("endpoints")) {
        const auto endpoints = endpoints_of(name);
        const auto view = view_of(name, endpoints);
        for (const auto& [path, role] : paths) {
            const auto verdicts = Judge(wanting_role(role)).judge(view);
            for (const auto& [member_and_path, status] : endpoints) {
                const auto& [member, its_path] = member_and_path;
                if (its_path != path)
                    continue;
                ++compared;
                const bool differs = differences.erase({name, member, path}) > 0;
                EXPECT_EQ(eligible(verdicts, member), (status.code == 200) != differs)
                    << name << ": " << member << " answers " << status.code << " to " << path;
            }
        }
    }
    EXPECT_TRUE(differences.empty()) << "not captured, or not different";
    // 33 cases with one to three members each, six paths a member; 20 steps of switchovers.
    EXPECT_GE(compared, 6 * 33U + 3 * 20U);
}

// ---------------------------------------------------------------------------------------------
// In words

/// Whether the leader's own API could be reached when the answer was captured.
bool leader_is_frozen(const std::string& name) {
    return name.ends_with("/leader-patroni-frozen");
}

/// "p1 yes: leader; p2 no: role is replica", of the first answer a proxy gets. Every leader proves
/// itself but where its API was frozen.
std::string verdicts_of(const std::string& name, RequestedRole role,
                        std::optional<std::uint64_t> max_lag = std::nullopt) {
    Evidence evidence;
    evidence.observe(
        {kThen, ClusterAnswer{std::make_shared<const ClusterSnapshot>(*snapshot_of(name))}});
    for (const auto& member : evidence.leaders_to_ask())
        if (leader_is_frozen(name))
            evidence.observe({kThen, PrimarySilence{member, "timed out"}});
        else
            evidence.observe(
                {kThen, PrimaryAnswer{member, 200, "primary", "running", std::nullopt, false}});
    auto wanted = wanting_role(role);
    wanted.max_lag = max_lag;
    std::string text;
    for (const auto& verdict : Judge(wanted).judge(evidence.view())) {
        EXPECT_NE(verdict.standing, Standing::tolerated) << name;
        text += (text.empty() ? "" : "; ") + verdict.member->name +
                (verdict.standing == Standing::eligible ? " yes: " : " no: ") + verdict.reason;
    }
    return text;
}

struct Golden {
    std::vector<std::string> cases;
    std::string leader;
    std::string sync;
    std::string async;
    std::string any;
};

const std::vector<Golden> kGolden{
    {{"3.0.2/single-node"},
     "p1 yes: leader",
     "p1 no: it is the leader",
     "p1 no: it is the leader",
     "p1 yes: leader"},
    // Without a lag limit a lagging replica is as good as another; with one, see below.
    {{"3.0.2/async-normal", "3.0.2/receive-paused-lagging", "3.0.2/replay-paused-lagging",
      "3.0.2/tls-none", "3.0.2/tls-optional", "3.0.2/tls-required", "4.1.4/async-normal",
      "4.1.4/pending-restart", "4.1.4/receive-paused-lagging", "4.1.4/replay-paused-lagging",
      "4.1.4/scheduled-switchover", "4.0.7/async-normal", "4.1.5/async-normal",
      "4.0.7/replay-paused-lagging", "4.1.5/replay-paused-lagging", "4.0.7/switchover-1",
      "4.1.5/switchover-1"},
     "p1 yes: leader; p2 no: role is replica; p3 no: role is replica",
     "p1 no: it is the leader; p2 no: role is replica; p3 no: role is replica",
     "p1 no: it is the leader; p2 yes: replica; p3 yes: replica",
     "p1 yes: leader; p2 yes: replica; p3 yes: replica"},
    // A switchover: the leader shuts down, and until it says so itself nothing else is known of it.
    {{"4.0.7/switchover-2", "4.1.5/switchover-2"},
     "p1 yes: leader; p2 no: role is replica; p3 no: role is replica",
     "p1 no: it is the leader; p2 no: role is replica; p3 no: role is replica",
     "p1 no: it is the leader; p2 yes: replica; p3 yes: replica",
     "p1 yes: leader; p2 yes: replica; p3 yes: replica"},
    // Then nobody leads.
    {{"4.0.7/switchover-3", "4.1.5/switchover-3", "4.0.7/switchover-4", "4.1.5/switchover-4"},
     "p1 no: role is replica; p2 no: role is replica; p3 no: role is replica",
     "p1 no: role is replica; p2 no: role is replica; p3 no: role is replica",
     "p1 yes: replica; p2 yes: replica; p3 yes: replica",
     "p1 yes: replica; p2 yes: replica; p3 yes: replica"},
    {{"4.0.7/switchover-5", "4.1.5/switchover-5"},
     "p1 no: state is stopped; p2 no: role is replica; p3 no: role is replica",
     "p1 no: state is stopped; p2 no: role is replica; p3 no: role is replica",
     "p1 no: state is stopped; p2 yes: replica; p3 yes: replica",
     "p1 no: state is stopped; p2 yes: replica; p3 yes: replica"},
    // Then p2 does, p3 follows onto its timeline, and p1 comes back.
    {{"4.0.7/switchover-6", "4.1.5/switchover-6", "4.0.7/switchover-8", "4.1.5/switchover-8"},
     "p1 no: state is stopped; p2 yes: leader; p3 no: role is replica",
     "p1 no: state is stopped; p2 no: it is the leader; p3 no: role is replica",
     "p1 no: state is stopped; p2 no: it is the leader; p3 yes: replica",
     "p1 no: state is stopped; p2 yes: leader; p3 yes: replica"},
    {{"4.0.7/switchover-7", "4.1.5/switchover-7"},
     "p1 no: state is stopped; p2 yes: leader; p3 no: role is replica",
     "p1 no: state is stopped; p2 no: it is the leader; p3 no: role is replica",
     "p1 no: state is stopped; p2 no: it is the leader; p3 no: on timeline 1, the leader is on 2",
     "p1 no: state is stopped; p2 yes: leader; p3 no: on timeline 1, the leader is on 2"},
    {{"4.0.7/switchover-9", "4.1.5/switchover-9"},
     "p1 no: state is starting; p2 yes: leader; p3 no: role is replica",
     "p1 no: state is starting; p2 no: it is the leader; p3 no: role is replica",
     "p1 no: state is starting; p2 no: it is the leader; p3 yes: replica",
     "p1 no: state is starting; p2 yes: leader; p3 yes: replica"},
    // The leader of a standby cluster takes no writes.
    {{"4.0.7/standby-cluster", "4.1.5/standby-cluster"},
     "p1 no: role is standby_leader; p2 no: role is replica; p3 no: role is replica",
     "p1 no: role is standby_leader; p2 no: role is replica; p3 no: role is replica",
     "p1 no: role is standby_leader; p2 yes: replica; p3 yes: replica",
     "p1 yes: standby_leader; p2 yes: replica; p3 yes: replica"},
    // Where a replica's PostgreSQL died while its Patroni was frozen, nothing tells: sessions find
    // out by themselves.
    {{"3.0.2/paused", "3.0.2/pending-restart", "3.0.2/replica-postgres-dead-patroni-frozen",
      "3.0.2/scheduled-switchover", "4.1.4/paused", "4.1.4/replica-postgres-dead-patroni-frozen",
      "4.0.7/switchover-10", "4.1.5/switchover-10"},
     "p1 no: role is replica; p2 yes: leader; p3 no: role is replica",
     "p1 no: role is replica; p2 no: it is the leader; p3 no: role is replica",
     "p1 yes: replica; p2 no: it is the leader; p3 yes: replica",
     "p1 yes: replica; p2 yes: leader; p3 yes: replica"},
    {{"3.0.2/leader-patroni-frozen", "4.1.4/leader-patroni-frozen"},
     "p1 no: role is replica; "
     "p2 yes: leader by /cluster alone: its API does not answer: timed out; p3 no: role is replica",
     "p1 no: role is replica; p2 no: it is the leader; p3 no: role is replica",
     "p1 yes: replica; p2 no: it is the leader; p3 yes: replica",
     "p1 yes: replica; p2 yes: leader by /cluster alone: its API does not answer: timed out; "
     "p3 yes: replica"},
    {{"3.0.2/leader-patroni-frozen-after-ttl"},
     "p1 no: role is replica; p3 yes: leader",
     "p1 no: role is replica; p3 no: it is the leader",
     "p1 yes: replica; p3 no: it is the leader",
     "p1 yes: replica; p3 yes: leader"},
    {{"4.1.4/leader-patroni-frozen-after-ttl"},
     "p1 yes: leader; p3 no: role is replica",
     "p1 no: it is the leader; p3 no: role is replica",
     "p1 no: it is the leader; p3 yes: replica",
     "p1 yes: leader; p3 yes: replica"},
    {{"3.0.2/replica-stopped-key-expired", "4.1.4/replica-stopped-key-expired"},
     "p1 yes: leader; p2 no: role is replica",
     "p1 no: it is the leader; p2 no: role is replica",
     "p1 no: it is the leader; p2 yes: replica",
     "p1 yes: leader; p2 yes: replica"},
    // p2 still runs as a primary and has lost its key; a proxy that knew it before keeps it.
    {{"3.0.2/paused-leader-key-expired-no-leader", "4.1.4/paused-leader-key-expired-no-leader"},
     "p1 no: role is replica; p3 no: role is replica",
     "p1 no: role is replica; p3 no: role is replica",
     "p1 yes: replica; p3 yes: replica",
     "p1 yes: replica; p3 yes: replica"},
    {{"3.0.2/replica-crashed", "4.1.4/replica-crashed"},
     "p1 no: state is crashed; p2 yes: leader; p3 no: role is replica",
     "p1 no: state is crashed; p2 no: it is the leader; p3 no: role is replica",
     "p1 no: state is crashed; p2 no: it is the leader; p3 yes: replica",
     "p1 no: state is crashed; p2 yes: leader; p3 yes: replica"},
    {{"3.0.2/replica-start-failed", "3.0.2/replica-starting", "4.1.4/replica-start-failed",
      "4.1.4/replica-starting"},
     "p1 no: state is starting; p2 yes: leader; p3 no: role is replica",
     "p1 no: state is starting; p2 no: it is the leader; p3 no: role is replica",
     "p1 no: state is starting; p2 no: it is the leader; p3 yes: replica",
     "p1 no: state is starting; p2 yes: leader; p3 yes: replica"},
    {{"3.0.2/replica-stopped", "4.1.4/replica-stopped"},
     "p1 yes: leader; p2 no: role is replica; p3 no: state is stopped",
     "p1 no: it is the leader; p2 no: role is replica; p3 no: state is stopped",
     "p1 no: it is the leader; p2 yes: replica; p3 no: state is stopped",
     "p1 yes: leader; p2 yes: replica; p3 no: state is stopped"},
    {{"3.0.2/replica-diverged-stuck-on-old-timeline"},
     "p1 no: role is replica; p2 no: role is replica; p3 yes: leader",
     "p1 no: role is replica; p2 no: role is replica; p3 no: it is the leader",
     "p1 no: on timeline 4, the leader is on 5; p2 yes: replica; p3 no: it is the leader",
     "p1 no: on timeline 4, the leader is on 5; p2 yes: replica; p3 yes: leader"},
    {{"3.0.2/sync-mode", "4.1.4/sync-mode", "4.1.5/sync-mode", "4.1.5/paused"},
     "p1 yes: leader; p2 no: role is replica; p3 no: role is sync_standby",
     "p1 no: it is the leader; p2 no: role is replica; p3 yes: sync_standby",
     "p1 no: it is the leader; p2 yes: replica; p3 no: role is sync_standby",
     "p1 yes: leader; p2 yes: replica; p3 yes: sync_standby"},
    {{"3.0.2/sync-standby-back", "4.0.7/sync-mode", "4.0.7/paused"},
     "p1 yes: leader; p2 no: role is sync_standby; p3 no: role is replica",
     "p1 no: it is the leader; p2 yes: sync_standby; p3 no: role is replica",
     "p1 no: it is the leader; p2 no: role is sync_standby; p3 yes: replica",
     "p1 yes: leader; p2 yes: sync_standby; p3 yes: replica"},
    {{"3.0.2/sync-standby-killed"},
     "p1 yes: leader; p2 no: role is sync_standby",
     "p1 no: it is the leader; p2 yes: sync_standby",
     "p1 no: it is the leader; p2 no: role is sync_standby",
     "p1 yes: leader; p2 yes: sync_standby"},
    {{"3.0.2/sync-two-standbys"},
     "p1 yes: leader; p2 no: role is sync_standby; p3 no: role is sync_standby",
     "p1 no: it is the leader; p2 yes: sync_standby; p3 yes: sync_standby",
     "p1 no: it is the leader; p2 no: role is sync_standby; p3 no: role is sync_standby",
     "p1 yes: leader; p2 yes: sync_standby; p3 yes: sync_standby"},
    {{"4.1.4/sync-standby-back"},
     "p1 no: role is sync_standby; p2 no: role is replica; p3 yes: leader",
     "p1 yes: sync_standby; p2 no: role is replica; p3 no: it is the leader",
     "p1 no: role is sync_standby; p2 yes: replica; p3 no: it is the leader",
     "p1 yes: sync_standby; p2 yes: replica; p3 yes: leader"},
    {{"4.1.4/sync-standby-killed"},
     "p1 no: role is sync_standby; p3 yes: leader",
     "p1 yes: sync_standby; p3 no: it is the leader",
     "p1 no: role is sync_standby; p3 no: it is the leader",
     "p1 yes: sync_standby; p3 yes: leader"},
    {{"4.1.4/sync-two-standbys"},
     "p1 no: role is sync_standby; p2 no: role is sync_standby; p3 yes: leader",
     "p1 yes: sync_standby; p2 yes: sync_standby; p3 no: it is the leader",
     "p1 no: role is sync_standby; p2 no: role is sync_standby; p3 no: it is the leader",
     "p1 yes: sync_standby; p2 yes: sync_standby; p3 yes: leader"},
    {{"4.1.4/quorum-mode", "4.0.7/quorum-mode", "4.1.5/quorum-mode"},
     "p1 yes: leader; p2 no: role is quorum_standby; p3 no: role is quorum_standby",
     "p1 no: it is the leader; p2 no: role is quorum_standby; p3 no: role is quorum_standby",
     "p1 no: it is the leader; p2 yes: quorum_standby; p3 yes: quorum_standby",
     "p1 yes: leader; p2 yes: quorum_standby; p3 yes: quorum_standby"},
    {{"3.0.2/tags-noloadbalance", "4.1.4/tags-noloadbalance", "4.0.7/tags-noloadbalance",
      "4.1.5/tags-noloadbalance"},
     "p1 yes: leader; p2 no: role is replica; p3 no: role is replica",
     "p1 no: it is the leader; p2 no: role is replica; p3 no: role is replica",
     "p1 no: it is the leader; p2 yes: replica; p3 no: tagged noloadbalance",
     "p1 yes: leader; p2 yes: replica; p3 no: tagged noloadbalance"},
};

TEST(CapturedAnswersTest, EveryAnswerOfClusterHasItsVerdicts) {
    for (const auto& golden : kGolden)
        for (const auto& name : golden.cases) {
            EXPECT_EQ(verdicts_of(name, RequestedRole::leader), golden.leader) << name;
            EXPECT_EQ(verdicts_of(name, RequestedRole::sync), golden.sync) << name;
            EXPECT_EQ(verdicts_of(name, RequestedRole::async), golden.async) << name;
            EXPECT_EQ(verdicts_of(name, RequestedRole::any), golden.any) << name;
        }
}

TEST(CapturedAnswersTest, NoCapturedAnswerIsLeftOut) {
    std::vector<std::string> judged{"3.0.2/dcs-down", "3.0.2/dcs-killed", "4.1.4/dcs-killed"};
    for (const auto& name : judged)
        EXPECT_EQ(captured("cluster", name), "") << name;
    for (const auto& golden : kGolden)
        judged.insert(judged.end(), golden.cases.begin(), golden.cases.end());
    EXPECT_THAT(judged, testing::UnorderedElementsAreArray(captured_cases("cluster")));
}

TEST(CapturedAnswersTest, ALagLimitTellsWhoLags) {
    constexpr std::uint64_t kLimit = 16'777'216;
    const std::vector<std::pair<std::string, std::string>> cases{
        {"3.0.2/async-normal", "p1 no: it is the leader; p2 yes: replica; p3 yes: replica"},
        {"4.1.4/async-normal", "p1 no: it is the leader; p2 yes: replica; p3 yes: replica"},
        {"3.0.2/receive-paused-lagging",
         "p1 no: it is the leader; p2 yes: replica; "
         "p3 no: lag of 31428256 bytes is over 16777216"},
        {"4.1.4/receive-paused-lagging",
         "p1 no: it is the leader; p2 yes: replica; "
         "p3 no: lag of 31739064 bytes is over 16777216"},
        // Before 4.1 /cluster says nothing of replay: lag_source: live is for that.
        {"4.0.7/replay-paused-lagging",
         "p1 no: it is the leader; p2 yes: replica; p3 yes: replica"},
        {"4.1.5/replay-paused-lagging",
         "p1 no: it is the leader; p2 yes: replica; "
         "p3 no: lag of 33655224 bytes is over 16777216"},
        {"3.0.2/replay-paused-lagging",
         "p1 no: it is the leader; p2 yes: replica; p3 yes: replica"},
        {"4.1.4/replay-paused-lagging",
         "p1 no: it is the leader; p2 yes: replica; "
         "p3 no: lag of 31558032 bytes is over 16777216"},
    };
    for (const auto& [name, verdicts] : cases)
        EXPECT_EQ(verdicts_of(name, RequestedRole::async, kLimit), verdicts) << name;
}

}  // namespace
}  // namespace patroni
