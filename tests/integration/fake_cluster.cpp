#include "fake_cluster.h"

std::string config_top(const std::string& more) {
    return "cluster_update_interval: 1h\n"
           "listen_address: 127.0.0.1:0\n"
           "workers: 2\n" +
           more + "clusters:\n";
}

FakeCluster::FakeCluster(std::size_t members, const support::BackendOptions& options)
    : backends(support::FakeBackend::on_one_port(members, options)) {
    for (std::size_t i = 0; i < members; ++i)
        patronis.push_back(std::make_unique<support::FakePatroni>());
    lead_by(0);
}

support::ClusterMember FakeCluster::member(std::size_t i, const std::string& role) const {
    support::ClusterMember member;
    member.name = backends[i]->name();
    member.role = role;
    member.state = role == "leader" ? "running" : "streaming";
    member.host = backends[i]->ip();
    member.port = backends[i]->port();
    member.api_url = patronis[i]->url() + "/patroni";
    member.timeline = 1;
    if (role != "leader")
        member.lag = 0;
    return member;
}

void FakeCluster::lead_by(std::size_t leader) {
    support::ClusterJson json;
    for (std::size_t i = 0; i < backends.size(); ++i) {
        json.member(member(i, i == leader ? "leader" : "replica"));
        answer_primary(i, i == leader ? 200 : 503, i == leader ? "primary" : "replica");
    }
    answer_cluster(json.str());
}

void FakeCluster::answer_cluster(const std::string& body) {
    for (const auto& patroni : patronis)
        patroni->answer_cluster(body);
}

void FakeCluster::answer_primary(std::size_t i, int status, const std::string& role,
                                 const std::string& state) {
    support::Answer answer;
    answer.status = status;
    answer.body = R"({"state": ")" + state + R"(", "role": ")" + role + R"(", "timeline": 1})";
    patronis[i]->answer("/primary", answer);
}

std::string FakeCluster::config(const std::string& more_of_replicas) const {
    return config_top() +
           section("c",
                   {{"master", "roles: [leader]"},
                    {"replicas", "roles: [sync, async]" +
                                     (more_of_replicas.empty() ? "" : ", " + more_of_replicas)},
                    {"any", "roles: [any]"}});
}

std::string FakeCluster::section(const std::string& name,
                                 const std::map<std::string, std::string>& ports) const {
    std::string text =
        "  " + name + ":\n    hosts: [\"" + patronis.front()->url() + "\"]\n    ports:\n";
    for (const auto& [port, keys] : ports) {
        text += "      " + port + ": {";
        if (keys.find("listen:") == std::string::npos)
            text += "listen: \"127.0.0.1:0\", ";
        text += keys;
        if (keys.find("host_port:") == std::string::npos)
            text += ", host_port: " + std::to_string(backends.front()->port());
        text += "}\n";
    }
    return text;
}
