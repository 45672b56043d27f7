// Where a member is, by one answer of Patroni after the other.

#include "patroni_proxy/topology/member_addresses.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace proxy {
namespace {

using namespace std::chrono_literals;
using patroni::ClusterSnapshot;
using patroni::Member;

class MemberAddressesTest : public testing::Test {
  protected:
    static Member at(const std::string& host) {
        Member member;
        member.name = "p1";
        member.host = host;
        member.port = 5432;
        return member;
    }
    /// The addresses of p1, then those that it has left but may keep sessions at, after an answer
    /// with `member` (or without p1), so long after the beginning.
    std::string after_answer(std::chrono::milliseconds time, const std::optional<Member>& member) {
        if (member)
            p1_ = *member;
        auto snapshot = std::make_shared<ClusterSnapshot>();
        if (member)
            snapshot->members = {*member};
        patroni::ClusterView view;
        view.snapshot = snapshot;
        view.answered_at = begin_ + time;
        addresses_.begin_view(view);
        const Whereabouts& found = addresses_.of(p1_, std::nullopt).whereabouts;
        std::string text = addresses_of(found.current());
        if (const auto left = found.left(0ms); !left.empty())
            text += " left " + addresses_of(left);
        addresses_.end_view();
        return text;
    }

  private:
    const patroni::Clock::time_point begin_ = patroni::Clock::now();
    MemberAddresses addresses_{"main", std::make_shared<patroni::Resolver>(),
                               patroni::ResolvePrefer::any};
    Member p1_;
};

TEST_F(MemberAddressesTest, ASecondAnswerConfirmsThatTheMemberHasMoved) {
    EXPECT_EQ(after_answer(0s, at("127.0.0.11")), "127.0.0.11:5432");
    EXPECT_EQ(after_answer(1s, at("127.0.0.12")), "127.0.0.12:5432 left 127.0.0.11:5432");
    EXPECT_EQ(after_answer(1'500ms, at("127.0.0.12")), "127.0.0.12:5432");
}

TEST_F(MemberAddressesTest, AnAnswerThatDoesNotSayWhereTheMemberIsConfirmsNothing) {
    (void)after_answer(0s, at("127.0.0.11"));
    const std::string unconfirmed = "127.0.0.12:5432 left 127.0.0.11:5432";
    EXPECT_EQ(after_answer(1s, at("127.0.0.12")), unconfirmed);
    EXPECT_EQ(after_answer(10s, std::nullopt), unconfirmed) << "gone";
    Member unreadable = at("127.0.0.12");
    unreadable.remembered = true;
    EXPECT_EQ(after_answer(20s, unreadable), unconfirmed);
    Member no_place = at("127.0.0.12");
    no_place.place_remembered = true;
    EXPECT_EQ(after_answer(30s, no_place), unconfirmed);
    EXPECT_EQ(after_answer(40s, at("127.0.0.12")), "127.0.0.12:5432");
}

}  // namespace
}  // namespace proxy
