#include "patroni_agent/agent.h"

#include <algorithm>
#include <utility>

#include "daemon/log/log.h"
#include "patroni_agent/reply/agent_request.h"

namespace agent {
namespace {

constexpr char kAdminName[] = "HTTP API";

std::vector<net::SocketRequest> socket_requests(const Config& config) {
    std::vector<net::SocketRequest> requests;
    for (const auto& listener : config.listeners)
        for (const auto& address : listener.listen)
            requests.push_back({listener.name, address, {}});
    // Always the last.
    if (config.listen_address)
        requests.push_back({kAdminName, *config.listen_address, {}});
    return requests;
}

bool same_question(const ListenerConfig& a, const ListenerConfig& b) {
    return a.by_request == b.by_request && a.wanted == b.wanted;
}

}  // namespace

Agent::Agent(net::EventLoop& main_loop, net::SocketKeeper* keeper)
    : main_loop_(main_loop), sockets_(keeper), maintenance_(main_loop) {}

Agent::~Agent() {
    stop();
}

void Agent::apply(const Config& config) {
    const auto requests = socket_requests(config);
    const auto sockets = sockets_.prepare(requests);
    auto admin = config.listen_address ? start_admin_server(sockets) : nullptr;
    // From here on nothing fails.
    config_ = config;
    apply_listeners();
    apply_clusters();
    apply_sockets(sockets);
    // Keeps the server if its socket stays. A new one must not share its socket with the old one.
    if (!config.listen_address || admin)
        admin_ = std::move(admin);
    for (const auto& refusal : sockets_.use(requests, sockets))
        daemons::log::warning({"socket_access_refused"}, refusal);
    maintenance_.use(config.maintenance_file, config.maintenance);
}

/// A listener with the same requirements keeps its verdicts: a reload forgets nothing.
void Agent::apply_listeners() {
    std::map<std::string, Listener> listeners;
    for (const auto& config : config_.listeners) {
        Listener listener{config, {}};
        const auto known = listeners_.find(config.name);
        for (const auto state : kAllServerStates)
            listener.replies[state] =
                known == listeners_.end() ? 0 : known->second.replies.at(state);
        const bool same = known != listeners_.end() && same_question(known->second.config, config);
        for (const auto& cluster : config_.clusters) {
            if (!config.by_request && config.cluster != cluster.name)
                continue;
            auto board = same ? known->second.boards.extract(cluster.name)
                              : std::map<std::string, VerdictBoard>::node_type{};
            if (board)
                listener.boards.insert(std::move(board));
            else
                listener.boards.emplace(cluster.name,
                                        VerdictBoard(config.wanted, config.by_request));
        }
        listeners.emplace(config.name, std::move(listener));
    }
    listeners_ = std::move(listeners);
}

void Agent::apply_clusters() {
    std::erase_if(clusters_, [this](const auto& entry) {
        return std::none_of(config_.clusters.begin(), config_.clusters.end(),
                            [&](const auto& config) { return config.name == entry.first; });
    });
    for (const auto& config : config_.clusters) {
        patroni::ClusterWatcher::Settings settings;
        settings.hosts = config.hosts;
        settings.identity = config.identity;
        settings.interval = config_.interval;
        settings.timeouts = kPatroniTimeouts;
        settings.access = {.tls = config.tls,
                           .resolver = resolver_->with_own_share(),
                           .prefer = config.resolve_prefer};
        for (const auto& listener : config_.listeners)
            if (listener.by_request || listener.cluster == config.name)
                settings.judged_by.push_back(listener.wanted);
        Cluster& cluster = clusters_.try_emplace(config.name, config.name).first->second;
        use_own_member(config.name, cluster, config.hosts, settings.access);
        if (cluster.view)
            on_view(config.name, cluster.view);
        if (cluster.watcher)
            cluster.watcher->reconfigure(std::move(settings), [](const auto& /*view*/) {});
        else
            start_watcher(config.name, cluster, std::move(settings));
    }
}

void Agent::start_watcher(const std::string& name, Cluster& cluster,
                          patroni::ClusterWatcher::Settings settings) {
    cluster.watcher = std::make_unique<patroni::ClusterWatcher>(
        std::move(settings),
        [this, name](const patroni::ClusterView& view) {
            main_loop_.post(
                [this, name, copy = std::make_shared<const patroni::ClusterView>(view)]() mutable {
                    on_view(name, std::move(copy));
                });
        },
        [this, name](const patroni::ClusterWatcher::PollResult& poll) {
            main_loop_.post([this, name, poll] { on_poll_end(name, poll); });
        });
    cluster.watcher->start();
}

/// Null if the running server stays.
std::unique_ptr<AdminServer> Agent::start_admin_server(
    const net::ListeningSockets::Prepared& sockets) {
    if (admin_ && admin_->socket() == sockets.back())
        return nullptr;
    return std::make_unique<AdminServer>(sockets.back(),
                                         [this](const AdminServer::ReportDone& done) {
                                             main_loop_.post([this, done] { done(report()); });
                                         });
}

void Agent::apply_sockets(const net::ListeningSockets::Prepared& sockets) {
    std::vector<Serving> servers;
    auto next = sockets.begin();
    for (const auto& config : config_.listeners)
        for (std::size_t i = 0; i < config.listen.size(); ++i, ++next)
            servers.push_back({config.name, config.by_request, take_server(config, *next)});
    servers_ = std::move(servers);
    if (next != sockets.end() && (!admin_ || admin_->socket() != *next))
        daemons::log::info({"listening"}, std::string(kAdminName) + ": listening on " +
                                              (*next)->address().to_string());
}

/// The running server with its connections, or a new one.
std::unique_ptr<AgentServer> Agent::take_server(const ListenerConfig& config,
                                                const AgentServer::Socket& socket) {
    for (auto& serving : servers_)
        if (serving.server && serving.server->socket() == socket &&
            serving.listener == config.name && serving.by_request == config.by_request)
            return std::move(serving.server);
    // The old server of this socket must stop accepting.
    const bool is_new = std::none_of(servers_.begin(), servers_.end(), [&](const Serving& serving) {
        return serving.server && serving.server->socket() == socket;
    });
    std::erase_if(servers_, [&](const Serving& serving) {
        return serving.server && serving.server->socket() == socket;
    });
    if (is_new)
        daemons::log::info({"listening"},
                           config.name + ": listening on " + socket->address().to_string());
    return std::make_unique<AgentServer>(
        main_loop_, socket, config.by_request,
        [this, name = config.name](const AgentServer::Request& request) {
            if (!may_answer(name, request.line))
                return std::string{};
            const Listener& listener = listeners_.at(name);
            const auto [state, reason] = request.is_whole ? answer(name, request.line)
                                                          : answer_unended(listener, request.line);
            ++listeners_.at(name).replies[state];
            return agent_reply(state, reason);
        });
}

void Agent::on_view(const std::string& name, std::shared_ptr<const patroni::ClusterView> view) {
    const auto found = clusters_.find(name);
    if (found == clusters_.end())
        return;
    Cluster& cluster = found->second;
    cluster.view = std::move(view);
    cluster.log.on_view(*cluster.view);
    cluster.leaders.on_view(*cluster.view, patroni::Clock::now());
    if (cluster.own && cluster.view->snapshot)
        cluster.own->consider(cluster.view->snapshot);
    for (auto& [listener_name, listener] : listeners_)
        if (const auto board = listener.boards.find(name); board != listener.boards.end())
            board->second.judge(*cluster.view);
    log_changes(name);
}

bool Agent::wants_own_member(const std::string& cluster) const {
    return std::any_of(
        config_.listeners.begin(), config_.listeners.end(), [&](const ListenerConfig& listener) {
            return !listener.by_request && listener.cluster == cluster && listener.member.empty();
        });
}

void Agent::use_own_member(const std::string& name, Cluster& cluster,
                           const std::vector<patroni::Endpoint>& hosts,
                           const patroni::RestClient::Access& access) {
    if (!wants_own_member(name))
        return cluster.own.reset();
    if (!cluster.own) {
        cluster.own = std::make_unique<OwnMember>(main_loop_, name, [this, name] {
            log_changes(name);
            if (on_poll)
                on_poll(name);
        });
        cluster.own->wait_for_names(patience_with_names);
    }
    cluster.own->use(hosts, access);
}

bool Agent::is_settled(const std::string& name) const {
    const Cluster& cluster = clusters_.at(name);
    return cluster.polls.good + cluster.polls.failed > 0 &&
           !(cluster.own && cluster.own->is_being_asked());
}

void Agent::on_poll_end(const std::string& name, const patroni::ClusterWatcher::PollResult& poll) {
    const auto found = clusters_.find(name);
    if (found != clusters_.end()) {
        const auto now = patroni::Clock::now();
        found->second.polls.note(poll);
        if (poll.answered)
            found->second.leaders.on_answered_poll(now);
        found->second.log.on_poll(poll, now);
        // Even without an answer: a verdict may have become stale.
        log_changes(name);
    }
    if (on_poll)
        on_poll(name);
}

/// Logs the state that HAProxy is told from now on, if it has changed.
void Agent::log_changes(const std::string& cluster) {
    for (auto& [name, listener] : listeners_) {
        if (listener.config.by_request || listener.config.cluster != cluster ||
            !may_answer(name, {}))
            continue;
        const auto [state, reason] = answer(name, {});
        std::string line = agent_reply(state, reason);
        line.pop_back();
        if (std::exchange(listener.logged, state) != state)
            daemons::log::info({"reply_changed", cluster}, line.insert(0, name + ": "));
    }
}

bool Agent::may_answer(const std::string& name, std::string_view request) const {
    if (!maintenance_.is_known())
        return false;
    const Listener& listener = listeners_.at(name);
    const auto asked = parse_request(request);
    const auto cluster = clusters_.find(
        listener.config.by_request && asked ? asked.value().cluster : listener.config.cluster);
    const bool is_told = cluster == clusters_.end() ||
                         (cluster->second.polls.good > 0 &&
                          !(cluster->second.own && cluster->second.own->is_being_asked()));
    return maintenance_.is_on() || is_told ||
           patroni::Clock::now() - cluster->second.started > listener.config.profile.stale_after;
}

Answer Agent::answer(const std::string& name, std::string_view request) const {
    const Listener& listener = listeners_.at(name);
    return listener.config.by_request ? answer_request(listener, request)
                                      : decide(listener.config.profile, knowledge_for(listener));
}

const std::string& Agent::member_of(const Listener& listener) const {
    return listener.config.member.empty() ? clusters_.at(listener.config.cluster).own->name()
                                          : listener.config.member;
}

/// For a listener whose member the configuration names, or the local one.
Knowledge Agent::knowledge_for(const Listener& listener) const {
    const Cluster& cluster = clusters_.at(listener.config.cluster);
    const std::string& member = member_of(listener);
    Knowledge knowledge;
    if (member.empty() && cluster.view)
        knowledge.why_no_verdict = cluster.own->why_not_known();
    else
        knowledge = listener.boards.at(listener.config.cluster)
                        .knowledge_of(member, std::nullopt, patroni::Clock::now());
    knowledge.maintenance = maintenance_.is_on();
    return knowledge;
}

Answer Agent::answer_request(const Listener& listener, std::string_view request) const {
    const auto parsed = parse_request(request);
    if (!parsed)
        return answer_unknown(listener, request, parsed.reason());
    const AgentRequest& asked = parsed.value();
    const auto board = listener.boards.find(asked.cluster);
    if (board == listener.boards.end())
        return answer_unknown(listener, request, "no such cluster: " + asked.cluster);
    Knowledge knowledge =
        board->second.knowledge_of(asked.member, asked.role, patroni::Clock::now());
    if (!knowledge.verdict)
        return answer_unknown(listener, request, knowledge.why_no_verdict);
    knowledge.maintenance = maintenance_.is_on();
    return decide(listener.config.profile, knowledge);
}

/// The text may be the beginning of any line, even if it is valid as it is.
Answer Agent::answer_unended(const Listener& listener, std::string_view request) const {
    return answer_unknown(
        listener, request,
        "a request ends with a line break (agent-send \"CLUSTER/MEMBER/ROLE\\n\")");
}

Answer Agent::answer_unknown(const Listener& listener, std::string_view request,
                             const std::string& reason) const {
    unknown_requests_.log(daemons::log::Level::warning, {"request_unknown"}, [&] {
        return listener.config.name + ": asked for '" + std::string(request) + "': " + reason;
    });
    return decide(listener.config.profile,
                  {.why_no_verdict = reason, .maintenance = maintenance_.is_on()});
}

void Agent::ping(const std::shared_ptr<void>& token) {
    for (const auto& [name, cluster] : clusters_)
        cluster.watcher->ping(token);
}

void Agent::stop() {
    maintenance_.stop();
    servers_.clear();
    admin_.reset();
    for (const auto& [name, cluster] : clusters_)
        cluster.watcher->stop();
    sockets_.leave();
}

}  // namespace agent
