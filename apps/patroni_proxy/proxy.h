#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/log/log_throttle.h"
#include "daemon/service/service.h"
#include "daemon/system/side_thread.h"
#include "net/loop/event_loop.h"
#include "net/loop/timer.h"
#include "net/socket/listening_sockets.h"
#include "net/socket/unique_fd.h"
#include "patroni_proxy/admin/admin_server.h"
#include "patroni_proxy/config/config.h"
#include "patroni_proxy/control/control.h"
#include "patroni_proxy/control/control_api.h"
#include "patroni_proxy/haproxy/runtime/runtime_server.h"
#include "patroni_proxy/history/history.h"
#include "patroni_proxy/hooks/hook_runner.h"
#include "patroni_proxy/port/port.h"
#include "patroni_proxy/port/readiness_check.h"
#include "patroni_proxy/port/reservations.h"
#include "patroni_proxy/report/last_minute.h"
#include "patroni_proxy/report/report.h"
#include "patroni_proxy/state/state_file.h"
#include "patroni_proxy/state/state_text.h"
#include "patroni_proxy/topology/topology_feed.h"
#include "patroni_proxy/upgrade/predecessor.h"
#include "patroni_proxy/upgrade/successor.h"
#include "patroni_proxy/workers/acceptor.h"
#include "patroni_proxy/workers/open_sessions.h"
#include "patroni_proxy/workers/worker.h"

namespace proxy {

/// The whole proxy, composed by a configuration: listening sockets, workers, one feed for each
/// cluster, and the HTTP API. Main thread only, whose loop it borrows.
class Proxy final : private Controlled {
  public:
    /// Starts the workers. Borrows the keeper. With a predecessor, the first configuration comes
    /// into force when this process has taken over from it; if it cannot, std::exception is thrown
    /// from the loop, and nothing has happened to the predecessor.
    Proxy(net::EventLoop& main_loop, unsigned workers, ProcessControls process = {},
          net::SocketKeeper* keeper = nullptr,
          std::shared_ptr<upgrade::Predecessor> predecessor = nullptr);
    Proxy(const Proxy&) = delete;
    Proxy& operator=(const Proxy&) = delete;
    ~Proxy();

    /// How long apply() waits for a new cluster's first answer.
    std::chrono::seconds patience_with_patroni{2};

    /// What an earlier process has left. Before the first configuration.
    void restore(State state) { restored_ = std::move(state); }
    /// Puts a configuration in force, without touching what has not changed. Returns at once. When
    /// every new cluster has answered, or that time has passed, new addresses accept clients and
    /// `applied` is called on the loop; never if the proxy drains or stops first, or another
    /// configuration is applied. Throws std::exception if it cannot listen on an address; then
    /// nothing has changed.
    void apply(const Config& config, std::function<void()> applied);
    /// Stops listening for clients, and calls `drained` once their sessions have ended or
    /// drain_timeout has passed. The HTTP API goes on. `end_idle`: sessions that are between two
    /// queries are ended, so fast that half of that time is enough for all; a drain that is under
    /// way begins with that too, and keeps its deadline.
    void drain(bool end_idle, std::function<void()> drained);
    /// Whether the configuration in force has SIGTERM drain.
    [[nodiscard]] bool drains_on_stop() const noexcept { return config_.stop == OnStop::drain; }
    /// Ends all sessions and threads, and stops listening.
    void stop();

    /// As ServiceBody's.
    void hand_over_to_successor(std::function<void(const daemons::ServiceBody::Upgrade&)> done);
    void finish(std::function<void()> finished);

    /// Records a reload for the report; `error` is empty if it worked.
    void note_reload(const std::string& error);
    [[nodiscard]] ProxyReport report() override;
    [[nodiscard]] Control& control() noexcept { return control_; }
    [[nodiscard]] OpenSessions& open_sessions() noexcept { return open_sessions_; }
    /// Passes `token` to every thread that decides or moves bytes. Each drops it as soon as it
    /// runs, so that the token's destruction proves that all of them are alive.
    void ping(const std::shared_ptr<void>& token);

