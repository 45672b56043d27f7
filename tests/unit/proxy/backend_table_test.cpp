#include "patroni_proxy/backend_table.h"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace proxy {
namespace {

using patroni::ClusterSnapshot;
using patroni::Member;
using patroni::RequestedRole;
using patroni::Requirements;

Member member_of(const std::string& name, const std::string& role,
                 const std::string& state = "streaming") {
    Member member;
    member.name = name;
    member.role_name = role;
    member.role = patroni::role_from(role);
    member.state_name = state;
    member.state = patroni::state_from(state);
    member.host = name + ".example.com";
    member.lag = 0;
    return member;
}

/// A leader, a synchronous standby, a replica that lags, one that is down, one that is withheld.
ClusterSnapshot cluster_of_five() {
    ClusterSnapshot snapshot;
    snapshot.members = {member_of("p1", "leader", "running"), member_of("p2", "sync_standby"),
                        member_of("p3", "replica"), member_of("p4", "replica", "stopped"),
                        member_of("p5", "replica")};
    snapshot.members[2].lag = 1'000;
    snapshot.members[4].tags = {{"noloadbalance", "true"}};
    return snapshot;
}

/// Gives each member a backend of its own, the same one every time, except those without address.
class Lookup {
  public:
    explicit Lookup(std::vector<std::string> unresolved = {}) {
        for (const auto& name : unresolved)
            backends_[name] = nullptr;
    }
    BackendLookup function() {
        return [this](const Member& member) {
            asked.push_back(member.name);
            const auto [entry, is_new] = backends_.try_emplace(member.name);
            if (is_new)
                entry->second = BackendPtr(new Backend{member.name, {}});
            return entry->second;
        };
    }
    std::vector<std::string> asked;

  private:
    std::map<std::string, BackendPtr> backends_;
};

std::string eligible_of(const BackendTable& table) {
    std::string names;
    for (const auto& backend : table.eligible)
        names += (names.empty() ? "" : " ") + backend->member;
    return names;
}

TEST(BackendTableTest, HoldsWhoIsEligibleAndWhyOthersAreNot) {
    struct Case {
        std::vector<RequestedRole> roles;
        std::optional<std::uint64_t> max_lag;
        std::string eligible;
        std::string excluded;
    };
    const std::vector<Case> cases{
        {{RequestedRole::leader},
         {},
         "p1",
         "p2: role is sync_standby; p3: role is replica; p4: state is stopped; p5: role is "
         "replica"},
        {{RequestedRole::sync},
         {},
         "p2",
         "p1: role is leader; p3: role is replica; p4: state is stopped; p5: role is replica"},
        {{RequestedRole::async},
         {},
         "p3",
         "p1: role is leader; p2: role is sync_standby; p4: state is stopped; "
         "p5: tagged noloadbalance"},
        {{RequestedRole::sync, RequestedRole::async},
         {},
         "p2 p3",
         "p1: role is leader; p4: state is stopped; p5: tagged noloadbalance"},
        {{RequestedRole::sync, RequestedRole::async},
         999,
         "p2",
         "p1: role is leader; p3: lag of 1000 bytes is over 999; p4: state is stopped; "
         "p5: tagged noloadbalance"},
        {{RequestedRole::any}, {}, "p1 p2 p3", "p4: state is stopped; p5: tagged noloadbalance"},
    };
    for (const auto& [roles, max_lag, eligible, excluded] : cases) {
        const Requirements wanted{{roles.begin(), roles.end()}, max_lag};
        const auto table = build_backend_table(cluster_of_five(), wanted, Lookup().function());
        EXPECT_EQ(eligible_of(table), eligible);
        EXPECT_EQ(table.why_excluded(), excluded);
    }
}

TEST(BackendTableTest, KeepsTheObjectsOfTheLookup) {
    Lookup lookup;
    const Requirements any{{RequestedRole::any}, {}};
    const auto first = build_backend_table(cluster_of_five(), any, lookup.function());
    const auto second = build_backend_table(cluster_of_five(), any, lookup.function());
    EXPECT_EQ(first.eligible, second.eligible);
}

TEST(BackendTableTest, LooksUpWhoIsFitAndNobodyElse) {
    // A lookup may ask the DNS, in vain and for long, for a member that is gone.
    Lookup lookup;
    (void)build_backend_table(cluster_of_five(), {{RequestedRole::leader}, {}}, lookup.function());
    EXPECT_EQ(lookup.asked, std::vector<std::string>{"p1"});
}

TEST(BackendTableTest, AMemberWithoutAnAddressIsExcludedAlone) {
    const auto table =
        build_backend_table(cluster_of_five(), {{RequestedRole::sync, RequestedRole::async}, {}},
                            Lookup({"p2"}).function());
    EXPECT_EQ(eligible_of(table), "p3");
    EXPECT_EQ(table.why_excluded(),
              "p1: role is leader; p2: host p2.example.com has no address; p4: state is stopped; "
              "p5: tagged noloadbalance");
}

TEST(BackendTableTest, AClusterWithoutMembersSaysSo) {
    const auto table = build_backend_table({}, {{RequestedRole::any}, {}}, Lookup().function());
    EXPECT_TRUE(table.eligible.empty());
    EXPECT_EQ(table.why_excluded(), "Patroni names no member");
}

TEST(BackendTableTest, ContainsByObjectAndNotByName) {
    const auto table =
        build_backend_table(cluster_of_five(), {{RequestedRole::any}, {}}, Lookup().function());
    const Backend same_name{"p1", {}};
    EXPECT_TRUE(table.contains(table.eligible[0].get()));
    EXPECT_TRUE(table.contains(table.eligible[2].get()));
    EXPECT_FALSE(table.contains(&same_name));
    EXPECT_FALSE(table.contains(nullptr));
    EXPECT_FALSE(BackendTable{}.contains(table.eligible[0].get()));
}

}  // namespace
}  // namespace proxy
