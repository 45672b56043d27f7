#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "backend_table_fixture.h"
#include "patroni_proxy/backend/backend_table.h"

namespace proxy {
namespace {

using patroni::Member;
using patroni::Standing;

/// Members that have several addresses, or seem to have left some.
class AddressesTest : public testing::Test {
  protected:
    static BackendPtr at(const std::string& member, const std::string& ip) {
        return BackendPtr(new Backend{member, *net::SocketAddress::from_ip(ip, 5432)});
    }
    [[nodiscard]] BackendTable table_of(Standing standing) const {
        return build_backend_table({verdict_on("p1", standing, "leader")},
                                   [this](const Member& /*member*/) { return located_; });
    }

    BackendPtr first_ = at("p1", "127.0.0.1");
    BackendPtr second_ = at("p1", "127.0.0.2");
    BackendPtr third_ = at("p1", "127.0.0.3");
    BackendPtr left_ = at("p1", "127.0.0.9");
    Located located_{{first_, second_, third_}, {left_}, {}};
};

TEST_F(AddressesTest, TheFirstIsForNewSessionsTheOthersAreSpares) {
    const auto table = table_of(Standing::eligible);
    EXPECT_EQ(table.eligible, std::vector{first_});
    EXPECT_EQ(table.spares, (std::vector{second_, third_}));
    EXPECT_EQ(table.tolerated, std::vector{left_});
    EXPECT_TRUE(table.excluded.empty());
    for (const auto& backend : {first_, second_, third_, left_})
        EXPECT_TRUE(table.keeps_sessions_of(backend.get()));
    for (const auto& backend : {first_, second_, third_})
        EXPECT_TRUE(table.serves_by_roles(backend.get()));
    EXPECT_FALSE(table.serves_by_roles(left_.get()));
}

TEST_F(AddressesTest, AMemberThatIsToleratedKeepsItsSessionsAtAllOfThem) {
    const auto table = table_of(Standing::tolerated);
    EXPECT_TRUE(table.eligible.empty());
    EXPECT_TRUE(table.spares.empty());
    EXPECT_EQ(table.tolerated, (std::vector{first_, second_, third_, left_}));
}

TEST_F(AddressesTest, AMemberThatIsOutHasNone) {
    for (const auto& backend : {first_, second_, third_, left_})
        EXPECT_FALSE(table_of(Standing::out).keeps_sessions_of(backend.get()));
}

TEST_F(AddressesTest, AnotherSpareIsAnotherTable) {
    const auto table = table_of(Standing::eligible);
    EXPECT_TRUE(BackendTable(table).same_as(table));
    located_.backends.pop_back();
    EXPECT_FALSE(table_of(Standing::eligible).same_as(table));
}

TEST_F(AddressesTest, SparesOfAFallbackServeLikeIt) {
    const auto regular =
        build_backend_table({verdict_on("p1", Standing::out, "it is the leader")}, {});
    const auto table = with_fallback(regular, table_of(Standing::eligible), OnReturn::keep);
    EXPECT_TRUE(table.falls_back);
    EXPECT_EQ(table.spares, (std::vector{second_, third_}));
    for (const auto& backend : {first_, second_, third_, left_}) {
        EXPECT_TRUE(table.keeps_sessions_of(backend.get(), ServedBy::fallback_roles));
        EXPECT_FALSE(table.keeps_sessions_of(backend.get(), ServedBy::roles));
    }
}

TEST_F(AddressesTest, ASessionEndsForTheReasonThereIs) {
    const BackendPtr gone = at("p1", "127.0.0.7");
    EXPECT_EQ(table_of(Standing::eligible).why_ended(*gone, ServedBy::roles),
              "it is at 127.0.0.1:5432 now, and no longer at 127.0.0.7:5432");
    EXPECT_EQ(table_of(Standing::tolerated).why_ended(*gone, ServedBy::roles),
              "it is at 127.0.0.1:5432 now, and no longer at 127.0.0.7:5432");
    EXPECT_EQ(table_of(Standing::out).why_ended(*gone, ServedBy::roles), "leader");
    EXPECT_EQ(BackendTable{}.why_ended(*gone, ServedBy::roles), "no longer in Patroni's answer");
}
}  // namespace
}  // namespace proxy