  private:
    using Clock = std::chrono::steady_clock;
    static constexpr char kWaitsForThaw[] =
        "its other hosts are followed once it is unfrozen; until then the former ones are";

    struct OpenPort {
        PortPtr port;
        PortSettingsPtr settings;
        std::string cluster;
        PortConfig config;
        std::vector<net::ListeningSockets::Socket> sockets;
        /// Set once it is removed from the file: when its last sessions end.
        std::optional<Clock::time_point> leaves_at;
    };
    using Ports = std::map<PortId, OpenPort>;

    // Controlled
    [[nodiscard]] const Config& config() const override { return config_; }
    [[nodiscard]] std::vector<std::string> members_of(const std::string& cluster) const override;
    [[nodiscard]] std::string why_not_frozen(const std::string& cluster) const override;
    void use_operator_settings() override;
    void when_in_force(std::function<void()> done) override;
    void end_sessions(const std::string& cluster, const std::string& member, const DrainPace& pace,
                      const std::string& detail) override {
        open_sessions_.drain(cluster, member, pace, detail);
    }
    void keep_sessions(const std::string& cluster, const std::string& member) override {
        open_sessions_.keep(cluster, member);
    }
    void list_sessions(const SessionFilter& filter, SessionWriter write,
                       std::function<void(std::string text)> done) override {
        open_sessions_.list(filter, std::move(write), std::move(done));
    }
    void close_sessions(const SessionFilter& filter, const std::string& detail,
                        std::function<void(std::size_t closed)> done) override {
        open_sessions_.close(filter, detail, std::move(done));
    }
    void reload(const std::string& listeners,
                std::function<void(const ReloadOutcome&)> done) override;
    void take_over(const std::string& listeners,
                   const std::function<void(const ReloadOutcome&)>& done);
    void reload_with(std::vector<net::UniqueFd> sockets,
                     const std::function<void(const ReloadOutcome&)>& done);
    void hand_over_listeners(net::UniqueFd connection, const std::string& to);
    void start_upgrade(const std::string& by, std::function<void(const Outcome&)> done) override;
    [[nodiscard]] bool is_upgrading() const override { return successor_ || last_report_; }
    [[nodiscard]] daemons::log::Level log_level() const override;
    void set_log_level(daemons::log::Level level) override;
    void note_action(const history::OperatorAction& action) override { history_.note(action); }

