#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "patroni/watch/cluster_watcher.h"
#include "support/fakes/cluster_json.h"
#include "support/fakes/fake_patroni.h"
#include "support/wait.h"
#include "unit/patroni/patience.h"

namespace patroni::watcher_tests {

using namespace std::chrono_literals;
using support::ClusterJson;
using support::ClusterMember;
using support::FakePatroni;
using support::Fault;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

inline constexpr auto kNever =
    1h;  // as an interval: after the first poll only poll_now() begins one

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

inline ClusterMember leader(const std::string& name, const std::string& api_url = {}) {
    ClusterMember member{
        .name = name, .role = "leader", .state = "running", .host = "127.0.0.11", .port = 5432};
    if (!api_url.empty())
        member.api_url = api_url;
    return member;
}

inline ClusterMember replica(const std::string& name, const std::string& api_url = {}) {
    ClusterMember member = leader(name, api_url);
    member.role = "replica";
    member.lag = 0;
    return member;
}

inline std::string cluster_of(const std::vector<ClusterMember>& members) {
    ClusterJson json;
    for (const auto& member : members)
        json.member(member);
    return json.str();
}

inline std::string api_url_of(const FakePatroni& patroni) {
    return patroni.url() + "/patroni";
}

/// The body of GET /primary and GET /patroni.
inline std::string self_report(const std::string& role, const std::string& more = {}) {
    return R"({"state": "running", "role": ")" + role + R"(", "timeline": 1)" + more + "}";
}

inline void proves(FakePatroni& patroni) {
    patroni.answer("/primary", {.body = self_report("primary")});
}
inline void denies(FakePatroni& patroni) {
    patroni.answer("/primary", {.status = 503, .body = self_report("replica")});
}

inline std::string first_member_of(const ClusterView& view) {
    return view.snapshot && !view.snapshot->members.empty() ? view.snapshot->members[0].name
                                                            : "nobody";
}

inline std::function<bool(const ClusterView&)> led_by(const std::string& member) {
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

    /// A watcher that has started. It tells views_ and polls_.
    class Started : public ClusterWatcher {
      public:
        Started(Settings settings, Recorder<ClusterView>& views, Recorder<Poll>& polls)
            : ClusterWatcher(std::move(settings), views.callback(), polls.callback()) {
            start();
        }
    };
    [[nodiscard]] Started started(ClusterWatcher::Settings settings) {
        return {std::move(settings), views_, polls_};
    }
    /// The same, after its first poll.
    class Polled : public Started {
      public:
        Polled(Settings settings, Recorder<ClusterView>& views, Recorder<Poll>& polls)
            : Started(std::move(settings), views, polls) {
            (void)polls.at(0);
        }
    };
    [[nodiscard]] Polled polled(ClusterWatcher::Settings settings) {
        return {std::move(settings), views_, polls_};
    }
    /// p1 leads, and its own API, which is b_, proves it.
    void p1_leads_at_b(const std::vector<ClusterMember>& others = {}) {
        std::vector<ClusterMember> members{leader("p1", api_url_of(b_))};
        members.insert(members.end(), others.begin(), others.end());
        both_answer(members);
        proves(b_);
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

}  // namespace patroni::watcher_tests
