#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/log/log_throttle.h"
#include "daemon/report/cluster_log.h"
#include "net/loop/event_loop.h"
#include "net/socket/listening_sockets.h"
#include "patroni/rest/resolver.h"
#include "patroni/verdict/cluster_view.h"
#include "patroni/watch/cluster_watcher.h"
#include "patroni_agent/admin/admin_server.h"
#include "patroni_agent/admin/report.h"
#include "patroni_agent/agent_server.h"
#include "patroni_agent/config.h"
#include "patroni_agent/maintenance_switch.h"
#include "patroni_agent/member/own_member.h"
#include "patroni_agent/reply/verdict_board.h"

namespace agent {

/// The whole agent: watches each cluster on a thread of its own, and answers HAProxy from memory on
/// the main thread, whose loop it borrows. Main thread only.
class Agent {
  public:
    /// Borrows the keeper of listening sockets.
    explicit Agent(net::EventLoop& main_loop, net::SocketKeeper* keeper = nullptr);
    Agent(const Agent&) = delete;
    Agent& operator=(const Agent&) = delete;
    ~Agent();

    /// Puts a configuration in force, whatever was in force before. Throws std::exception if it
    /// cannot listen on an address; then nothing has changed.
    void apply(const Config& config);
    /// Stops listening and ends all threads.
    void stop();
    void ping(const std::shared_ptr<void>& token);
    /// Records a reload for the report; `error` is empty if it worked.
    void note_reload(const std::string& error) { reloads_.note(error); }
    [[nodiscard]] AgentReport report() const;

    /// Whether a listener may answer yet. An agent that has just started stays silent, so that
    /// HAProxy keeps the previous state instead of cutting every session on the primary. After
    /// `stale_after` without an answer from Patroni it answers that it does not know.
    [[nodiscard]] bool may_answer(const std::string& listener, std::string_view request) const;
    /// A listener's answer. `request` is what HAProxy sent, if the listener reads requests.
    [[nodiscard]] Answer answer(const std::string& listener, std::string_view request) const;
    /// Called after every poll of a cluster, and after Patroni was asked which member is local.
    std::function<void(const std::string& cluster)> on_poll;
    /// Whether both have happened at least once.
    [[nodiscard]] bool is_settled(const std::string& cluster) const;
    /// How long finding the local member may wait for DNS; by default not at all, and the next poll
    /// tries again.
    std::chrono::milliseconds patience_with_names{0};

  private:
    struct Cluster {
        explicit Cluster(const std::string& name) : log(name) {}

        std::shared_ptr<const patroni::ClusterView> view;  ///< null: no answer yet
        std::unique_ptr<OwnMember> own;                    ///< null: no listener needs it
        daemons::ClusterLog log;
        patroni::Clock::time_point started = patroni::Clock::now();
        daemons::PollReport polls = {};
        daemons::LeaderTally leaders = {};
        std::unique_ptr<patroni::ClusterWatcher> watcher;
    };
    struct Listener {
        ListenerConfig config;
        std::map<std::string, VerdictBoard> boards;  ///< by cluster
        std::optional<ServerState> logged = {};
        std::map<ServerState, std::uint64_t> replies = {};
    };
    struct Serving {
        std::string listener;
        bool by_request = false;
        std::unique_ptr<AgentServer> server;
    };

    void apply_listeners();
    void apply_clusters();
    void start_watcher(const std::string& name, Cluster& cluster,
                       patroni::ClusterWatcher::Settings settings);
    [[nodiscard]] std::unique_ptr<AdminServer> start_admin_server(
        const net::ListeningSockets::Prepared& sockets);
    void apply_sockets(const net::ListeningSockets::Prepared& sockets);
    [[nodiscard]] std::unique_ptr<AgentServer> take_server(const ListenerConfig& config,
                                                           const AgentServer::Socket& socket);
    void on_view(const std::string& name, std::shared_ptr<const patroni::ClusterView> view);
    void on_poll_end(const std::string& name, const patroni::ClusterWatcher::PollResult& poll);
    [[nodiscard]] bool wants_own_member(const std::string& cluster) const;
    void use_own_member(const std::string& name, Cluster& cluster,
                        const std::vector<patroni::Endpoint>& hosts,
                        const patroni::RestClient::Access& access);
    void log_changes(const std::string& cluster);
    [[nodiscard]] const std::string& member_of(const Listener& listener) const;
    [[nodiscard]] Knowledge knowledge_for(const Listener& listener) const;
    [[nodiscard]] Answer answer_request(const Listener& listener, std::string_view request) const;
    [[nodiscard]] Answer answer_unended(const Listener& listener, std::string_view request) const;
    [[nodiscard]] Answer answer_unknown(const Listener& listener, std::string_view request,
                                        const std::string& reason) const;
    [[nodiscard]] ClusterReport report_of(const std::string& name, const Cluster& cluster) const;
    [[nodiscard]] ListenerReport report_of(const Listener& listener) const;
    [[nodiscard]] AnswerReport report_of_answer(const Listener& listener) const;

    net::EventLoop& main_loop_;
    const std::shared_ptr<patroni::Resolver> resolver_ = std::make_shared<patroni::Resolver>();
    Config config_;
    std::map<std::string, Cluster> clusters_;
    std::map<std::string, Listener> listeners_;
    net::ListeningSockets sockets_;
    std::vector<Serving> servers_;
    std::unique_ptr<AdminServer> admin_;  ///< null: off
    daemons::ReloadTally reloads_;
    const patroni::Clock::time_point started_ = patroni::Clock::now();
    mutable daemons::LogThrottle unknown_requests_;
    MaintenanceSwitch maintenance_;
};

}  // namespace agent
