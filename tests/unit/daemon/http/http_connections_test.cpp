#include "daemon/http/http_connections.h"

#include <chrono>
#include <optional>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace daemons {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

/// Connections are named by their descriptors.
class AwaitedConnectionsTest : public testing::Test {
  protected:
    std::optional<int> await(int fd, const std::string& address,
                             AwaitedConnections::Clock::duration deadline = 10s) {
        return awaited_.await(id(fd), fd, address, start_ + deadline);
    }
    static AwaitedConnections::Id id(int fd) { return &kIds[fd]; }

    static constexpr char kIds[100] = {};
    const AwaitedConnections::Clock::time_point start_{};
    AwaitedConnections awaited_{4};
};

TEST_F(AwaitedConnectionsTest, OneMoreThanThereMayBeTakesThePlaceOfTheOldest) {
    for (int fd = 0; fd < 4; ++fd)
        EXPECT_EQ(await(fd, "10.0.0.1"), std::nullopt);
    EXPECT_EQ(await(4, "10.0.0.1"), 0);
    EXPECT_EQ(await(5, "10.0.0.1"), 1);
    EXPECT_EQ(awaited_.size(), 4U);
}

TEST_F(AwaitedConnectionsTest, WhoeverHasTheMostGivesTheirPlace) {
    (void)await(0, "10.0.0.1");
    for (int fd = 1; fd < 4; ++fd)
        (void)await(fd, "10.0.0.2");
    EXPECT_EQ(await(4, "10.0.0.3"), 1);
    EXPECT_EQ(await(5, "10.0.0.2"), 2);
    EXPECT_EQ(await(6, "10.0.0.2"), 3);
}

TEST_F(AwaitedConnectionsTest, OneThatIsForgottenLeavesItsPlace) {
    for (int fd = 0; fd < 4; ++fd)
        (void)await(fd, "10.0.0.1");
    awaited_.forget(id(0));
    awaited_.forget(id(0));
    EXPECT_EQ(await(4, "10.0.0.1"), std::nullopt);
}

TEST_F(AwaitedConnectionsTest, OneThatIsAwaitedAnewIsTheYoungest) {
    for (int fd = 0; fd < 4; ++fd)
        (void)await(fd, "10.0.0.1");
    EXPECT_EQ(await(0, "10.0.0.1", 20s), std::nullopt);
    EXPECT_EQ(await(4, "10.0.0.1", 20s), 1);
    EXPECT_THAT(awaited_.take_late(start_ + 10s), ElementsAre(2, 3));
}

TEST_F(AwaitedConnectionsTest, ThoseWhoseTimeIsUpAreTakenOnce) {
    (void)await(0, "10.0.0.1", 5s);
    (void)await(1, "10.0.0.2", 6s);
    (void)await(2, "10.0.0.1", 7s);
    EXPECT_THAT(awaited_.take_late(start_ + 4s), IsEmpty());
    EXPECT_THAT(awaited_.take_late(start_ + 6s), ElementsAre(0, 1));
    EXPECT_THAT(awaited_.take_late(start_ + 9s), ElementsAre(2));
    EXPECT_THAT(awaited_.take_late(start_ + 9s), IsEmpty());
    EXPECT_EQ(awaited_.size(), 0U);
}

}  // namespace
}  // namespace daemons
