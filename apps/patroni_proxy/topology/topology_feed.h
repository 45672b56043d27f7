#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "daemon/report/cluster_log.h"
#include "daemon/report/cluster_report.h"
#include "daemon/report/leader_tally.h"
#include "patroni/rest/resolver.h"
#include "patroni/verdict/judge.h"
#include "patroni/watch/cluster_watcher.h"
#include "patroni_proxy/backend/backend_table.h"
#include "patroni_proxy/config/config.h"
#include "patroni_proxy/history/story/observation.h"
#include "patroni_proxy/port/port.h"
#include "patroni_proxy/report/report.h"
#include "patroni_proxy/topology/member_addresses.h"
#include "patroni_proxy/topology/operator_limits.h"
#include "patroni_proxy/topology/recollection.h"
#include "patroni_proxy/topology/since_times.h"

namespace proxy {

/// What a feed knows of its cluster, for the process that succeeds this one: it then routes new
/// clients as this one does, even if Patroni does not answer. A value.
struct FeedState {
    /// What one port remembers of the members, by `roles` or by `fallback_roles`.
    struct JudgedPort {
        std::string port{};
        bool by_fallback = false;
        patroni::Judge::Records records{};
    };

    std::optional<ClusterMemory> memory{};  ///< empty: nothing is known
    std::optional<FrozenView> frozen{};     ///< set while the cluster is frozen
    std::vector<JudgedPort> judges{};
    SinceTimes since{};
};

/// What a feed has counted.
struct FeedCounts {
    daemons::PollReport polls{};
    daemons::LeaderTally::State leaders{};
};

/// Turns what is known about a cluster into one backend table for each of its ports. Works on the
/// watcher's thread: HTTP and DNS never block a worker's loop, which gets finished tables.
class TopologyFeed {
  public:
    /// Puts a port's table in force on all workers, and returns when it is.
    using Publish = std::function<void(PortId port, BackendTablePtr)>;
    /// Called with why a poll failed; empty if it worked.
    using Done = std::function<void(const std::string& error)>;

    struct Port {
        PortId id;
        PortConfig config;

        friend bool operator==(const Port&, const Port&) = default;
    };
    struct Settings {
        ClusterConfig cluster;  ///< its `ports` are ignored
        std::chrono::milliseconds interval;
        std::vector<Port> ports;
        OperatorLimits limits{};

        friend bool operator==(const Settings&, const Settings&) = default;
    };

    /// What the history is made from. Called on the watcher's thread; must not block.
    struct Tell {
        std::function<void(history::ClusterSeen)> seen;  ///< after each answer
        std::function<void(history::PollSeen)> poll;     ///< at the end of each poll
    };

    /// One resolver for all clusters, so that they share its cache. Each has a share of its own.
    using ResolverPtr = std::shared_ptr<patroni::Resolver>;
    static const ResolverPtr& shared_resolver() {
        static const auto instance = std::make_shared<patroni::Resolver>();
        return instance;
    }

    TopologyFeed(const Settings& settings, Publish publish,
                 const ResolverPtr& resolver = shared_resolver(), Tell tell = {});

    // Any thread.
    void start() { watcher_.start(); }
    void stop() { watcher_.stop(); }
    /// Puts new settings in force: hosts, credentials and ports. Ports that stay keep their
    /// history. Calls `applied` once their tables are in force.
    void reconfigure(Settings settings, std::function<void()> applied);
    /// Routes by this until Patroni answers, as Recollection says. Before start().
    void remember(const ClusterMemory& memory, std::chrono::milliseconds max_age);
    /// What the process before knew, and what it had counted; see FeedState. The first before
    /// start(), but after reconfigure(); the second when this process takes over.
    void go_on_with(FeedState state, std::chrono::milliseconds max_age);
    void go_on_with(FeedCounts counts);
    /// The same, for the next process. Without name and hosts.
    [[nodiscard]] FeedState state() const;
    [[nodiscard]] FeedCounts counts() const;
    /// What is remembered grows older. Call it every second.
    void grow_older();
    /// What is known, for the next process: by Patroni's answers, or else what was remembered.
    /// Nothing if there is neither. Without name and hosts.
    [[nodiscard]] std::optional<ClusterMemory> memory() const;
    /// Polls the cluster and calls `done` once the tables are in force.
    void update_now(Done done);
    /// Polls the cluster soon: a backend refused a connect or ended a session, or a client found no
    /// backend (`member` is empty then).
    void report_trouble(const std::string& member, patroni::Trouble trouble) {
        watcher_.report_trouble(member, trouble);
    }
    /// The watcher's thread drops `token`, as a sign of life.
    void ping(const std::shared_ptr<void>& token) { watcher_.ping(token); }
    /// Without its ports.
    [[nodiscard]] daemons::ClusterReport report() const;
    /// Why it cannot be frozen now; empty if it can.
    [[nodiscard]] std::string why_not_frozen() const;
    using Standings = std::map<PortId, PortStanding>;
    [[nodiscard]] Standings standings() const;