    [[nodiscard]] static net::SocketRequest request_for(const Config& config,
                                                        const std::string& owner,
                                                        const net::ListenAddress& address,
                                                        const net::ListenOptions& options);
    [[nodiscard]] static std::vector<net::SocketRequest> own_requests(const Config& config);
    [[nodiscard]] static std::vector<net::SocketRequest> socket_requests(const Config& config);
    [[nodiscard]] net::ListeningSockets::Prepared prepare(
        const std::vector<net::SocketRequest>& requests);
    void use_port_settings(OpenPort& port);
    [[nodiscard]] std::vector<std::string> changes_by(const Config& config) const;
    struct Interfaces {
        std::unique_ptr<AdminServer> http;
        std::unique_ptr<AdminServer> control;             ///< null if there is no control socket
        std::unique_ptr<haproxy::RuntimeServer> haproxy;  ///< null if there is no such socket
    };
    [[nodiscard]] Interfaces new_interfaces(const Config& config,
                                            const net::ListeningSockets::Prepared& sockets);
    void use_interfaces(Interfaces interfaces, const Config& config);
    void log_interfaces();
    [[nodiscard]] std::unique_ptr<haproxy::RuntimeServer> serve_haproxys_tools(
        net::ListeningSockets::Socket socket);
    [[nodiscard]] std::unique_ptr<AdminServer> serve_api(AdminServer::Socket socket,
                                                         const daemons::HttpOptions& options,
                                                         const ControlAccess& access,
                                                         const daemons::HttpLimits& limits);
    /// That all clients of the faces together may need.
    [[nodiscard]] static std::uint64_t face_descriptors(const Config& config);
    [[nodiscard]] std::uint64_t possible_sessions(const Config& config) const;
    [[nodiscard]] std::uint64_t max_sessions(const Config& config) const;
    void apply_ports(const net::ListeningSockets::Prepared& sockets);
    OpenPort& open_port(const ClusterConfig& cluster, const PortConfig& config);
    [[nodiscard]] TopologyFeed& feed_of(const ClusterConfig& cluster);
    void apply_clusters();
    void apply_cluster(const ClusterConfig& cluster, const std::shared_ptr<void>& waiting);
    [[nodiscard]] TopologyFeed::Settings feed_settings(const ClusterConfig& cluster) const;
    /// The cluster is frozen, and its hosts are others than those that are followed.
    [[nodiscard]] bool waits_for_thaw(const ClusterConfig& cluster) const;
    void ping_feeds(const std::shared_ptr<void>& token);
    void restore_settings();
    void remember(const ClusterConfig& cluster, TopologyFeed& feed) const;
    [[nodiscard]] State state() const;
    void on_state_timer();
    void save_state();
    void save_last_state();
    [[nodiscard]] bool writes_state() const;
    [[nodiscard]] const std::vector<patroni::Endpoint>& hosts_followed(
        const ClusterConfig& cluster) const;
    void complain_of_state_file(const std::string& problem);
    void on_first_worker(const std::function<void()>& task);
    void stop_accepting_on_old_sockets();
    void on_first_tables();
    void forget_applied();
    void accept_on_new_sockets();
    void accept_or_refuse(PortId port);
    void end_all_sessions();
    void begin_drain();
    void arm_drain_timer();
    void on_drain_timer();
    Ports::iterator drop_port(Ports::iterator port);
    [[nodiscard]] OpenSessions::PortNames port_names() const;
    void publish(PortId port, const BackendTablePtr& table);
    void on_each_worker(const std::function<void(Worker&)>& task);
    void update_all(const AdminRequests::UpdateDone& done);
    [[nodiscard]] AdminRequests admin_requests(const ControlAccess& access);
    [[nodiscard]] double started_at(double uptime);
    [[nodiscard]] ClusterReport report_of(const ClusterConfig& cluster,
                                          const std::map<PortId, PortTally>& tallies) const;
    [[nodiscard]] PortReport report_of(const OpenPort& port) const;
    void add_counts(PortReport& report, const std::string& label, PortTally tally) const;
    [[nodiscard]] const Ports::value_type* find_open(const std::string& cluster,
                                                     const std::string& port) const;

    // proxy_history.cpp: what the history is made from.
    [[nodiscard]] TopologyFeed::Tell history_outlets_of(const std::string& cluster);
    void ask_for_counts();
    void on_counts(const std::map<PortId, PortTally>& tallies);

    // An upgrade, in the process that hands over: proxy_upgrade.cpp.
    using Tables = std::map<std::string, BackendTablePtr>;
    [[nodiscard]] std::string why_no_upgrade() const;
    [[nodiscard]] Tables tables_by_label();
    void send_needs(upgrade::Channel& channel);
    void send_cluster(const ClusterConfig& cluster, upgrade::Channel& channel,
                      upgrade::Channel::Deadline deadline) const;
    void send_account(upgrade::Channel& channel) const;
    /// "; asked for by uid 0", or nothing if it was a signal.
    [[nodiscard]] static std::string asked_for_by(const std::string& by) {
        return by.empty() ? by : "; asked for by " + by;
    }
    void on_successor_failed(const std::string& why, bool has_cost = false);
    void hand_over(const upgrade::Ready& ready);
    void tell_who_stays(std::uint64_t sessions) const;
    void serve_again(std::size_t sessions_lost);
    void let_go();

