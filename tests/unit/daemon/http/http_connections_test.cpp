#include "daemon/http/http_connections.h"

#include <chrono>
#include <string>
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
    std::vector<int> await(int fd, const std::string& address,
                           AwaitedConnections::Clock::duration deadline = 10s,
                           std::size_t bytes = 0) {
        return awaited_.await(id(fd), fd, address, start_ + deadline, bytes);
    }
    std::vector<int> await_answer(int fd, const std::string& address, std::size_t bytes) {
        return await(fd, address, 10s, bytes);
    }
    static AwaitedConnections::Id id(int fd) { return &kIds[fd]; }

    static constexpr char kIds[100] = {};
    const AwaitedConnections::Clock::time_point start_{};
    AwaitedConnections awaited_{4, 1'000};
};

TEST_F(AwaitedConnectionsTest, AConnectionBeyondTheLimitReplacesTheOldest) {
    for (int fd = 0; fd < 4; ++fd)
        EXPECT_THAT(await(fd, "10.0.0.1"), IsEmpty());
    EXPECT_THAT(await(4, "10.0.0.1"), ElementsAre(0));
    EXPECT_THAT(await(5, "10.0.0.1"), ElementsAre(1));
    EXPECT_EQ(awaited_.size(), 4U);
}

TEST_F(AwaitedConnectionsTest, TheAddressWithTheMostConnectionsLosesItsOldest) {
    (void)await(0, "10.0.0.1");
    for (int fd = 1; fd < 4; ++fd)
        (void)await(fd, "10.0.0.2");
    EXPECT_THAT(await(4, "10.0.0.3"), ElementsAre(1));
    EXPECT_THAT(await(5, "10.0.0.2"), ElementsAre(2));
    EXPECT_THAT(await(6, "10.0.0.2"), ElementsAre(3));
}

TEST_F(AwaitedConnectionsTest, AForgottenConnectionLeavesItsPlace) {
    for (int fd = 0; fd < 4; ++fd)
        (void)await(fd, "10.0.0.1");
    awaited_.forget(id(0));
    awaited_.forget(id(0));
    EXPECT_THAT(await(4, "10.0.0.1"), IsEmpty());
}

TEST_F(AwaitedConnectionsTest, AConnectionThatWaitsAgainIsTheYoungest) {
    for (int fd = 0; fd < 4; ++fd)
        (void)await(fd, "10.0.0.1");
    EXPECT_THAT(await(0, "10.0.0.1", 20s), IsEmpty());
    EXPECT_THAT(await(4, "10.0.0.1", 20s), ElementsAre(1));
    EXPECT_THAT(awaited_.take_late(start_ + 10s), ElementsAre(2, 3));
}

TEST_F(AwaitedConnectionsTest, LateConnectionsAreTakenOnce) {
    (void)await(0, "10.0.0.1", 5s);
    (void)await(1, "10.0.0.2", 6s);
    (void)await(2, "10.0.0.1", 7s);
    EXPECT_THAT(awaited_.take_late(start_ + 4s), IsEmpty());
    EXPECT_THAT(awaited_.take_late(start_ + 6s), ElementsAre(0, 1));
    EXPECT_THAT(awaited_.take_late(start_ + 9s), ElementsAre(2));
    EXPECT_THAT(awaited_.take_late(start_ + 9s), IsEmpty());
    EXPECT_EQ(awaited_.size(), 0U);
}

TEST_F(AwaitedConnectionsTest, AnswersThatNobodyTakesGiveWayToTheNext) {
    EXPECT_THAT(await_answer(0, "10.0.0.1", 300), IsEmpty());
    EXPECT_THAT(await_answer(1, "10.0.0.1", 300), IsEmpty());
    EXPECT_THAT(await_answer(2, "10.0.0.1", 400), IsEmpty());
    EXPECT_THAT(await_answer(3, "10.0.0.1", 400), ElementsAre(0, 1));
    EXPECT_THAT(await_answer(4, "10.0.0.1", 1), IsEmpty()) << "200 bytes are left";
}

TEST_F(AwaitedConnectionsTest, TheAddressWithTheMostBytesLosesItsOldestAnswer) {
    (void)await_answer(0, "10.0.0.1", 300);
    (void)await_answer(1, "10.0.0.2", 250);
    (void)await_answer(2, "10.0.0.2", 250);
    // Those that are still to send a request hold no answer.
    awaited_.forget(id(1));
    (void)await(1, "10.0.0.2");
    (void)await_answer(3, "10.0.0.2", 250);
    EXPECT_THAT(await_answer(3, "10.0.0.3", 500), ElementsAre(0)) << "it has 300, the other 250";
}

TEST_F(AwaitedConnectionsTest, AnAnswerThatWasTakenCountsNoMore) {
    for (int i = 0; i < 5; ++i) {
        EXPECT_THAT(await_answer(0, "10.0.0.1", 900), IsEmpty());
        EXPECT_THAT(await(0, "10.0.0.1"), IsEmpty());
    }
}

TEST_F(AwaitedConnectionsTest, AnAnswerLargerThanTheLimitGoesOutAlone) {
    (void)await_answer(0, "10.0.0.1", 900);
    EXPECT_THAT(await_answer(1, "10.0.0.1", 2'000), ElementsAre(0));
    EXPECT_THAT(await_answer(2, "10.0.0.1", 10), ElementsAre(1));
}

}  // namespace
}  // namespace daemons
