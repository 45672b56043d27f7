#include "patroni/watch/cluster_watcher.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <ctime>
#include <filesystem>
#include <functional>
#include <future>
#include <iomanip>
#include <iterator>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "patroni/verdict/evidence.h"
#include "support/fakes/cluster_json.h"
#include "support/fakes/fake_backend.h"
#include "support/fakes/fake_patroni.h"
#include "support/wait.h"
#include "unit/patroni/patience.h"

namespace patroni {
namespace {

using namespace std::chrono_literals;
using support::ClusterJson;
using support::ClusterMember;
using support::FakePatroni;
using support::Fault;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using testing::StartsWith;

constexpr auto kNever = 1h;  // as an interval: after the first poll only poll_now() begins one

/// Keeps what a watcher tells, from its thread to the test's.
template <typename T>
class Recorder {
  public:
    std::function<void(const T&)> callback() {
        return [this](const T& told) {
            const std::lock_guard lock(mutex_);
            told_.push_back(told);
            changed_.notify_all();
        };
    }

    /// The `n`th that was told, counted from 0; waits for it.
    T at(std::size_t n) {
        wait([&] { return told_.size() > n; }, "number " + std::to_string(n));
        const std::lock_guard lock(mutex_);
        return told_[n];
    }
    /// The first of which `is_it` holds; waits for it.
    T first(const std::function<bool(const T&)>& is_it, const std::string& what) {
        T found;
        wait(
            [&] {
                const auto it = std::find_if(told_.begin(), told_.end(), is_it);
                if (it == told_.end())
                    return false;
                found = *it;
                return true;
            },
            what);
        return found;
    }
    T last() {
        const std::lock_guard lock(mutex_);
        return told_.back();
    }
    std::vector<T> all() {
        const std::lock_guard lock(mutex_);
        return told_;
    }
    std::size_t count() { return all().size(); }

  private:
    void wait(const std::function<bool()>& done, const std::string& what) {
        std::unique_lock lock(mutex_);
        support::wait_until(lock, changed_, support::default_timeout, done, what,
                            [&] { return std::to_string(told_.size()) + " told"; });
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<T> told_;
};

ClusterMember leader(const std::string& name, const std::string& api_url = {}) {
    ClusterMember member{
        .name = name, .role = "leader", .state = "running", .host = "127.0.0.11", .port = 5432};
    if (!api_url.empty())
        member.api_url = api_url;
    return member;
}

ClusterMember replica(const std::string& name, const std::string& api_url = {}) {
    ClusterMember member = leader(name, api_url);
    member.role = "replica";
    member.lag = 0;
    return member;
}

std::string cluster_of(const std::vector<ClusterMember>& members) {
    ClusterJson json;
    for (const auto& member : members)
        json.member(member);
    return json.str();
}

std::string api_url_of(const FakePatroni& patroni) {
    return patroni.url() + "/patroni";
}

/// The body of GET /primary and GET /patroni.
std::string own_word(const std::string& role, const std::string& more = {}) {
    return R"({"state": "running", "role": ")" + role + R"(", "timeline": 1)" + more + "}";
}

void proves(FakePatroni& patroni) {
    patroni.answer("/primary", {.body = own_word("primary")});
}
void denies(FakePatroni& patroni) {
    patroni.answer("/primary", {.status = 503, .body = own_word("replica")});
}

std::string first_member_of(const ClusterView& view) {
    return view.snapshot && !view.snapshot->members.empty() ? view.snapshot->members[0].name
                                                            : "nobody";
}

std::function<bool(const ClusterView&)> led_by(const std::string& member) {
    return [=](const ClusterView& view) { return view.leader.member == member; };
}

using Poll = ClusterWatcher::PollResult;

/// Two hosts that answer, and settings to watch them. Their cluster has one member, p1, whose own
/// API nobody knows, so that it leads by /cluster alone.
class ClusterWatcherTest : public testing::Test {
  protected:
    ClusterWatcherTest() { both_answer({leader("p1")}); }

    void both_answer(const std::vector<ClusterMember>& members) {
        for (FakePatroni* each : {&a_, &b_})
            each->answer_cluster(cluster_of(members));
    }

    static ClusterWatcher::Settings watch(const std::vector<const FakePatroni*>& hosts,
                                          std::chrono::milliseconds interval) {
        ClusterWatcher::Settings settings;
        for (const auto* host : hosts)
            settings.hosts.push_back(Endpoint::parse(host->url()).value());
        settings.interval = interval;
        settings.timeouts = kPatient;
        return settings;
    }
    ClusterWatcher::Settings both(std::chrono::milliseconds interval = kNever) const {
        return watch({&a_, &b_}, interval);
    }
    ClusterWatcher::Settings only_a(std::chrono::milliseconds interval = kNever) const {
        return watch({&a_}, interval);
    }

    Poll poll_now(ClusterWatcher& watcher) {
        Recorder<Poll> told;
        watcher.poll_now(told.callback());
        return told.at(0);
    }

    FakePatroni& at(const std::string& url) { return url == a_.url() ? a_ : b_; }
    FakePatroni& other_than(const std::string& url) { return url == a_.url() ? b_ : a_; }

