#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "patroni/verdict/evidence.h"
#include "patroni_proxy/history/story/cluster_story.h"

namespace proxy::history {

using namespace std::chrono_literals;

inline patroni::Member member_of(const std::string& name, const std::string& role,
                                 const std::string& state = "running") {
    patroni::Member member;
    member.name = name;
    member.role_name = role;
    member.role = patroni::role_from(role);
    member.state_name = state;
    member.state = patroni::state_from(state);
    member.host = "127.0.0.1";
    member.port = 5432;
    member.timeline = 1;
    return member;
}

/// The story of a cluster of p1, p2 and p3 with the ports rw and ro, told by what their APIs
/// answer. Evidence draws the conclusions, as in the proxy.
class StoryCase {
  public:
    enum Beginning { kLedByP1, kNothingYet };

    explicit StoryCase(Beginning beginning = kLedByP1) {
        if (beginning == kNothingYet)
            return;
        cluster("p1");
        proves("p1");
        poll();
        counts();
    }

    StoryCase& after(std::chrono::milliseconds time) {
        now_ += time;
        return *this;
    }
    /// Goes on for a while as it is, with counts each second.
    StoryCase& pass(std::chrono::seconds time) {
        for (auto second = 0s; second < time; ++second) {
            after(1s);
            counts();
        }
        return *this;
    }

    // GET /cluster.
    StoryCase& cluster(const std::string& leader) {
        patroni::ClusterSnapshot snapshot;
        snapshot.paused = paused;
        for (const std::string name : {"p1", "p2", "p3"})
            if (!gone.contains(name))
                snapshot.members.push_back(
                    member_of(name, name == leader ? "leader" : "replica",
                              states.contains(name) ? states.at(name) : "running"));
        return observe(patroni::ClusterAnswer{
            std::make_shared<const patroni::ClusterSnapshot>(std::move(snapshot)), "p3"});
    }
    // GET /primary.
    StoryCase& proves(const std::string& name) {
        return observe(patroni::PrimaryAnswer{name, 200, "primary", "running", 1, false, {}});
    }
    StoryCase& denies(const std::string& name, const std::string& state = "stopping") {
        return observe(patroni::PrimaryAnswer{name, 503, "replica", state, 1, false, {}});
    }
    StoryCase& refuses(const std::string& name) {
        return observe(patroni::PrimarySilence{name, "connection refused", false, false});
    }
    StoryCase& hangs(const std::string& name) {
        return observe(patroni::PrimarySilence{name, "no complete answer within 3 s", false, true});
    }
    /// A primary without the lock, as in maintenance mode.
    StoryCase& observe_primary_without_lock(const std::string& name) {
        return observe(patroni::PrimaryAnswer{name, 503, "primary", "running", 1, true, {}});
    }
    /// A poll that was answered.
    StoryCase& poll() {
        story.see(PollSeen{.at = now_, .answered = true}, epoch_);
        return *this;
    }
    StoryCase& poll_fails(bool all_connected, std::chrono::milliseconds took = 5ms) {
        story.see(
            PollSeen{
                .at = now_, .all_connected = all_connected, .errors = "no answer", .took = took},
            epoch_);
        return *this;
    }
    StoryCase& reinitialized() {
        story.see(PollSeen{.at = now_, .answered = true, .reinitialized = true}, epoch_);
        return *this;
    }
    /// What is set below counts from now on.
    StoryCase& look() {
        tell();
        return *this;
    }
    StoryCase& counts() {
        CountsSeen seen{now_, ports};
        story.see(std::move(seen), epoch_);
        for (auto& [name, port] : ports)
            port.longest_held = 0;
        take();
        return *this;
    }

    /// The only record that there is.
    Record only() {
        take();
        EXPECT_EQ(records.size(), 1U);
        return records.empty() ? Record{} : records.front();
    }
    [[nodiscard]] double seconds(Clock::duration duration) const {
        return std::chrono::duration<double>(duration).count();
    }

    ClusterStory story{"main"};
    patroni::Evidence evidence;
    std::vector<Record> records;
    std::vector<Change> changes;
    // What the next answers and observations say.
    bool paused = false;
    std::set<std::string> gone;
    std::map<std::string, std::string> states;
    std::string unreachable;  ///< p1's PostgreSQL
    std::optional<Clock::time_point> unreachable_since;
    std::map<std::string, std::string> out_of_ro;  ///< member: why
    std::map<std::string, PortCounts> ports{{"ro", {}}, {"rw", {}}};

  private:
    StoryCase& observe(decltype(patroni::Observation::claim) claim) {
        evidence.observe({now_, std::move(claim)});
        tell();
        return *this;
    }
    void tell() {
        const auto& view = evidence.view();
        ClusterSeen seen{
            now_, view, view.leader.member == "p1" ? unreachable : "", unreachable_since, {}};
        PortView rw{"rw", {}, {}};
        PortView ro{"ro", {}, {}};
        if (view.leader.standing == patroni::Standing::eligible)
            rw.serving.insert(view.leader.member);
        for (const auto& member : view.snapshot->members) {
            const auto why = out_of_ro.find(member.name);
            if (member.role != patroni::Role::replica || member.name == view.leader.member)
                ro.reasons[member.name] = "role is leader";
            else if (!patroni::serves(member.state))
                ro.reasons[member.name] = "state is " + member.state_name;
            else if (why != out_of_ro.end())
                ro.reasons[member.name] = why->second;
            else
                ro.serving.insert(member.name);
        }
        seen.ports = {rw, ro};
        story.see(seen, epoch_);
        take();
    }
    void take() {
        for (auto& record : story.take_finished())
            records.push_back(std::move(record));
        for (auto& change : story.take_changes())
            changes.push_back(std::move(change));
    }

    Clock::time_point now_{1h};
    const Epoch epoch_{Clock::time_point{1h}, 1'800'000'000};
};

/// "doubted p1, lock_free, lock_taken p2, ..."
inline std::string steps_of(const Record& record) {
    std::string text;
    for (const auto& step : record.steps) {
        text.append(text.empty() ? "" : ", ").append(name_of(step.kind));
        if (!step.member.empty())
            text.append(" ").append(step.member);
        if (!step.port.empty())
            text.append("@").append(step.port);
    }
    return text;
}

}  // namespace proxy::history
