#include "proxy_under_test.h"

#include <stdexcept>

ProxyUnderTest::ProxyUnderTest(const std::string& config) {
    const std::string file = directory_.write("patroni_proxy.yaml", config);
    daemon_ =
        std::make_unique<support::DaemonProcess>(std::vector<std::string>{PROXY_BINARY, file});
    // The HTTP API comes last.
    daemon_->wait_for_line("HTTP API: listening on");
    for (const auto& line : daemon_->lines()) {
        static const std::string marker = ": listening on ";
        const auto at = line.text.find(marker);
        if (at == std::string::npos)
            continue;
        const auto label_at = line.text.find(' ', line.text.find(' ', line.text.find(' ') + 1) + 1);
        const std::string label = line.text.substr(label_at + 1, at - label_at - 1);
        ports_[label] =
            static_cast<std::uint16_t>(std::stoul(line.text.substr(line.text.rfind(':') + 1)));
    }
}

support::TestClient ProxyUnderTest::connect(const std::string& label) const {
    return {"127.0.0.1", port(label)};
}

std::string ProxyUnderTest::http(const std::string& method, const std::string& path) const {
    support::TestClient client("127.0.0.1", port("HTTP API"));
    client.send(method + " " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    return client.receive_to_eof();
}

void ProxyUnderTest::update_clusters() const {
    const std::string answer = http("GET", "/update_clusters");
    if (answer.find(" 200 ") == std::string::npos)
        throw std::runtime_error("update_clusters: " + answer);
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

void FakeCluster::answer_primary(std::size_t i, int status, const std::string& role) {
    support::Answer answer;
    answer.status = status;
    answer.body = R"({"state": "running", "role": ")" + role + R"(", "timeline": 1})";
    patronis[i]->answer("/primary", answer);
}

std::string FakeCluster::config(const std::string& more_of_replicas) const {
    const std::string host_port = std::to_string(backends.front()->port());
    // One poll at the start; later ones when a test asks for them.
    return "cluster_update_interval: 1h\n"
           "listen_address: 127.0.0.1:0\n"
           "workers: 2\n"
           "clusters:\n"
           "  c:\n"
           "    hosts: [\"" +
           patronis.front()->url() +
           "\"]\n"
           "    ports:\n"
           "      master: {listen: \"127.0.0.1:0\", roles: [leader], host_port: " +
           host_port +
           "}\n"
           "      replicas: {listen: \"127.0.0.1:0\", roles: [sync, async], host_port: " +
           host_port + (more_of_replicas.empty() ? "" : ", " + more_of_replicas) +
           "}\n"
           "      any: {listen: \"127.0.0.1:0\", roles: [any], host_port: " +
           host_port + "}\n";
}
