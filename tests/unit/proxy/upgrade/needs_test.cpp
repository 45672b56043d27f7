#include "patroni_proxy/upgrade/needs.h"

#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace proxy::upgrade {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

BackendPtr backend(const std::string& member, std::uint32_t connections) {
    const BackendPtr made(new Backend{member, net::SocketAddress::parse("10.0.0.1:5432").value()});
    made->connections = connections;
    return made;
}

BackendTablePtr table(const std::vector<BackendPtr>& eligible,
                      const std::vector<BackendPtr>& tolerated = {}) {
    BackendTable made;
    made.from_an_answer = true;
    made.eligible = eligible;
    made.tolerated = tolerated;
    made.excluded = {{"p3", "lag is unknown"}};
    return std::make_shared<const BackendTable>(made);
}

TEST(UpgradeNeeds, TheSameTablesServeTheSame) {
    const auto before = needs_of("main/ro", *table({backend("p1", 3)}, {backend("p2", 1)}));
    EXPECT_EQ(before.in_use.size(), 2U);
    EXPECT_THAT(why_not_yet({before}, {{"main/ro", table({backend("p1", 0)}, {backend("p2", 0)})}}),
                IsEmpty());
    EXPECT_THAT(why_not_yet({before}, {{"main/ro", table({backend("p1", 0), backend("p2", 0)})}}),
                IsEmpty());
}

TEST(UpgradeNeeds, APortMustNotLoseItsBackends) {
    const auto before = needs_of("main/rw", *table({backend("p1", 0)}));
    EXPECT_THAT(why_not_yet({before}, {{"main/rw", table({})}}),
                HasSubstr("main/rw: no member is eligible: p3: lag is unknown"));
    EXPECT_THAT(why_not_yet({before}, {{"main/rw", std::make_shared<const BackendTable>()}}),
                HasSubstr("Patroni has not answered yet"));
    // One that has none now has nothing to lose, and one that is gone is served where it was.
    EXPECT_THAT(why_not_yet({needs_of("main/rw", *table({}))}, {{"main/rw", table({})}}),
                IsEmpty());
    EXPECT_THAT(why_not_yet({before}, {}), IsEmpty());
}

TEST(UpgradeNeeds, NoSessionMayEndBecauseLessIsKnown) {
    const auto before = needs_of("main/ro", *table({backend("p1", 0)}, {backend("p3", 2)}));
    EXPECT_THAT(why_not_yet({before}, {{"main/ro", table({backend("p1", 0)})}}),
                HasSubstr("main/ro: the sessions on p3 at 10.0.0.1:5432 would end: lag is "
                          "unknown"));
    const auto unused = needs_of("main/ro", *table({backend("p1", 0)}, {backend("p3", 0)}));
    EXPECT_THAT(why_not_yet({unused}, {{"main/ro", table({backend("p1", 0)})}}), IsEmpty());
}

}  // namespace
}  // namespace proxy::upgrade
