#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "patroni/verdict/evidence.h"

namespace patroni::evidence_tests {

using namespace std::chrono_literals;

inline Member member(const std::string& name, const std::string& role, std::uint64_t timeline = 1) {
    Member member;
    member.name = name;
    member.role_name = role;
    member.role = role_from(role);
    member.state_name = "running";
    member.state = State::running;
    member.host = "127.0.0.1";
    member.port = 5432;
    member.timeline = timeline;
    return member;
}

inline ClusterSnapshot led_by(const std::string& leader) {
    ClusterSnapshot snapshot;
    for (const std::string name : {"p1", "p2", "p3"})
        snapshot.members.push_back(member(name, name == leader ? "leader" : "replica"));
    return snapshot;
}

/// Nobody holds the lock of a cluster in maintenance mode, or `leader` does.
inline ClusterSnapshot paused(const std::string& leader = {}) {
    ClusterSnapshot snapshot = led_by(leader);
    snapshot.paused = true;
    return snapshot;
}

/// Evidence with a hand on the clock.
class Case {
  public:
    Case& cluster(ClusterSnapshot snapshot) {
        return observe(ClusterAnswer{std::make_shared<const ClusterSnapshot>(std::move(snapshot))});
    }
    Case& cluster(const std::string& leader) { return cluster(led_by(leader)); }
    /// An answer that came so long ago.
    Case& came_before(std::chrono::milliseconds time, ClusterSnapshot snapshot) {
        return observe(ClusterAnswer{
            std::make_shared<const ClusterSnapshot>(std::move(snapshot)), {}, now_ - time});
    }
    Case& proves(const std::string& name, std::uint64_t timeline = 1) {
        return observe(PrimaryAnswer{name, 200, "primary", "running", timeline, false});
    }
    /// A proof that was asked for so long ago.
    Case& proves_late(const std::string& name, std::chrono::milliseconds took) {
        return observe(
            PrimaryAnswer{name, 200, "primary", "running", 1, false, std::nullopt, now_ - took});
    }
    Case& answers(const std::string& name, int status, const std::string& role,
                  const std::string& state = "running") {
        return observe(PrimaryAnswer{name, status, role, state, 1, false});
    }
    Case& silent(const std::string& name) {
        return observe(PrimarySilence{name, "connection refused"});
    }
    Case& after(std::chrono::milliseconds time) {
        now_ += time;
        return *this;
    }

    Case& position(const std::string& name, std::optional<std::uint64_t> position) {
        return observe(PositionAnswer{name, position});
    }
    Case& observe(decltype(Observation::claim) claim) {
        evidence.observe({now_, std::move(claim)});
        return *this;
    }

    [[nodiscard]] const Leadership& leader() const { return evidence.view().leader; }

    /// How long ago the leader was last confirmed.
    [[nodiscard]] std::chrono::milliseconds unconfirmed() const {
        return std::chrono::duration_cast<std::chrono::milliseconds>(now_ - leader().confirmed_at);
    }

    Evidence evidence;

  private:
    Clock::time_point now_{1h};
};

inline void expect_leader(const Case& c, const std::string& name, Standing standing) {
    EXPECT_EQ(c.leader().member, name);
    EXPECT_EQ(static_cast<int>(c.leader().standing), static_cast<int>(standing))
        << c.leader().reason;
    EXPECT_FALSE(c.leader().reason.empty());
}

}  // namespace patroni::evidence_tests
