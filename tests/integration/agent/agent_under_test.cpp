#include "agent_under_test.h"

#include <csignal>

AgentUnderTest::AgentUnderTest(const std::string& config, std::size_t listeners,
                               const support::ProcessOptions& options)
    : file_(directory_.write("agent.yaml", config)),
      daemon_(std::make_unique<support::DaemonProcess>(
          std::vector<std::string>{AGENT_BINARY, file_}, options)) {
    read_ports(0, listeners);
}

void AgentUnderTest::read_ports(std::size_t after, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        const auto match = daemon_->wait_for_match("INFO (.*): listening on .*:([0-9]+)", after);
        ports_[match[1]] = static_cast<std::uint16_t>(std::stoul(match[2]));
        const auto lines = daemon_->lines();
        while (lines.at(after).text.find(match[0]) == std::string::npos)
            ++after;
        ++after;
    }
}

std::string AgentUnderTest::ask(const std::string& listener, const std::string& request) const {
    support::TestClient client("127.0.0.1", port(listener));
    if (!request.empty())
        client.send(request);
    return client.receive_to_eof();
}

std::string AgentUnderTest::http(const std::string& method, const std::string& path) const {
    support::TestClient client("127.0.0.1", port("HTTP API"));
    client.send(method + " " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    return client.receive_to_eof();
}

void AgentUnderTest::reload(const std::string& config, std::size_t listeners) {
    const std::size_t before = daemon_->mark();
    directory_.write("agent.yaml", config);
    daemon_->signal(SIGHUP);
    daemon_->wait_for_match("reloaded|reload failed", before);
    read_ports(before, listeners);
}

std::string agent_config(const FakeCluster& cluster, const std::vector<std::string>& listeners,
                         const std::string& more) {
    std::string text = more + (more.empty() ? "" : "\n") +
                       "interval: 100ms\n"
                       "maintenance_file: /nonexistent/maintenance\n"
                       "clusters:\n"
                       "  c: {hosts: [\"" +
                       cluster.patronis.front()->url() + "\"]}\nlisteners:\n";
    if (more.find("maintenance_file") != std::string::npos)
        text.erase(text.find("maintenance_file: /nonexistent"),
                   std::string("maintenance_file: /nonexistent/maintenance\n").size());
    for (const auto& listener : listeners)
        text += "  " + listener + "\n";
    return text;
}

std::string listener(const std::string& name, const std::string& keys) {
    return name + ": {listen: \"127.0.0.1:0\", " + keys + "}";
}
