#include "patroni_agent/member/identity.h"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace agent {
namespace {

using patroni::Endpoint;
using testing::Contains;
using testing::HasSubstr;

/// Members by name with their API's URL.
patroni::ClusterSnapshot cluster(const std::vector<std::pair<std::string, std::string>>& members) {
    patroni::ClusterSnapshot snapshot;
    for (const auto& [name, url] : members) {
        patroni::Member member;
        member.name = name;
        member.api_url = url;
        snapshot.members.push_back(member);
    }
    return snapshot;
}

/// What names stand for; addresses stand for themselves.
std::vector<std::string> addresses_of(const std::string& host) {
    static const std::map<std::string, std::vector<std::string>> known{
        {"localhost", {"::1", "127.0.0.1"}},
        {"pg1.example", {"10.0.0.1"}},
        {"pg2.example", {"10.0.0.2", "fd00::2"}},
        {"debian1", {"127.0.1.1"}},
        {"debian2", {"10.0.0.2"}},
        {"unknown.example", {}},
    };
    const auto found = known.find(host);
    return found == known.end() ? std::vector{host} : found->second;
}

struct Case {
    std::vector<std::pair<std::string, std::string>> members;
    std::vector<std::string> asked;
    std::set<std::string> of_this_host;
    std::string name;  ///< empty: cannot be told
};

const std::vector<std::pair<std::string, std::string>> kThree{
    {"p1", "http://10.0.0.1:8008/patroni"},
    {"p2", "http://10.0.0.2:8008/patroni"},
    {"p3", "http://10.0.0.3:8008/patroni"}};

TEST(IdentityTest, WhichMemberThisIs) {
    const Case cases[] = {
        // The one that is asked by its address or name.
        {kThree, {"http://10.0.0.2:8008"}, {}, "p2"},
        {kThree, {"http://pg1.example:8008"}, {}, "p1"},
        {{{"p1", "http://pg1.example:8008/patroni"}}, {"http://10.0.0.1:8008"}, {}, "p1"},
        {{{"p1", "https://[fd00::2]:8008/patroni"}}, {"https://pg2.example:8008"}, {}, "p1"},
        // Asked by loopback: the one on an address of this host.
        {kThree, {"http://localhost:8008"}, {"127.0.0.1", "10.0.0.3"}, "p3"},
        {kThree, {"http://127.0.0.1:8008"}, {"10.0.0.1"}, "p1"},
        {kThree, {"http://[::1]:8008"}, {"10.0.0.1"}, "p1"},
        // Several on this host: the port tells them apart.
        {{{"a", "http://10.0.0.1:8008/patroni"}, {"b", "http://10.0.0.1:8009/patroni"}},
         {"http://localhost:8009"},
         {"10.0.0.1"},
         "b"},
        {{{"a", "http://127.0.0.1:8008/patroni"}, {"b", "http://127.0.0.1:8009/patroni"}},
         {"http://localhost:8008"},
         {"127.0.0.1"},
         "a"},
        // Others are asked too: the member on this host, whichever the list names.
        {kThree, {"http://localhost:8008", "http://10.0.0.2:8008"}, {"10.0.0.1"}, "p1"},
        {{kThree[1]}, {"http://localhost:8008", "http://10.0.0.2:8008"}, {"10.0.0.1"}, ""},
        {kThree,
         {"http://10.0.0.1:8008", "http://10.0.0.2:8008", "http://10.0.0.3:8008"},
         {"10.0.0.2"},
         "p2"},
        {{kThree[0]}, {"http://10.0.0.1:8008", "http://10.0.0.2:8008"}, {"10.0.0.2"}, ""},
        // One whose api_url was left at a loopback address is on no host in particular.
        {{kThree[0], {"p4", "http://127.0.0.1:8008/patroni"}},
         {"http://localhost:8008"},
         {"127.0.0.1", "10.0.0.1"},
         "p1"},
        {{kThree[0], {"p4", "http://127.0.0.1:8008/patroni"}},
         {"http://localhost:8008"},
         {"127.0.0.1", "10.0.0.9"},
         ""},
        // Debian has a host's own name stand for 127.0.1.1.
        {{{"p1", "http://debian1:8008/patroni"}, {"p2", "http://debian2:8008/patroni"}},
         {"http://localhost:8008"},
         {"127.0.0.1", "10.0.0.1"},
         "p1"},
        {{{"p1", "http://debian1:8008/patroni"}, {"p2", "http://debian2:8008/patroni"}},
         {"http://10.0.0.1:8008", "http://10.0.0.2:8008"},
         {"127.0.0.1", "10.0.0.1"},
         "p1"},
        {{kThree[1], {"p4", "http://127.0.1.1:8008/patroni"}},
         {"http://localhost:8008"},
         {"127.0.0.1", "10.0.0.1"},
         ""},
        // Two addresses of this host: the one that is asked.
        {{kThree[0], kThree[1]}, {"http://10.0.0.2:8008"}, {"10.0.0.1", "10.0.0.2"}, "p2"},
        // More than one fits.
        {{{"a", "http://10.0.0.1:8008/patroni"}, {"b", "http://10.0.0.2:8008/patroni"}},
         {"http://localhost:8008"},
         {"10.0.0.1", "10.0.0.2"},
         ""},
        {kThree, {"http://10.0.0.1:8008", "http://10.0.0.2:8008"}, {}, ""},
        // None does.
        {kThree, {"http://localhost:8008"}, {"10.0.0.9"}, ""},
        {kThree, {"http://localhost:9999"}, {"10.0.0.1"}, ""},
        {kThree, {"http://10.0.0.1:9999"}, {}, ""},
        {kThree, {"http://10.0.0.9:8008"}, {"10.0.0.1"}, ""},
        {kThree, {"http://unknown.example:8008"}, {"10.0.0.1"}, ""},
        {{{"p1", ""}}, {"http://localhost:8008"}, {"10.0.0.1"}, ""},
        {{{"p1", "what is this"}}, {"http://localhost:8008"}, {"10.0.0.1"}, ""},
        {{}, {"http://localhost:8008"}, {"10.0.0.1"}, ""},
        {kThree, {}, {"10.0.0.1"}, ""},
    };
    for (const auto& each : cases) {
        std::vector<Endpoint> asked;
        for (const auto& url : each.asked)
            asked.push_back(Endpoint::parse(url).value());
        const auto name =
            member_beside(cluster(each.members), asked, addresses_of, each.of_this_host);
        EXPECT_EQ(name ? name.value() : "", each.name)
            << (each.asked.empty() ? "" : each.asked.front());
        if (!name) {
            EXPECT_THAT(name.reason(), HasSubstr("name it"));
        }
    }
}

TEST(IdentityTest, ByTheWordOfThePatroniOnThisHost) {
    patroni::ClusterSnapshot snapshot = cluster(kThree);
    const auto by_word = [&](const std::vector<patroni::Speaker>& told) {
        const auto name = member_by_its_word(snapshot, told);
        return name ? name.value().value_or("not told") : name.reason();
    };
    EXPECT_EQ(by_word({}), "not told");
    EXPECT_EQ(by_word({{"p2", {"main", ""}}}), "p2");
    EXPECT_EQ(by_word({{"", {"main", ""}}}), "not told");
    EXPECT_EQ(by_word({{"p2", {"main", ""}}, {"", {"main", ""}}, {"p2", {}}}), "p2");
    EXPECT_EQ(by_word({{"p1", {"main", ""}}, {"p2", {"main", ""}}}), "not told");
    snapshot.scope = "main";
    EXPECT_EQ(by_word({{"p2", {"main", ""}}}), "p2");
    EXPECT_EQ(by_word({{"p2", {"other", ""}}}),
              "Patroni on this host belongs to cluster other, and the configured hosts to main");
}

TEST(IdentityTest, WhichApisAreHere) {
    const auto here = [](const std::vector<std::string>& asked) {
        std::vector<Endpoint> endpoints;
        for (const auto& url : asked)
            endpoints.push_back(Endpoint::parse(url).value());
        std::vector<std::string> urls;
        for (const auto& endpoint : apis_here(endpoints, addresses_of, {"127.0.0.1", "10.0.0.2"}))
            urls.push_back(endpoint.url());
        return urls;
    };
    using testing::ElementsAre;
    EXPECT_THAT(here({"http://10.0.0.1:8008"}), ElementsAre("http://10.0.0.1:8008"));
    EXPECT_THAT(here({"http://10.0.0.1:8008", "http://10.0.0.2:8008", "http://10.0.0.3:8008"}),
                ElementsAre("http://10.0.0.2:8008"));
    EXPECT_THAT(here({"http://localhost:8008", "http://debian1:8008", "http://10.0.0.3:8008"}),
                ElementsAre("http://localhost:8008", "http://debian1:8008"));
}

TEST(IdentityTest, ThisHostHasItsLoopbackAddress) {
    EXPECT_THAT(addresses_of_this_host(), Contains("127.0.0.1"));
}

}  // namespace
}  // namespace agent
