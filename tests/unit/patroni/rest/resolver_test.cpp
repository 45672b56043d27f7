#include "patroni/rest/resolver.h"

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/wait.h"
#include "unit/patroni/patience.h"

namespace patroni {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;
using Addresses = Resolver::Addresses;
using Found = Result<Addresses>;

constexpr auto kMinute = 1min;

/// Stands in for DNS: answers what it is told, or hangs until it is told something. Outlives the
/// test where a lookup does.
class FakeDns {
  public:
    FakeDns() : state_(std::make_shared<State>()) {}
    ~FakeDns() {
        const std::lock_guard lock(state_->mutex);
        state_->closing = true;
        state_->changed.notify_all();
    }
    FakeDns(const FakeDns&) = delete;
    FakeDns& operator=(const FakeDns&) = delete;

    [[nodiscard]] Resolver::Lookup lookup() const {
        return [state = state_](const std::string& host, Resolver::Family family) {
            return state->look_up(family == Resolver::Family::any ? host
                                                                  : one_family(host, family));
        };
    }
    /// What a lookup of one family goes by here.
    static std::string one_family(const std::string& host, Resolver::Family family) {
        return host + (family == Resolver::Family::ipv4 ? " A" : " AAAA");
    }

    void answer(const std::string& host, const Found& answer) {
        const std::lock_guard lock(state_->mutex);
        state_->answers.insert_or_assign(host, answer);
        state_->changed.notify_all();
    }
    void hang(const std::string& host) {
        const std::lock_guard lock(state_->mutex);
        state_->answers.erase(host);
    }
    [[nodiscard]] std::size_t lookups(const std::string& host) const {
        const std::lock_guard lock(state_->mutex);
        return state_->begun[host];
    }
    void wait_for_lookups(const std::string& host, std::size_t n) const {
        std::unique_lock lock(state_->mutex);
        support::wait_until(
            lock, state_->changed, support::default_timeout,
            [&] { return state_->begun[host] >= n; }, std::to_string(n) + " lookups of " + host,
            [&] { return std::to_string(state_->begun[host]); });
    }

  private:
    struct State {
        Found look_up(const std::string& host) {
            std::unique_lock lock(mutex);
            ++begun[host];
            changed.notify_all();
            changed.wait(lock, [&] { return closing || answers.contains(host); });
            return closing ? Found(Failure{"closing"}) : answers.at(host);
        }

        std::mutex mutex;
        std::condition_variable changed;
        std::map<std::string, Found> answers;
        std::map<std::string, std::size_t> begun;
        bool closing = false;
    };

    std::shared_ptr<State> state_;
};

/// "10.0.0.1 10.0.0.2", or the reason why there are none.
std::string text_of(const Found& answer) {
    if (!answer)
        return answer.reason();
    std::string text;
    for (const auto& address : answer.value())
        text += (text.empty() ? "" : " ") + address;
    return text;
}

class ResolverTest : public testing::Test {
  protected:
    std::string ask(const std::string& host, std::chrono::milliseconds timeout = kMinute,
                    ResolvePrefer prefer = ResolvePrefer::any) {
        return text_of(resolver_.addresses_of(host, prefer, timeout));
    }