    // And in the one that takes over: proxy_succession.cpp.
    [[nodiscard]] bool succeed();
    void go_on_with_predecessors(const ClusterConfig& cluster, TopologyFeed& feed);
    void adopt(upgrade::Arrivals arrivals, const std::vector<std::string>& labels);
    [[nodiscard]] std::size_t adopt_the_rest(const std::vector<std::string>& labels,
                                             std::vector<upgrade::LabelledTally>& tallies,
                                             Reservations& reservations);
    void reserve(const upgrade::StillToCome& still_to_come, Reservations& reservations);
    void take_account(std::vector<history::Record> records,
                      std::vector<upgrade::PassedCounts> counts,
                      const std::optional<upgrade::PassedProcess>& process);
    void adopt_sessions(std::vector<upgrade::Arrival> arrivals, Reservations& reservations);
    void wait_for_predecessors_end();
    class PredecessorsEnd;

    net::EventLoop& main_loop_;
    Clock::time_point started_ = Clock::now();  ///< of the first of all processes
    double started_at_ = 0;                     ///< the same as Unix time; 0: nobody has asked
    Config config_;
    ProcessSessions sessions_;
    net::ListeningSockets sockets_;
    daemons::SideThread listener_thread_;  ///< hands sockets over, to us or from us
    std::vector<std::unique_ptr<Worker>> workers_;
    OpenSessions open_sessions_;
    /// On the first worker's loop.
    std::unique_ptr<ReadinessCheck> readiness_;
    Ports ports_;
    PortId last_port_ = 0;
    std::map<std::string, std::unique_ptr<TopologyFeed>> feeds_;   // by cluster
    std::map<std::string, TopologyFeed::Settings> feed_settings_;  // in force
    std::vector<std::unique_ptr<Acceptor>> acceptors_;             // the first worker's thread only
    bool accepting_ = false;
    Interfaces interfaces_;
    /// Replaced by the configuration that comes into force.
    std::vector<std::unique_ptr<AdminServer>> former_servers_;
    std::function<void()> applied_;    ///< set while waiting for new clusters
    net::Timer first_tables_timer_;    ///< fires when they have had their time
    std::uint64_t applications_ = 0;   ///< configurations applied so far
    bool interfaces_changed_ = false;  ///< some have a new address to log
    net::Timer drain_timer_;           ///< ticks while anything drains
    Clock::time_point drain_deadline_;
    Clock::time_point finish_not_before_;  ///< requests that are open have until then
    std::function<void()> drained_;        ///< set while the whole proxy drains
    daemons::ReloadTally reload_;
    const ProcessControls process_;
    std::vector<std::string> changes_;  ///< by the latest configuration
    hooks::HookRunner hooks_;
    history::History history_{[this](const auto& news) {
        if (succeeded_ && !last_report_)  // only one process tells it
            hooks_.run(hooks::job_of(news));
    }};
    LastMinute last_minute_;
    net::Timer counts_timer_;
    State restored_;                             ///< until the first configuration is in force
    net::Timer state_timer_;                     ///< what is remembered ages, and is saved
    daemons::SideThread state_thread_;           ///< writes it
    std::shared_ptr<StateWriter> state_writer_;  ///< of state_file; null if there is none
    std::string saved_state_;                    ///< without times
    Clock::time_point saved_at_;
    daemons::LogThrottle state_failures_;
    std::unique_ptr<upgrade::Successor> successor_;  ///< during an upgrade
    std::function<void(const daemons::ServiceBody::Upgrade&)> upgraded_;
    std::string upgraded_by_;                            ///< who asked for it; empty: a signal
    std::optional<ProxyReport> last_report_;             ///< of what another process serves by now
    std::shared_ptr<upgrade::Predecessor> predecessor_;  ///< until it has let go of everything
    bool succeeded_ = true;  ///< there is no predecessor any more that serves
    Clock::time_point started_to_succeed_ = Clock::now();
    std::shared_ptr<PredecessorsEnd> predecessors_end_;
    Control control_;
    ControlApi control_api_{main_loop_, control_};
};

}  // namespace proxy