    FakePatroni a_;
    FakePatroni b_;
    Recorder<ClusterView> views_;
    Recorder<Poll> polls_;
    Recorder<Poll> asked_;
};

// ---------------------------------------------------------------------------------------------
// Hosts

TEST_F(ClusterWatcherTest, AnAnswerThatSaysNothingIsAnErrorOfItsHostAndTheNextIsAsked) {
    for (const std::string nothing :
         {R"({"members": []})", R"({"members": [1, {"name": "p1", "role": "chief"}]})"}) {
        both_answer({leader("p1")});
        Recorder<Poll> polls;
        ClusterWatcher watcher(both(), views_.callback(), polls.callback());
        watcher.start();
        const std::string first = polls.at(0).host;
        at(first).answer_cluster(nothing);
        const Poll poll = poll_now(watcher);
        EXPECT_TRUE(poll.answered);
        EXPECT_EQ(poll.host, other_than(first).url());
        EXPECT_THAT(poll.errors, testing::StartsWith(first + ": "));
        EXPECT_EQ(views_.last().leader.member, "p1");
    }
}

TEST_F(ClusterWatcherTest, WithoutALeaderAnAnswerWithoutMembersCounts) {
    both_answer({});
    ClusterWatcher watcher(both(), views_.callback(), polls_.callback());
    watcher.start();
    EXPECT_TRUE(polls_.at(0).answered);
    EXPECT_EQ(polls_.at(0).errors, "");
}

TEST_F(ClusterWatcherTest, AResultSaysWhichHostAnswered) {
    ClusterWatcher watcher(only_a(), views_.callback(), polls_.callback());
    watcher.start();
    const auto poll = polls_.at(0);
    EXPECT_TRUE(poll.answered);
    EXPECT_EQ(poll.host, a_.url());
    EXPECT_EQ(poll.errors, "");
    EXPECT_EQ(first_member_of(views_.at(0)), "p1");
}

TEST_F(ClusterWatcherTest, StaysWithAHostWhileItAnswers) {
    ClusterWatcher watcher(both(1ms), views_.callback(), polls_.callback());
    watcher.start();
    const std::string host = polls_.at(0).host;
    for (std::size_t i = 1; i < 20; ++i)
        EXPECT_EQ(polls_.at(i).host, host);
    EXPECT_EQ(other_than(host).requests("/cluster"), 0U);
}

TEST_F(ClusterWatcherTest, AsksTheNextHostInTheSamePollAndStaysThere) {
    ClusterWatcher watcher(both(), views_.callback(), polls_.callback());
    watcher.start();
    const std::string first = polls_.at(0).host;
    const std::string second = other_than(first).url();
    at(first).stop();
    auto poll = poll_now(watcher);
    EXPECT_TRUE(poll.answered);
    EXPECT_EQ(poll.host, second);
    EXPECT_THAT(poll.errors, StartsWith(first + ": "));
    EXPECT_THAT(poll.errors, HasSubstr("connection refused"));

    at(first).start();
    poll = poll_now(watcher);
    EXPECT_EQ(poll.host, second);
    EXPECT_EQ(poll.errors, "");
}

TEST_F(ClusterWatcherTest, ManyWatchersDoNotAllStartWithTheFirstHost) {
    // Each starts with either host: that 40 choose the same happens once in 500 billion runs.
    std::vector<std::unique_ptr<ClusterWatcher>> watchers;
    for (int i = 0; i < 40; ++i) {
        watchers.push_back(
            std::make_unique<ClusterWatcher>(both(), views_.callback(), polls_.callback()));
        watchers.back()->start();
    }
    (void)polls_.at(39);
    EXPECT_GT(a_.requests("/cluster"), 0U);
    EXPECT_GT(b_.requests("/cluster"), 0U);
}

TEST_F(ClusterWatcherTest, MembersThatPatroniNamedAreAskedWhenAllHostsAreGone) {
    a_.answer_cluster(cluster_of({leader("p1", api_url_of(b_))}));
    proves(b_);
    ClusterWatcher watcher(only_a(), views_.callback(), polls_.callback());
    watcher.start();
    EXPECT_EQ(polls_.at(0).host, a_.url());
    EXPECT_EQ(b_.requests("/cluster"), 0U);
    a_.stop();
    const auto poll = poll_now(watcher);
    EXPECT_EQ(poll.host, b_.url());
    EXPECT_THAT(poll.errors, StartsWith(a_.url() + ": "));
}

TEST_F(ClusterWatcherTest, AHostThatFailedComesLastForAWhile) {
    // As b_ is none of the hosts, it is asked first only because a_ has failed.
    a_.answer_cluster(cluster_of({leader("p1", api_url_of(b_))}));
    b_.answer_cluster(cluster_of({leader("p1", api_url_of(b_))}));
    proves(b_);
    ClusterWatcher watcher(only_a(), views_.callback(), polls_.callback());
    watcher.start();
    (void)polls_.at(0);
    a_.stop();
    EXPECT_EQ(poll_now(watcher).host, b_.url());
    a_.start();
    const auto before = a_.requests("/cluster");
    const auto poll = poll_now(watcher);
    EXPECT_EQ(poll.host, b_.url());
    EXPECT_EQ(poll.errors, "");
    EXPECT_EQ(a_.requests("/cluster"), before);
    // It is still asked when there is nobody else.
    b_.stop();
    EXPECT_EQ(poll_now(watcher).host, a_.url());
}

TEST_F(ClusterWatcherTest, AFrozenHostIsPassedOverAndNotAskedAgain) {
    ClusterWatcher watcher(both(), views_.callback(), polls_.callback());
    watcher.start();
    const std::string frozen = polls_.at(0).host;
    const std::string other = other_than(frozen).url();
    at(frozen).answer("/cluster", {.fault = Fault::stall});
    auto start = Clock::now();
    auto poll = poll_now(watcher);
    EXPECT_EQ(poll.host, other);
    EXPECT_TRUE(poll.answered);
    EXPECT_GE(Clock::now() - start, 190ms) << "a host that is merely slow has its time";
    EXPECT_LT(Clock::now() - start, kSoon);
    EXPECT_EQ(at(frozen).requests("/cluster"), 2U);

    start = Clock::now();
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(poll_now(watcher).host, other);
    EXPECT_LT(Clock::now() - start, 4s) << "each waited a second for it";
    EXPECT_EQ(at(frozen).requests("/cluster"), 2U) << "its answer is still awaited";
}

TEST_F(ClusterWatcherTest, ALateAnswerOfAHostThatWasPassedOverChangesNothing) {
    ClusterWatcher watcher(both(), views_.callback(), polls_.callback());
    watcher.start();
    const std::string slow = polls_.at(0).host;
    at(slow).hold("/cluster");
    at(slow).answer_cluster(cluster_of({leader("of long ago")}));
    FakePatroni& other = other_than(slow);
    EXPECT_EQ(poll_now(watcher).host, other.url());
    // It comes in the middle of the next poll, which has asked somebody else.
    other.hold("/cluster");
    watcher.poll_now(asked_.callback());
    other.wait_for_requests("/cluster", 2);
    at(slow).release("/cluster");
    at(slow).wait_for_answers("/cluster", 2);
    other.release("/cluster");
    EXPECT_EQ(asked_.at(0).host, other.url());
    for (const auto& view : views_.all())
        EXPECT_EQ(first_member_of(view), "p1");
}

// ---------------------------------------------------------------------------------------------
// Answers

TEST_F(ClusterWatcherTest, AFailedPollTellsWhyOfEveryHostAndLeavesTheViewAlone) {
    a_.stop();
    b_.answer("/cluster", {.status = 503});
    ClusterWatcher watcher(both(), views_.callback(), polls_.callback());
    watcher.start();
    const auto poll = polls_.at(0);
    EXPECT_FALSE(poll.answered);
    EXPECT_EQ(poll.host, "");
    EXPECT_THAT(poll.errors, HasSubstr(a_.url() + ": "));
    EXPECT_THAT(poll.errors, HasSubstr("connection refused"));
    EXPECT_THAT(poll.errors, HasSubstr(b_.url() + ": status 503 Service Unavailable"));
    EXPECT_THAT(poll.errors, HasSubstr("; "));
    EXPECT_EQ(views_.count(), 0U);
}

TEST_F(ClusterWatcherTest, OnlyAWholeClusterIsAGoodAnswer) {
    ClusterWatcher watcher(only_a(), views_.callback(), polls_.callback());
    a_.answer("/cluster",
              {.body = cluster_of({leader("p1")}), .fault = Fault::truncate, .truncate_after = 30});
    watcher.start();
    EXPECT_THAT(polls_.at(0).errors, HasSubstr("the answer is not JSON"));

    const std::vector<std::pair<support::Answer, std::string>> cases{
        {{.body = ""}, "the answer is not JSON"},
        {{.body = "[]"}, "the answer is not a JSON object"},
        {{.status = 404, .body = cluster_of({leader("p1")})}, "status 404 Not Found"},
        {{.fault = Fault::close_without_answer}, a_.url() + ": "},
    };
    for (const auto& [answer, reason] : cases) {
        a_.answer("/cluster", answer);
        const auto poll = poll_now(watcher);
        EXPECT_FALSE(poll.answered) << reason;
        EXPECT_THAT(poll.errors, HasSubstr(reason));
    }
    EXPECT_EQ(views_.count(), 0U);
}

TEST_F(ClusterWatcherTest, RecoversFromFailedPolls) {
    a_.stop();
    ClusterWatcher watcher(only_a(1ms), views_.callback(), polls_.callback());
    watcher.start();
    EXPECT_FALSE(polls_.at(2).answered);
    a_.start();
    EXPECT_TRUE(poll_now(watcher).answered);
    EXPECT_EQ(first_member_of(views_.last()), "p1");
}

TEST_F(ClusterWatcherTest, PollsAreAnIntervalApart) {
    constexpr auto interval = 60ms;
    ClusterWatcher watcher(only_a(interval), views_.callback(), polls_.callback());
    const auto start = Clock::now();
    watcher.start();
    a_.wait_for_requests("/cluster", 5);
    // A tenth of it is chance. From the start on, a busy machine can only make requests later;
    // two that follow each other it can bring closer together.
    auto asked = a_.request_log();
    std::erase_if(asked, [](const auto& request) { return request.path != "/cluster"; });
    EXPECT_GE(asked.at(4).time - start, 4 * interval * 9 / 10);
}

// ---------------------------------------------------------------------------------------------
// Etiquette

TEST_F(ClusterWatcherTest, APollAsksEachApiOnceAndOneAfterTheOther) {
    // One API is host and leader; the replica's is asked nothing.
    FakePatroni idle;
    a_.answer_cluster(cluster_of({leader("p1", api_url_of(a_)), replica("p2", api_url_of(idle))}));
    proves(a_);
    ClusterWatcher watcher(only_a(), views_.callback(), polls_.callback());
    watcher.start();
    (void)polls_.at(0);
    for (int i = 0; i < 20; ++i)
        (void)poll_now(watcher);
    EXPECT_EQ(a_.requests("/cluster"), polls_.count());
    EXPECT_EQ(a_.requests("/primary"), polls_.count());
    EXPECT_EQ(a_.request_log().size(), 2 * polls_.count());
    EXPECT_EQ(a_.max_concurrent(), 1U);
    EXPECT_EQ(idle.request_log().size(), 0U);
    a_.wait_for_open_connections(0);
}

TEST_F(ClusterWatcherTest, AnApiHasOneRequestInFlightHoweverSlowItIs) {
    // It takes longer than a poll waits for it.
    a_.answer_cluster(cluster_of({leader("p1", api_url_of(b_))}));
    b_.answer("/primary", {.body = own_word("primary"), .delay = 1'200ms});
    ClusterWatcher watcher(only_a(10ms), views_.callback(), polls_.callback());
    watcher.start();
    (void)views_.first(led_by("p1"), "p1 to prove itself");
    a_.wait_for_requests("/cluster", 20);
    EXPECT_EQ(b_.max_concurrent(), 1U);
    watcher.stop();
    b_.wait_for_open_connections(0);
    a_.wait_for_open_connections(0);
}

TEST_F(ClusterWatcherTest, AnApiThatIsSlowToFailIsAskedLessInAlert) {
    constexpr auto delay = 12ms;
    a_.answer_cluster(cluster_of({replica("p1")}));  // nobody leads
    ClusterWatcher watcher(only_a(1h), views_.callback(), polls_.callback());
    watcher.start();
    (void)polls_.at(0);
    a_.answer("/cluster", {.status = 503, .delay = delay});
    const auto before = a_.requests("/cluster");
    a_.wait_for_requests("/cluster", before + 3);
    const auto log = a_.request_log();
    // A twentieth of its time is ours, and a twentieth of that is chance. A busy machine can only
    // make it later.
    EXPECT_GE(log.at(log.size() - 1).time - log.at(log.size() - 2).time, 20 * delay * 19 / 20);
}

// ---------------------------------------------------------------------------------------------
// Who leads

TEST_F(ClusterWatcherTest, TheLeaderProvesItselfThroughItsOwnApi) {
    both_answer({leader("p1", api_url_of(b_)), replica("p2")});
    proves(b_);
    ClusterWatcher watcher(only_a(), views_.callback(), polls_.callback());
    watcher.start();
    (void)polls_.at(0);
    EXPECT_EQ(views_.at(0).leader.member, "") << "/cluster alone does not make one";
    const auto view = views_.at(1);
    EXPECT_EQ(view.leader.member, "p1");
    EXPECT_EQ(view.leader.standing, Standing::eligible);
    EXPECT_EQ(view.leader.reason, "leader");
    EXPECT_THAT(view.warnings, testing::IsEmpty());
    EXPECT_EQ(b_.requests("/primary"), 1U);
}

TEST_F(ClusterWatcherTest, ALeaderWhoseApiIsUnknownLeadsByClusterAloneWithAWarning) {
    ClusterWatcher watcher(only_a(), views_.callback(), polls_.callback());
    watcher.start();
    (void)polls_.at(0);
    const auto view = views_.last();
    EXPECT_EQ(view.leader.member, "p1");
    EXPECT_EQ(view.leader.standing, Standing::eligible);
    EXPECT_THAT(view.warnings,
                ElementsAre("p1 is leader by /cluster alone: its API does not answer: no api_url "
                            "in Patroni's answer"));
}

TEST_F(ClusterWatcherTest, ALeaderWhoseApiRefusesLeadsByClusterAloneWithAWarning) {
    both_answer({leader("p1", api_url_of(b_))});
    b_.stop();
    ClusterWatcher watcher(only_a(), views_.callback(), polls_.callback());
    watcher.start();
    (void)polls_.at(0);
    const auto view = views_.last();
    EXPECT_EQ(view.leader.member, "p1");
    EXPECT_EQ(view.leader.standing, Standing::eligible);
    EXPECT_THAT(view.warnings,
                ElementsAre(testing::AllOf(StartsWith("p1 is leader by /cluster alone: "),
                                           HasSubstr("connection refused"))));
}

TEST_F(ClusterWatcherTest, ALeaderThatAnswersNonsenseLeadsByClusterAloneWithAWarning) {
    both_answer({leader("p1", api_url_of(b_))});
    b_.answer("/primary", {.body = "<html>"});
    ClusterWatcher watcher(only_a(), views_.callback(), polls_.callback());
    watcher.start();
    (void)polls_.at(0);
    EXPECT_EQ(views_.last().leader.member, "p1");
    EXPECT_THAT(views_.last().warnings, ElementsAre(HasSubstr("the answer is not JSON")));
}

TEST_F(ClusterWatcherTest, ALockHolderLeadsOnceItIsPromoted) {
    both_answer({leader("p1", api_url_of(b_))});
    // The status turns before the promotion has finished.
    b_.answer("/primary", {.body = own_word("replica")});
    ClusterWatcher watcher(only_a(), views_.callback(), polls_.callback());
    watcher.start();
    (void)polls_.at(0);
    EXPECT_EQ(views_.last().leader.member, "");
    EXPECT_EQ(views_.last().leader.reason,
              "p1 is shown as leader, but its API answers 200, role replica, state running");
    // Nobody asks for it: the watcher looks again soon, by itself.
    proves(b_);
    (void)views_.first(led_by("p1"), "p1 to lead");
}

TEST_F(ClusterWatcherTest, AChangeIsPolledAgainSoon) {
    both_answer({leader("p1", api_url_of(b_)), replica("p2")});
    proves(b_);
    ClusterWatcher watcher(only_a(), views_.callback(), polls_.callback());
    watcher.start();
    (void)polls_.at(0);
    a_.answer_cluster(cluster_of({leader("p1", api_url_of(b_))}));
    (void)poll_now(watcher);
    const auto first = views_.last().answered_at;
    // Nobody asks for it: the next is due in an hour. It goes on until there is an answer late
    // enough to be a second piece of evidence, and no longer.
    (void)views_.first(
        [&](const auto& view) { return view.answered_at - first >= Evidence::kConfirmAfter; },
        "a second answer");
    const auto polls = polls_.count();
    watcher.poll_now(asked_.callback());
    (void)asked_.at(0);
    EXPECT_LE(polls, 6U);
}

TEST_F(ClusterWatcherTest, MembersAtAddressesThatNeverAnswerDoNotAddUp) {
    const support::FakeBackend silent({.ip = "0.0.0.0", .greeting = false, .echo = false});
    auto name_another = [&, number = 0]() mutable {
        const std::string n = std::to_string(++number);
        a_.answer_cluster(cluster_of({leader(
            "p" + n, "http://127.0.3." + n + ":" + std::to_string(silent.port()) + "/patroni")}));
    };
    const auto threads = [] {
        return std::distance(std::filesystem::directory_iterator("/proc/self/task"), {});
    };
    auto settings = only_a();
    settings.timeouts.total = 300ms;
    ClusterWatcher watcher(settings, views_.callback(), polls_.callback());
    name_another();
    watcher.start();
    (void)polls_.at(0);
    const auto before = threads();
    for (std::size_t i = 1; i <= 10; ++i) {
        name_another();
        (void)polls_.at(i);
    }
    EXPECT_LT(threads() - before, 8) << "two for each that is still asked";
}

TEST_F(ClusterWatcherTest, TroubleThatChangesNothingIsThrottled) {
    both_answer({leader("p1", api_url_of(b_))});
    proves(b_);
    ClusterWatcher watcher(only_a(1h), views_.callback(), polls_.callback());
    watcher.start();
    (void)polls_.at(0);
    // Each has some four polls follow it: heard at every moment they would be dozens.
    for (const auto end = Clock::now() + 1s; Clock::now() < end;) {
        watcher.report_trouble("p1", Trouble::ended);
        std::this_thread::yield();
    }
    EXPECT_LE(a_.requests("/cluster"), 8U);
}

TEST_F(ClusterWatcherTest, ASwitchoverIsFollowedAsSoonAsTheNewLeaderProvesItself) {
    FakePatroni p1;
    FakePatroni p2;
    proves(p1);
    denies(p2);
    a_.answer_cluster(cluster_of({leader("p1", api_url_of(p1)), replica("p2", api_url_of(p2))}));
    ClusterWatcher watcher(only_a(), views_.callback(), polls_.callback());
    watcher.start();
    (void)views_.first(led_by("p1"), "p1 to lead");
    denies(p1);
    proves(p2);
    a_.answer_cluster(cluster_of({replica("p1", api_url_of(p1)), leader("p2", api_url_of(p2))}));
    (void)poll_now(watcher);
    EXPECT_EQ(views_.last().leader.member, "p2");
    EXPECT_EQ(views_.last().leader.standing, Standing::eligible);
}

TEST_F(ClusterWatcherTest, TheLockHolderIsAskedUntilItIsPromoted) {
    both_answer({leader("p1", api_url_of(b_))});
    denies(b_);
    ClusterWatcher watcher(only_a(kNever), views_.callback(), polls_.callback());
    watcher.start();
    b_.wait_for_requests("/primary", 12);
    EXPECT_LE(2 * a_.requests("/cluster"), 12U) << "it is asked between the polls too";
    proves(b_);
    (void)views_.first(led_by("p1"), "p1 to lead");
}

TEST_F(ClusterWatcherTest, APlannedSwitchoverStartsAnAlert) {
    const auto planned_in = [this](std::chrono::seconds seconds) {
        const auto at =
            std::chrono::system_clock::to_time_t(std::chrono::system_clock::now() + seconds);
        std::ostringstream json;
        json << R"({"at": ")" << std::put_time(std::gmtime(&at), "%FT%T+00:00") << "\"}";
        a_.answer_cluster(ClusterJson()
                              .member(leader("p1", api_url_of(b_)))
                              .extra("scheduled_switchover", json.str())
                              .str());
    };
    proves(b_);
    planned_in(3600s);
    ClusterWatcher watcher(only_a(kNever), views_.callback(), polls_.callback());
    watcher.start();
    (void)polls_.at(0);
    EXPECT_EQ(a_.requests("/cluster"), 1U) << "there is time";
    planned_in(3s);  // which is a second before it is near
    (void)poll_now(watcher);
    a_.wait_for_requests("/cluster", 12);  // a push alone is followed by three or four
}

TEST_F(ClusterWatcherTest, AFrozenLeaderDelaysNoPollOfTheCluster) {
    both_answer({leader("p1", api_url_of(b_))});
    b_.answer("/primary", {.fault = Fault::stall});
    ClusterWatcher watcher(only_a(20ms), views_.callback(), polls_.callback());
    watcher.start();
    // The first poll waits a second for it, the others not at all.
    const auto start = Clock::now();
    a_.wait_for_requests("/cluster", 12);
    EXPECT_LT(Clock::now() - start, 8s) << "each waited a second for it";
    EXPECT_EQ(b_.requests("/primary"), 1U);
    EXPECT_EQ(views_.last().leader.member, "") << "it may still deny it";
    // Its word counts whenever it comes.
    proves(b_);
    b_.release("/primary");
    (void)views_.first(led_by("p1"), "p1 to lead");
}

TEST_F(ClusterWatcherTest, ALeaderThatIsSilentForTheWholeTimeoutLeadsByClusterAlone) {
    both_answer({leader("p1", api_url_of(b_))});
    b_.answer("/primary", {.fault = Fault::stall});
    auto settings = only_a();
    settings.timeouts = {.connect = 300ms, .total = 300ms};
    ClusterWatcher watcher(settings, views_.callback(), polls_.callback());
    watcher.start();
    const auto view = views_.first(led_by("p1"), "p1 to lead");
    EXPECT_EQ(view.warnings.size(), 1U);
}

// ---------------------------------------------------------------------------------------------
// Live positions

TEST_F(ClusterWatcherTest, LivePositionsAreAskedOfEveryMemberThatRuns) {
    FakePatroni p3;
    auto stopped = replica("p3", api_url_of(p3));
    stopped.state = "stopped";
    a_.answer_cluster(
        cluster_of({leader("p1", api_url_of(a_)), replica("p2", api_url_of(b_)), stopped}));
    proves(a_);
    a_.answer("/patroni", {.body = own_word("primary", R"(, "xlog": {"location": 5000})")});
    b_.answer("/patroni", {.body = own_word("replica", R"(, "xlog": {"received_location": 5000,
                                                            "replayed_location": 3000})")});
    auto settings = only_a();
    settings.judged_by = {{.lag_source = LagSource::live}};
    ClusterWatcher watcher(settings, views_.callback(), polls_.callback());
    watcher.start();
    (void)polls_.at(0);
    EXPECT_THAT(views_.last().live_lag, ElementsAre(Pair("p1", 0), Pair("p2", 2000)));
    (void)poll_now(watcher);
    EXPECT_EQ(a_.requests("/patroni"), 2U);
    EXPECT_EQ(b_.requests("/patroni"), 2U);
    EXPECT_EQ(b_.request_log().size(), 2U);
    EXPECT_EQ(p3.request_log().size(), 0U);
    EXPECT_EQ(a_.max_concurrent(), 1U);
    a_.wait_for_open_connections(0);
}

TEST_F(ClusterWatcherTest, PositionsThatComeTogetherMakeOneView) {
    std::array<FakePatroni, 10> replicas;
    std::vector<ClusterMember> members{leader("p0", api_url_of(a_))};
    for (const FakePatroni& each : replicas)
        members.push_back(replica("p" + std::to_string(members.size()), api_url_of(each)));
    a_.answer_cluster(cluster_of(members));
    proves(a_);
    const std::string position = own_word("primary", R"(, "xlog": {"location": 5000})");
    a_.answer("/patroni", {.body = position});
    for (FakePatroni& each : replicas)
        each.answer("/patroni", {.body = position});
    auto settings = only_a();
    settings.judged_by = {{.lag_source = LagSource::live}};
    ClusterWatcher watcher(settings, views_.callback(), polls_.callback());
    const auto start = Clock::now();
    watcher.start();
    (void)views_.first(
        [&](const ClusterView& view) { return view.live_lag.size() == members.size(); },
        "the positions of all");
    // That of /cluster, that of /primary, and one for each tenth of a second.
    EXPECT_LE(views_.count(), 3U + static_cast<std::size_t>((Clock::now() - start) / 100ms));
}

TEST_F(ClusterWatcherTest, WithALimitPositionsAreAskedForWhereClusterTellsNoReplayLag) {
    proves(a_);
    const auto positions_of_p2 = [&](ClusterMember p2) {
        a_.answer_cluster(cluster_of({leader("p1", api_url_of(a_)), std::move(p2)}));
        auto settings = only_a();
        settings.judged_by = {{}, {.max_lag = 1'000}};
        const std::size_t before = b_.requests("/patroni");
        Recorder<Poll> polls;
        ClusterWatcher watcher(settings, views_.callback(), polls.callback());
        watcher.start();
        (void)polls.at(0);
        return b_.requests("/patroni") - before;
    };
    ClusterMember p2 = replica("p2", api_url_of(b_));
    EXPECT_EQ(positions_of_p2(p2), 1U);
    p2.extra = {{"replay_lag", "0"}};
    EXPECT_EQ(positions_of_p2(p2), 0U);
}

TEST_F(ClusterWatcherTest, WithoutLiveLagNoPositionsAreAsked) {
    a_.answer_cluster(cluster_of({leader("p1", api_url_of(a_)), replica("p2", api_url_of(b_))}));
    proves(a_);
    ClusterWatcher watcher(only_a(), views_.callback(), polls_.callback());
    watcher.start();
    (void)polls_.at(0);
    EXPECT_EQ(a_.requests("/patroni"), 0U);
    EXPECT_EQ(b_.request_log().size(), 0U);
    EXPECT_THAT(views_.last().live_lag, testing::IsEmpty());
}

// ---------------------------------------------------------------------------------------------
// poll_now() and stop()

TEST_F(ClusterWatcherTest, PollNowBeginsAfterTheCallEvenIfAPollIsUnderWay) {
    a_.hold("/cluster");
    ClusterWatcher watcher(only_a(), views_.callback(), polls_.callback());
    watcher.start();
    a_.wait_for_requests("/cluster", 1);
    // What the poll under way learns may be older than what the caller knows.
    watcher.poll_now(asked_.callback());
    a_.release("/cluster");
    EXPECT_TRUE(asked_.at(0).answered);
    EXPECT_EQ(a_.requests("/cluster"), 2U);
    EXPECT_EQ(asked_.count(), 1U);
    EXPECT_EQ(polls_.count(), 2U);
}

TEST_F(ClusterWatcherTest, OnePollServesEveryEarlierRequestForOne) {
    a_.hold("/cluster");
    ClusterWatcher watcher(only_a(), views_.callback(), polls_.callback());
    watcher.start();
    a_.wait_for_requests("/cluster", 1);
    for (int i = 0; i < 10; ++i)
        watcher.poll_now(asked_.callback());
    a_.release("/cluster");
    (void)asked_.at(9);
    EXPECT_EQ(a_.requests("/cluster"), 2U);
}

TEST_F(ClusterWatcherTest, PollNowIsAnsweredAfterTheViewsAndTheResult) {
    both_answer({leader("p1", api_url_of(b_))});
    proves(b_);
    ClusterWatcher watcher(only_a(), views_.callback(), polls_.callback());
    watcher.start();
    (void)polls_.at(0);
    const auto views_before = views_.count();
    Recorder<Poll> told;
    watcher.poll_now([&](const Poll& poll) {
        EXPECT_EQ(polls_.count(), 2U);
        EXPECT_EQ(views_.count(), views_before + 2) << "/cluster and /primary";
        told.callback()(poll);
    });
    EXPECT_EQ(told.at(0).host, a_.url());
}

TEST_F(ClusterWatcherTest, PollNowBeforeTheStartGetsTheFirstPoll) {
    ClusterWatcher watcher(only_a(), views_.callback(), polls_.callback());
    watcher.poll_now(asked_.callback());
    watcher.start();
    EXPECT_TRUE(asked_.at(0).answered);
    EXPECT_EQ(a_.requests("/cluster"), 1U);
}

TEST_F(ClusterWatcherTest, APushIsFollowedByASecondPoll) {
    both_answer({leader("p1", api_url_of(b_))});
    proves(b_);
    ClusterWatcher watcher(only_a(1h), views_.callback(), polls_.callback());
    watcher.start();
    (void)polls_.at(0);
    watcher.poll_now(asked_.callback());
    (void)asked_.at(0);
    (void)polls_.at(2);
    EXPECT_EQ(a_.requests("/cluster"), 3U);
}

TEST_F(ClusterWatcherTest, TroubleOnTheDataPathIsAReasonToAskAtOnceAndAgain) {
    both_answer({leader("p1", api_url_of(b_))});
    proves(b_);
    ClusterWatcher watcher(only_a(1h), views_.callback(), polls_.callback());
    watcher.start();
    (void)polls_.at(0);
    for (int i = 0; i < 100; ++i)
        watcher.report_trouble("p1", Trouble::ended);
    (void)polls_.at(2);
    EXPECT_LE(a_.requests("/cluster"), 7U) << "of a hundred";
}

TEST_F(ClusterWatcherTest, RepeatedTroubleChecksTheLeaderOnly) {
    both_answer({leader("p1", api_url_of(b_))});
    proves(b_);
    ClusterWatcher watcher(only_a(1h), views_.callback(), polls_.callback());
    watcher.start();
    (void)polls_.at(0);
    // A poll asks for /cluster first, and the leader once.
    support::eventually(
        [&] {
            watcher.report_trouble("p1", Trouble::ended);
            const auto looks = b_.requests("/primary");
            return looks > a_.requests("/cluster");
        },
        "the leader to be asked without a poll");
}

TEST_F(ClusterWatcherTest, AHostThatHangsIsNotAskedAnewInEveryPoll) {
    both_answer({leader("p1", api_url_of(a_)), replica("p2", api_url_of(b_))});
    proves(a_);
    ClusterWatcher watcher(only_a(1h), views_.callback(), polls_.callback());
    watcher.start();
    (void)polls_.at(0);
    a_.answer("/cluster", {.fault = Fault::stall});
    watcher.report_trouble("p1", Trouble::refused);
    b_.wait_for_requests("/cluster", 3);
    // Whatever a was asked meanwhile comes before the last of these.
    both_answer({leader("p1", api_url_of(a_)), replica("p2", api_url_of(b_))});
    a_.release("/cluster");
    a_.wait_for_requests("/primary", 3);
    EXPECT_LE(a_.requests("/cluster"), 3U) << "once more, if b was slow";
}

TEST_F(ClusterWatcherTest, ALeaderThatDoesNotAnswerACheckStartsAnAlert) {
    both_answer({leader("p1", api_url_of(b_))});
    proves(b_);
    ClusterWatcher watcher(only_a(1h), views_.callback(), polls_.callback());
    watcher.start();
    (void)polls_.at(0);
    b_.answer("/primary", {.fault = Fault::stall});
    // Trouble is looked at for a second, but as long as it is silent this does not end.
    watcher.report_trouble("p1", Trouble::ended);
    a_.wait_for_requests("/cluster", 12);
    EXPECT_EQ(views_.last().leader.reason, "leader") << "until its silence is one";
}

TEST_F(ClusterWatcherTest, ACheckWithoutAnAnswerStartsAPoll) {
    both_answer({leader("p1", api_url_of(b_))});
    proves(b_);
    ClusterWatcher watcher(only_a(1h), views_.callback(), polls_.callback());
    watcher.start();
    (void)polls_.at(0);
    // Until it is no news any more, and the alert for the first of it is over.
    support::eventually(
        [&] {
            watcher.report_trouble("p1", Trouble::ended);
            return b_.requests("/primary") > a_.requests("/cluster") + 2;
        },
        "the leader to be asked without a poll");
    const auto polls = a_.requests("/cluster");
    b_.answer("/primary", {.fault = Fault::stall});
    watcher.report_trouble("p1", Trouble::ended);
    a_.wait_for_requests("/cluster", polls + 2);
}

TEST_F(ClusterWatcherTest, APollThatTakesTheLeaderAwayDoesNotWaitForItsApi) {
    both_answer({leader("p1", api_url_of(b_)), replica("p2")});
    proves(b_);
    ClusterWatcher watcher(only_a(2s), views_.callback(), polls_.callback());
    watcher.start();
    (void)polls_.at(0);
    b_.answer("/primary", {.fault = Fault::stall});
    a_.answer_cluster(cluster_of({replica("p1", api_url_of(b_)), replica("p2")}));
    const auto is_over = [](const Poll& poll) { return poll.took > 150ms; };
    const auto poll = polls_.first(is_over, "the poll that asks p1 in vain");
    EXPECT_LT(poll.took.count(), 1.0);
}

TEST_F(ClusterWatcherTest, AHostAndTheAddressThatPatroniNamesAreOneApi) {
    // b is asked for /cluster by name, and for /primary by address while that one is under way.
    const auto port = b_.url().substr(b_.url().rfind(':'));
    ClusterWatcher::Settings settings = only_a(10ms);
    settings.hosts = {Endpoint::parse("http://localhost" + port).value()};
    settings.access.resolver =
        std::make_shared<patroni::Resolver>([](const std::string&, patroni::Resolver::Family) {
            return patroni::Resolver::Addresses{"127.0.0.1"};
        });
    b_.answer_cluster(cluster_of({leader("p1", "http://127.0.0.1" + port + "/patroni")}));
    b_.answer("/primary", {.body = own_word("primary"), .delay = 1'200ms});
    ClusterWatcher watcher(std::move(settings), views_.callback(), polls_.callback());
    watcher.start();
    (void)views_.first(led_by("p1"), "p1 to prove itself");
    b_.wait_for_requests("/cluster", 2);
    EXPECT_EQ(b_.max_concurrent(), 1U);
}

TEST_F(ClusterWatcherTest, PollNowInALoopIsThrottled) {
    both_answer({leader("p1", api_url_of(b_))});
    proves(b_);
    ClusterWatcher watcher(only_a(), views_.callback(), polls_.callback());
    const auto start = Clock::now();
    watcher.start();
    for (int i = 0; i < 5; ++i)
        EXPECT_TRUE(poll_now(watcher).answered);
    EXPECT_GE(Clock::now() - start, 4 * 100ms);
}

TEST_F(ClusterWatcherTest, PollNowWithoutAStartFailsAtTheStop) {
    ClusterWatcher watcher(only_a(), views_.callback(), polls_.callback());
    watcher.poll_now(asked_.callback());
    watcher.stop();
    EXPECT_FALSE(asked_.at(0).answered);
}

// ---------------------------------------------------------------------------------------------
// reconfigure()

TEST_F(ClusterWatcherTest, OtherHostsAreAskedAtOnceAndWhatIsKnownStays) {
    both_answer({leader("p1", api_url_of(b_))});
    proves(b_);
    ClusterWatcher watcher(only_a(1h), views_.callback(), polls_.callback());
    watcher.start();
    (void)polls_.at(0);
    const auto requests = a_.requests("/cluster");
    ClusterWatcher::Settings settings = only_a(1h);
    settings.hosts = {Endpoint::parse(b_.url()).value()};
    Recorder<patroni::ClusterView> applied;
    watcher.reconfigure(std::move(settings), applied.callback());
    EXPECT_EQ(applied.at(0).leader.member, "p1");
    EXPECT_EQ(polls_.at(1).host, b_.url());
    EXPECT_EQ(a_.requests("/cluster"), requests);
}

TEST_F(ClusterWatcherTest, WhatWasAskedBeforeAReconfigurationDoesNotCountAfterIt) {
    // p1 has not answered for itself when its probe goes: that is no silence of p1.
    both_answer({leader("p1", api_url_of(b_))});
    proves(b_);
    b_.hold("/primary");
    ClusterWatcher watcher(only_a(1h), views_.callback(), polls_.callback());
    watcher.start();
    b_.wait_for_requests("/primary", 1);
    watcher.poll_now(asked_.callback());
    watcher.reconfigure(only_a(1h), [](const auto& /*view*/) {});
    b_.wait_for_requests("/primary", 2);
    b_.release("/primary");
    EXPECT_TRUE(asked_.at(0).answered);
    EXPECT_EQ(views_.last().leader.member, "p1");
    for (const auto& view : views_.all())
        EXPECT_THAT(view.warnings, testing::IsEmpty());
}

TEST_F(ClusterWatcherTest, ASignOfLifeDoesNotWaitForTheNextPoll) {
    both_answer({leader("p1", api_url_of(a_))});
    proves(a_);
    ClusterWatcher watcher(only_a(kNever), views_.callback(), polls_.callback());
    watcher.start();
    // Longer than it is in alert after its start: then nothing else wakes it for an hour.
    for (int i = 0; i < 30; ++i) {
        std::promise<void> let_go;
        watcher.ping(
            std::shared_ptr<void>(nullptr, [&](void* /*nothing*/) { let_go.set_value(); }));
        ASSERT_EQ(let_go.get_future().wait_for(kSoon), std::future_status::ready) << i;
        std::this_thread::sleep_for(100ms);
    }
}

TEST_F(ClusterWatcherTest, StopEndsAStalledRequestAtOnce) {
    a_.answer("/cluster", {.fault = Fault::stall});
    ClusterWatcher watcher(only_a(), views_.callback(), polls_.callback());
    watcher.start();
    a_.wait_for_requests("/cluster", 1);
    const auto start = Clock::now();
    watcher.stop();
    EXPECT_LT(Clock::now() - start, kSoon);
    EXPECT_EQ(views_.count(), 0U);
    a_.wait_for_open_connections(0);
}

TEST_F(ClusterWatcherTest, StopEndsStalledRequestsToMembersAtOnce) {
    both_answer({leader("p1", api_url_of(b_))});
    b_.answer("/primary", {.fault = Fault::stall});
    ClusterWatcher watcher(only_a(), views_.callback(), polls_.callback());
    watcher.start();
    b_.wait_for_requests("/primary", 1);
    watcher.poll_now(asked_.callback());
    const auto start = Clock::now();
    watcher.stop();
    EXPECT_LT(Clock::now() - start, kSoon);
    EXPECT_EQ(asked_.count(), 1U);
    b_.wait_for_open_connections(0);
}

TEST_F(ClusterWatcherTest, StopEndsAWaitBetweenPollsAtOnce) {
    ClusterWatcher watcher(only_a(), views_.callback(), polls_.callback());
    watcher.start();
    (void)polls_.at(0);
    const auto start = Clock::now();
    watcher.stop();
    EXPECT_LT(Clock::now() - start, kSoon);
    EXPECT_EQ(polls_.count(), 1U);
}

TEST_F(ClusterWatcherTest, StopAnswersEveryoneWhoStillWaits) {
    a_.answer("/cluster", {.fault = Fault::stall});
    ClusterWatcher watcher(only_a(), views_.callback(), polls_.callback());
    watcher.poll_now(asked_.callback());  // the poll under way is its
    watcher.start();
    a_.wait_for_requests("/cluster", 1);
    watcher.poll_now(asked_.callback());
    watcher.poll_now(asked_.callback());
    watcher.stop();
    ASSERT_EQ(asked_.count(), 3U);
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_FALSE(asked_.at(i).answered);
        EXPECT_EQ(asked_.at(i).errors, "shutting down");
    }
    EXPECT_EQ(a_.requests("/cluster"), 1U);
}

TEST_F(ClusterWatcherTest, PollNowAfterStopFailsAtOnce) {
    ClusterWatcher watcher(only_a(), views_.callback(), polls_.callback());
    watcher.start();
    watcher.stop();
    watcher.poll_now(asked_.callback());
    ASSERT_EQ(asked_.count(), 1U);
    EXPECT_EQ(asked_.at(0).errors, "shutting down");
}

}  // namespace
}  // namespace patroni