    FakeDns dns_;
    Resolver resolver_{dns_.lookup(), 0ms};  // each call begins a lookup
};

TEST_F(ResolverTest, ANumericAddressIsNotLookedUp) {
    EXPECT_EQ(ask("127.0.0.1", 0ms), "127.0.0.1");
    EXPECT_EQ(ask("::1", 0ms), "::1");
    EXPECT_EQ(ask("fe80::1%lo", 0ms), "fe80::1%lo");
    for (const auto* address : {"127.0.0.1", "::1", "fe80::1%lo"})
        EXPECT_EQ(dns_.lookups(address), 0U);
}

TEST_F(ResolverTest, FollowsChangingAnswers) {
    dns_.answer("pg1", Addresses{"10.0.0.1"});
    EXPECT_EQ(ask("pg1"), "10.0.0.1");
    dns_.answer("pg1", Addresses{"10.0.0.2", "10.0.0.3"});
    EXPECT_EQ(ask("pg1"), "10.0.0.2 10.0.0.3");
}

TEST_F(ResolverTest, AnAnswerServesForASecondBeItAFailure) {
    Resolver resolver(dns_.lookup());
    const auto ask_often = [&](const std::string& host) {
        std::string answer;
        const auto end = support::Clock::now() + 100ms;
        while (support::Clock::now() < end)
            answer = text_of(resolver.addresses_of(host, ResolvePrefer::any, kMinute));
        return answer;
    };
    dns_.answer("pg1", Addresses{"10.0.0.1"});
    EXPECT_EQ(ask_often("pg1"), "10.0.0.1");
    EXPECT_EQ(dns_.lookups("pg1"), 1U);
    dns_.answer("pg2", Failure{"Temporary failure"});
    EXPECT_EQ(ask_often("pg2"), "cannot resolve 'pg2': Temporary failure");
    EXPECT_EQ(dns_.lookups("pg2"), 1U);
}

TEST_F(ResolverTest, ANameThatNoneCanBeIsNotKept) {
    EXPECT_EQ(ask(std::string(255, 'x'), 0ms).find("cannot resolve 'xx"), 0U);
    EXPECT_EQ(ask(std::string(256, 'x')), "cannot resolve a name of 256 bytes");
    EXPECT_EQ(dns_.lookups(std::string(256, 'x')), 0U);
}

TEST_F(ResolverTest, ThePreferredFamilyComesFirstAndTheOtherStays) {
    dns_.answer("pg1", Addresses{"10.0.0.1", "fd00::1", "10.0.0.2", "fd00::2"});
    EXPECT_EQ(ask("pg1", kMinute, ResolvePrefer::any), "10.0.0.1 fd00::1 10.0.0.2 fd00::2");
    EXPECT_EQ(ask("pg1", kMinute, ResolvePrefer::ipv4), "10.0.0.1 10.0.0.2 fd00::1 fd00::2");
    EXPECT_EQ(ask("pg1", kMinute, ResolvePrefer::ipv6), "fd00::1 fd00::2 10.0.0.1 10.0.0.2");
    dns_.answer("pg1", Addresses{"fd00::1"});
    dns_.answer("pg1 A", Addresses{});
    EXPECT_EQ(ask("pg1", kMinute, ResolvePrefer::ipv4), "fd00::1");
}

TEST_F(ResolverTest, ANameThatNeverResolvedHasAReason) {
    dns_.answer("pg1", Failure{"Name or service not known"});
    EXPECT_EQ(ask("pg1"), "cannot resolve 'pg1': Name or service not known");
    dns_.answer("pg1", Addresses{});
    EXPECT_EQ(ask("pg1"), "cannot resolve 'pg1': it has no address");
}

TEST_F(ResolverTest, ANameThatStopsResolvingKeepsItsLastAddresses) {
    dns_.answer("pg1", Addresses{"10.0.0.1"});
    EXPECT_EQ(ask("pg1"), "10.0.0.1");
    for (const Found& nothing : {Found(Failure{"Temporary failure"}), Found(Addresses{})}) {
        dns_.answer("pg1", nothing);
        EXPECT_EQ(ask("pg1"), "10.0.0.1");
    }
    EXPECT_EQ(dns_.lookups("pg1"), 3U);
    dns_.answer("pg1", Addresses{"10.0.0.2"});
    EXPECT_EQ(ask("pg1"), "10.0.0.2");
}

TEST_F(ResolverTest, AFamilyWhoseLookupFailsKeepsItsAddresses) {
    dns_.answer("pg1", Addresses{"fd00::1", "10.0.0.1", "10.0.0.2"});
    EXPECT_EQ(ask("pg1"), "fd00::1 10.0.0.1 10.0.0.2");
    dns_.answer("pg1", Addresses{"10.0.0.1"});
    dns_.answer("pg1 AAAA", Failure{"Temporary failure"});
    EXPECT_EQ(ask("pg1"), "10.0.0.1 fd00::1");
    EXPECT_EQ(ask("pg1"), "10.0.0.1 fd00::1");  // for as long as it fails
    dns_.answer("pg1", Addresses{"fd00::2"});
    dns_.answer("pg1 A", Failure{"Temporary failure"});
    EXPECT_EQ(ask("pg1"), "fd00::2 10.0.0.1");
    dns_.answer("pg1 A", Addresses{});
    EXPECT_EQ(ask("pg1"), "fd00::2");
}

TEST_F(ResolverTest, TellsWhenAddressesWereFound) {
    const auto found_at = [&](const std::string& host) {
        return resolver_.find(host, ResolvePrefer::any, kMinute).value().at;
    };
    dns_.answer("pg1", Addresses{"10.0.0.1"});
    const auto first = found_at("pg1");
    EXPECT_LE(first, support::Clock::now());
    dns_.answer("pg1", Failure{"Temporary failure"});
    EXPECT_EQ(found_at("pg1"), first);
    dns_.answer("pg1", Addresses{"10.0.0.1"});
    EXPECT_GT(found_at("pg1"), first);
    EXPECT_EQ(found_at("10.0.0.1"), support::Clock::time_point::max());
}

TEST_F(ResolverTest, NamesAnAddressOnceAndNotMoreThan32) {
    dns_.answer("pg1", Addresses{"10.0.0.2", "10.0.0.1", "10.0.0.2"});
    EXPECT_EQ(ask("pg1"), "10.0.0.2 10.0.0.1");
    Addresses many;
    for (int i = 0; i < 40; ++i)
        many.push_back("10.0.0." + std::to_string(i));
    dns_.answer("pg1", many);
    EXPECT_EQ(resolver_.find("pg1", ResolvePrefer::any, kMinute).value().addresses.size(), 32U);
}

TEST_F(ResolverTest, KnownAddressesServeWhileALookupHangs) {
    dns_.answer("pg1", Addresses{"10.0.0.1"});
    EXPECT_EQ(ask("pg1"), "10.0.0.1");
    dns_.hang("pg1");
    const auto start = support::Clock::now();
    EXPECT_EQ(ask("pg1", kMinute), "10.0.0.1");
    EXPECT_LT(support::Clock::now() - start, kSoon);  // and not a minute
}

TEST_F(ResolverTest, AHangingLookupDelaysNobodyBeyondTheTimeout) {
    const auto start = support::Clock::now();
    EXPECT_EQ(ask("pg1", 30ms), "cannot resolve 'pg1': no answer within 30 ms");
    EXPECT_GE(support::Clock::now() - start, 30ms);
    EXPECT_LT(support::Clock::now() - start, kSoon);
    dns_.answer("pg2", Addresses{"10.0.0.2"});
    EXPECT_EQ(ask("pg2"), "10.0.0.2");
}

TEST_F(ResolverTest, ALateAnswerServesTheNextCall) {
    EXPECT_THAT(ask("pg1", 0ms), HasSubstr("no answer within 0 ms"));
    dns_.answer("pg1", Addresses{"10.0.0.1"});
    EXPECT_EQ(ask("pg1"), "10.0.0.1");
}

TEST_F(ResolverTest, AHangingRefreshIsWaitedForOnce) {
    dns_.answer("pg1", Addresses{"10.0.0.1"});
    EXPECT_EQ(ask("pg1"), "10.0.0.1");
    dns_.hang("pg1");
    EXPECT_EQ(ask("pg1", 50ms), "10.0.0.1");
    const auto start = support::Clock::now();
    for (int i = 0; i < 1'000; ++i)
        ASSERT_EQ(ask("pg1", 50ms), "10.0.0.1");
    EXPECT_LT(support::Clock::now() - start, kSoon);  // and not 50 s
    EXPECT_EQ(dns_.lookups("pg1"), 2U);
}

TEST_F(ResolverTest, ANameThatHangsFromTheStartIsWaitedForOnce) {
    const auto start = support::Clock::now();
    for (int i = 0; i < 1'000; ++i)
        ASSERT_THAT(ask("pg1", 50ms), HasSubstr("no answer within 50 ms"));
    EXPECT_LT(support::Clock::now() - start, kSoon);  // and not 50 s
    EXPECT_EQ(dns_.lookups("pg1"), 1U);
}

TEST_F(ResolverTest, CallersShareOneLookup) {
    std::vector<std::future<std::string>> answers(8);
    for (auto& answer : answers)
        answer = std::async(std::launch::async, [&] { return ask("pg1"); });
    dns_.wait_for_lookups("pg1", 1);
    EXPECT_THAT(ask("pg1", 0ms), HasSubstr("no answer within 0 ms"));
    EXPECT_EQ(dns_.lookups("pg1"), 1U);
    dns_.answer("pg1", Addresses{"10.0.0.1"});
    for (auto& answer : answers)
        EXPECT_EQ(answer.get(), "10.0.0.1");
}

TEST_F(ResolverTest, AStopEndsTheWaitAtOnce) {
    std::stop_source stop;
    auto answer = std::async(std::launch::async, [&] {
        return text_of(
            resolver_.addresses_of("pg1", ResolvePrefer::any, kMinute, stop.get_token()));
    });
    dns_.wait_for_lookups("pg1", 1);
    const auto start = support::Clock::now();
    stop.request_stop();
    EXPECT_EQ(answer.get(), "cannot resolve 'pg1': shutting down");
    EXPECT_LT(support::Clock::now() - start, kSoon);
}

TEST_F(ResolverTest, TakesNoMoreThan64LookupsAtATime) {
    for (int i = 0; i < 64; ++i)
        EXPECT_THAT(ask("pg" + std::to_string(i), 0ms), HasSubstr("no answer within 0 ms"));
    EXPECT_EQ(ask("pg64"), "cannot resolve 'pg64': too many other names are being looked up");
    dns_.answer("pg0", Addresses{"10.0.0.1"});
    EXPECT_EQ(ask("pg0"), "10.0.0.1");
    dns_.answer("pg64", Addresses{"10.0.0.64"});
    EXPECT_EQ(ask("pg64"), "10.0.0.64");
}

TEST_F(ResolverTest, AClusterWhoseNamesHangLeavesLookupsToTheOthers) {
    const auto one = resolver_.with_own_share();
    const auto other = resolver_.with_own_share();
    const auto ask_through = [](Resolver& resolver, const std::string& host) {
        return text_of(resolver.addresses_of(host, ResolvePrefer::any, 0ms));
    };
    for (int i = 0; i < 16; ++i)
        EXPECT_THAT(ask_through(*one, "pg" + std::to_string(i)), HasSubstr("no answer within"));
    EXPECT_THAT(ask_through(*one, "pg16"), HasSubstr("too many other names"));
    EXPECT_THAT(ask_through(*other, "pg16"), HasSubstr("no answer within"));
    dns_.answer("pg0", Addresses{"10.0.0.1"});
    EXPECT_EQ(ask("pg0"), "10.0.0.1") << "they share what was found";
    EXPECT_THAT(ask_through(*one, "pg17"), HasSubstr("no answer within"));
}

TEST_F(ResolverTest, RemembersTheThousandNamesThatWereLookedUpLast) {
    const auto name = [](int i) { return "pg" + std::to_string(i); };
    for (int i = 0; i <= 1'000; ++i) {
        dns_.answer(name(i), Addresses{"10.0.0.1"});
        ASSERT_EQ(ask(name(i)), "10.0.0.1");
        dns_.answer(name(i), Failure{"gone"});
    }
    EXPECT_EQ(ask(name(1)), "10.0.0.1");
    EXPECT_EQ(ask(name(1'000)), "10.0.0.1");
    EXPECT_EQ(ask(name(0)), "cannot resolve 'pg0': gone");
}

TEST(ResolverLifeTest, ALookupMayOutliveItsResolver) {
    FakeDns dns;
    {
        Resolver resolver(dns.lookup());
        (void)resolver.addresses_of("pg1", ResolvePrefer::any, 0ms);
        dns.wait_for_lookups("pg1", 1);
    }
    dns.answer("pg1", Addresses{"10.0.0.1"});
}

TEST(ResolverDeathTest, AHangingLookupDoesNotDelayTheEndOfTheProcess) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    const auto start = support::Clock::now();
    EXPECT_EXIT(
        {
            Resolver resolver([](const std::string&, Resolver::Family) -> Found {
                for (;;)
                    std::this_thread::sleep_for(1h);
            });
            (void)resolver.addresses_of("pg1", ResolvePrefer::any, 10ms);
            std::exit(7);  // NOLINT(concurrency-mt-unsafe): it is what is tested
        },
        testing::ExitedWithCode(7), "");
    EXPECT_LT(support::Clock::now() - start, kSoon);
}

TEST(ResolverSystemTest, AsksTheSystem) {
    Resolver resolver;
    EXPECT_THAT(text_of(resolver.addresses_of("localhost", ResolvePrefer::ipv4, kMinute)),
                StartsWith("127.0.0.1"));
    // Longer than a name's part may be, so that no server is asked.
    const std::string impossible(64, 'x');
    EXPECT_THAT(text_of(resolver.addresses_of(impossible, ResolvePrefer::any, kMinute)),
                StartsWith("cannot resolve '" + impossible + "': "));
}

}  // namespace
}  // namespace patroni