  private:
    /// What the standings of a port's members are made from, when somebody asks for them.
    struct Grounds {
        std::vector<patroni::Verdict> regular;   ///< by `roles`
        std::vector<patroni::Verdict> fallback;  ///< by `fallback_roles`
        BackendTablePtr table;                   ///< made from them
        std::string port;                        ///< its name
        patroni::Judge::Records records;         ///< by `roles`
        patroni::Judge::Records fallback_records;
    };
    using GroundsPtr = std::shared_ptr<const Grounds>;
    struct JudgedPort {
        Port port;
        patroni::Judge judge;
        BackendTablePtr table;
        GroundsPtr grounds;
        /// Backends at an earlier host_port, while they have sessions.
        std::vector<BackendPtr> former;
        /// By fallback_roles. It sees every answer, so that it is as patient as `judge`.
        std::optional<patroni::Judge> fallback_judge;
        patroni::Clock::time_point published_at = patroni::Clock::now();  ///< `table`
    };

    static void use_fallback(JudgedPort& port);
    static patroni::Judge::Records fallback_records_of(const JudgedPort& port);
    static void keep_former(JudgedPort& port, BackendTable& table);
    void use_ports(const std::vector<Port>& ports);
    void on_view(const patroni::ClusterView& view);
    void use_view(const patroni::ClusterView& view, bool anew);
    void use_answer(const patroni::ClusterView& view, bool anew);
    void update_ports(const patroni::ClusterView& view);
    void use(const OperatorLimits& limits);
    void on_poll(const patroni::ClusterWatcher::PollResult& poll);
    void use_recollection();
    void drop_recollection();
    void ask_remembered_leader();
    void forget();
    void update_port(JudgedPort& port, const patroni::ClusterView& view);
    void publish_if_changed(JudgedPort& port, const BackendTable& table);
    void log_fallback(const JudgedPort& port, const BackendTable& table) const;
    void note_view(const patroni::ClusterView& view);
    void note_since(const patroni::ClusterView& view);
    void tell_history(const patroni::ClusterView& view) const;
    void note_unreachable(const std::string& leader, history::ClusterSeen& seen) const;

    const std::string name_;
    const Publish publish_;
    const Tell tell_;
    const ResolverPtr resolver_;
    // The watcher's thread only.
    std::vector<JudgedPort> ports_;
    OperatorLimits limits_;
    std::optional<FrozenView> frozen_view_;
    std::optional<Recollection> recollection_;       ///< until Patroni answers
    std::optional<Recollection> remembered_leader_;  ///< until a leader has proved itself
    bool asks_remembered_leader_ = false;            ///< and has no reply yet
    SinceTimes since_;
    MemberAddresses addresses_;
    daemons::ClusterLog log_;
    // Written by the watcher's thread, read by any.
    mutable std::mutex noted_mutex_;
    patroni::ClusterView noted_view_;
    SinceTimes noted_since_;
    std::map<PortId, GroundsPtr> noted_grounds_;
    std::optional<ClusterMemory> noted_memory_;  ///< while there is a recollection
    std::optional<FrozenView> noted_frozen_view_;
    patroni::ClusterIdentity noted_identity_;
    daemons::PollReport polls_;
    daemons::LeaderTally leaders_;
    patroni::ClusterWatcher watcher_;  // last: its thread uses the others
};

}  // namespace proxy
