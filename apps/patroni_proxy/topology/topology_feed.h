#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "patroni/rest/resolver.h"
#include "patroni/verdict/judge.h"
#include "patroni/watch/cluster_watcher.h"
#include "patroni_proxy/admin/report.h"
#include "patroni_proxy/backend/backend_table.h"
#include "patroni_proxy/config.h"
#include "patroni_proxy/port/port.h"
#include "patroni_proxy/topology/whereabouts.h"

namespace proxy {

/// Turns what is known of a cluster into one table for each of the cluster's ports.
/// Works on the watcher's thread: HTTP and DNS stay away from the loops, which get finished values.
class TopologyFeed {
  public:
    /// Puts a table of a port in force on all workers, and returns then.
    using Publish = std::function<void(PortId port, BackendTablePtr)>;
    /// Told why a round failed; an empty text if it did not.
    using Done = std::function<void(const std::string& error)>;

    struct Port {
        PortId id;
        PortConfig config;

        friend bool operator==(const Port&, const Port&) = default;
    };
    struct Settings {
        ClusterConfig cluster;  ///< its `ports` do not count
        std::chrono::milliseconds interval;
        std::vector<Port> ports;

        friend bool operator==(const Settings&, const Settings&) = default;
    };

    /// One resolver for all clusters: what one learned serves the next.
    using ResolverPtr = std::shared_ptr<patroni::Resolver>;
    static const ResolverPtr& shared_resolver();

    TopologyFeed(const Settings& settings, Publish publish,
                 ResolverPtr resolver = shared_resolver());

    // Any thread.
    [[nodiscard]] const std::string& cluster_name() const noexcept { return name_; }
    void start() { watcher_.start(); }
    void stop() { watcher_.stop(); }
    /// From now on these settings: hosts, credentials, and ports, of which those that stay keep
    /// their history. `applied` is told once their tables are in force.
    void reconfigure(Settings settings, std::function<void()> applied);
    /// Asks the cluster anew and tells `done` once the tables are in force.
    void update_now(Done done);
    /// A backend refused a connect or ended a session, or a client found none, which is no
    /// member's: the cluster is asked again soon.
    void report_trouble(const std::string& member, patroni::Trouble trouble) {
        watcher_.report_trouble(member, trouble);
    }
    /// Its thread lets go of `token`, as a sign of life.
    void ping(const std::shared_ptr<void>& token) { watcher_.ping(token); }
    /// Without its ports.
    [[nodiscard]] ClusterReport report() const;
    using Standings = std::map<PortId, PortStanding>;
    [[nodiscard]] Standings standings() const;

  private:
    /// What a port's members stand on: told of when somebody asks, and not at each answer.
    struct Grounds {
        std::vector<patroni::Verdict> regular;   ///< by `roles`
        std::vector<patroni::Verdict> fallback;  ///< by `fallback_roles`
        BackendTablePtr table;                   ///< what was made of them
    };
    using GroundsPtr = std::shared_ptr<const Grounds>;
    struct JudgedPort {
        Port port;
        patroni::Judge judge;
        BackendTablePtr table;
        GroundsPtr grounds;
        /// Those of an earlier host_port, as long as they have sessions.
        std::vector<BackendPtr> former;
        /// By fallback_roles. It follows every answer, so that its patience is no shorter.
        std::optional<patroni::Judge> fallback_judge;
    };

    /// Where a member is by a port number, for all ports that use that: Patroni's or a host_port.
    using Place = std::pair<std::string, std::optional<std::uint16_t>>;
    struct Tracked {
        Whereabouts whereabouts;
        std::string trouble;        ///< why nothing was found the last time
        std::uint64_t of_view = 0;  ///< the latest by which it was looked for
    };

    static void use_fallback(JudgedPort& port);
    static void keep_former(JudgedPort& port, BackendTable& table);
    void use_ports(const std::vector<Port>& ports);
    void on_view(const patroni::ClusterView& view);
    void on_round(const patroni::ClusterWatcher::PollResult& round);
    void hear_trouble_again();
    void update_port(JudgedPort& port, const patroni::ClusterView& view);
    void publish_if_changed(JudgedPort& port, const BackendTable& table);
    void log_fallback(const JudgedPort& port, const BackendTable& table) const;
    void look_up_hosts(const patroni::ClusterSnapshot& snapshot);
    [[nodiscard]] const Tracked& track(const patroni::Member& member,
                                       std::optional<std::uint16_t> host_port,
                                       patroni::Clock::time_point answered_at);
    [[nodiscard]] std::string locate(const patroni::Member& member,
                                     std::optional<std::uint16_t> port,
                                     patroni::Clock::time_point answered_at,
                                     Whereabouts& whereabouts);
    [[nodiscard]] BackendPtr backend_at(const std::string& member, const std::string& ip,
                                        std::uint16_t port);
    void log_view(const patroni::ClusterView& view);
    void note_view(const patroni::ClusterView& view);

    const std::string name_;
    const Publish publish_;
    const ResolverPtr resolver_;
    // The watcher's thread only.
    patroni::ResolvePrefer prefer_;
    std::vector<JudgedPort> ports_;
    std::map<Place, Tracked> tracked_;
    std::uint64_t views_ = 0;  ///< how many there were
    patroni::Clock::time_point
        names_until_;  ///< how long the view that is dealt with waits for DNS
    /// By member, IP address and port.
    std::map<std::tuple<std::string, std::string, std::uint16_t>, std::weak_ptr<Backend>> backends_;
    std::string logged_members_;
    std::string logged_leader_;
    std::string logged_errors_;
    std::vector<std::string> logged_warnings_;
    // Written by the watcher's thread, for whoever asks.
    mutable std::mutex noted_mutex_;
    patroni::ClusterView noted_view_;
    std::map<PortId, GroundsPtr> noted_grounds_;
    daemons::PollReport polls_;
    patroni::ClusterWatcher watcher_;  // last: its thread uses the others
};

}  // namespace proxy
