#include "patroni_proxy/topology/whereabouts.h"

#include <chrono>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace proxy {
namespace {

using namespace std::chrono_literals;
using patroni::ResolvePrefer;

class WhereaboutsTest : public testing::Test {
  protected:
    /// "10.0.0.1 fd00::1" was found, so long after the beginning.
    void found(std::chrono::milliseconds at, const std::string& ips,
               ResolvePrefer prefer = ResolvePrefer::any, bool is_whole = true) {
        std::vector<BackendPtr> backends;
        std::istringstream words(ips);
        for (std::string ip; words >> ip;)
            backends.push_back(backend(ip));
        whereabouts_.found(begin_ + at, looked_up_at_.value_or(patroni::Clock::time_point::max()),
                           backends, prefer, is_whole);
    }
    /// What is found from now on was looked up so long after the beginning.
    void looked_up(std::chrono::milliseconds at) { looked_up_at_ = begin_ + at; }
    BackendPtr backend(const std::string& ip) {
        auto& known = backends_[ip];
        if (!known)
            known = BackendPtr(new Backend{"p1", *net::SocketAddress::from_ip(ip, 5432)});
        return known;
    }
    [[nodiscard]] std::string current() const { return text_of(whereabouts_.current()); }
    [[nodiscard]] std::string left(patroni::Clock::duration removal_grace = 0s) const {
        return text_of(whereabouts_.left(removal_grace));
    }

  private:
    static std::string text_of(const std::vector<BackendPtr>& backends) {
        std::string text;
        for (const auto& each : backends)
            text += (text.empty() ? "" : " ") + each->address.ip();
        return text;
    }

    patroni::Clock::time_point begin_ = patroni::Clock::now();
    std::optional<patroni::Clock::time_point> looked_up_at_;
    std::map<std::string, BackendPtr> backends_;
    Whereabouts whereabouts_;
};

TEST_F(WhereaboutsTest, BeforeAnythingWasFoundThereIsNone) {
    EXPECT_EQ(current(), "");
    EXPECT_EQ(left(), "");
}

TEST_F(WhereaboutsTest, AnotherAddressIsForNewSessionsAtOnceAndEndsOthersByASecondAnswer) {
    found(0ms, "10.0.0.1");
    found(1s, "10.0.0.2");
    EXPECT_EQ(current(), "10.0.0.2");
    EXPECT_EQ(left(), "10.0.0.1");
    found(1s, "10.0.0.2");  // the same answer, once more
    found(1'499ms, "10.0.0.2");
    EXPECT_EQ(left(), "10.0.0.1");
    found(1'500ms, "10.0.0.2");
    EXPECT_EQ(left(), "");
}

TEST_F(WhereaboutsTest, OneAnswerOfDnsIsOneHoweverOldTheAnswerIsThatNamesTheHost) {
    looked_up(0ms);
    found(0ms, "10.0.0.1");
    looked_up(2s);
    found(0ms, "10.0.0.2");  // told by the members' own words, between two answers of /cluster
    found(2'100ms, "10.0.0.2");
    EXPECT_EQ(left(), "10.0.0.1");
    found(3s, "10.0.0.2");
    EXPECT_EQ(left(), "10.0.0.1");
    looked_up(3s);
    found(3s, "10.0.0.2");
    EXPECT_EQ(left(), "");
}

TEST_F(WhereaboutsTest, RemovalGraceComesOnTopOfTheSecondAnswer) {
    backend("10.0.0.1")->connections = 1;
    found(0ms, "10.0.0.1");
    found(1s, "10.0.0.2");
    found(3s, "10.0.0.2");
    EXPECT_EQ(left(0s), "");
    EXPECT_EQ(left(1'501ms), "10.0.0.1");
    EXPECT_EQ(left(1'500ms), "");
}

TEST_F(WhereaboutsTest, AnAddressThatComesBackWasNeverGone) {
    found(0ms, "10.0.0.1");
    found(1s, "10.0.0.2");
    found(1'400ms, "10.0.0.1");
    EXPECT_EQ(current(), "10.0.0.1");
    EXPECT_EQ(left(), "10.0.0.2");
    found(1'600ms, "10.0.0.2");
    EXPECT_EQ(left(), "10.0.0.1");  // to be confirmed anew
}

TEST_F(WhereaboutsTest, OneWithoutSessionsIsForgottenOnceThatIsConfirmed) {
    found(0ms, "10.0.0.1");
    found(1s, "10.0.0.2");
    EXPECT_EQ(left(1h), "10.0.0.1");
    found(1'500ms, "10.0.0.2");
    EXPECT_EQ(left(1h), "");
}

TEST_F(WhereaboutsTest, AResolverThatRotatesItsAnswersMovesNobody) {
    found(0ms, "10.0.0.1 10.0.0.2");
    found(1s, "10.0.0.2 10.0.0.1");
    EXPECT_EQ(current(), "10.0.0.1 10.0.0.2");
    found(2s, "10.0.0.3 10.0.0.2");
    EXPECT_EQ(current(), "10.0.0.2 10.0.0.3");
    EXPECT_EQ(left(), "10.0.0.1");
}

TEST_F(WhereaboutsTest, ThePreferredFamilyIsPreferredToTheAddressInUse) {
    found(0ms, "10.0.0.1", ResolvePrefer::ipv6);
    found(1s, "fd00::1 10.0.0.1", ResolvePrefer::ipv6);
    EXPECT_EQ(current(), "fd00::1 10.0.0.1");
    found(2s, "fd00::2 fd00::1 10.0.0.1", ResolvePrefer::ipv6);
    EXPECT_EQ(current(), "fd00::1 fd00::2 10.0.0.1");
    found(3s, "fd00::1 10.0.0.1", ResolvePrefer::ipv4);
    EXPECT_EQ(current(), "10.0.0.1 fd00::1");
    // Without a preference the one in use stays.
    found(4s, "fd00::1 10.0.0.1", ResolvePrefer::any);
    EXPECT_EQ(current(), "10.0.0.1 fd00::1");
}

TEST_F(WhereaboutsTest, AnAnswerThatDoesNotSayWhereTheMemberIsConfirmsNothing) {
    found(0s, "10.0.0.1");
    found(1s, "10.0.0.2");
    found(10s, "10.0.0.2", ResolvePrefer::any, false);
    EXPECT_EQ(left(), "10.0.0.1");
    // One that has a new host but no port says where the member is from now on.
    found(11s, "10.0.0.3", ResolvePrefer::any, false);
    EXPECT_EQ(current(), "10.0.0.3");
    found(11'400ms, "10.0.0.3");
    EXPECT_EQ(left(), "10.0.0.2");
    found(11'500ms, "10.0.0.3");
    EXPECT_EQ(left(), "");
}

}  // namespace
}  // namespace proxy
