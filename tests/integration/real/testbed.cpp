#include "testbed.h"

#include <fstream>
#include <sstream>
#include <stdexcept>

#include <gtest/gtest.h>

using support::PsqlSession;
using support::RunResult;

Testbed::Testbed(std::vector<std::string> options) {
    run({"down"});
    options.insert(options.begin(), "up");
    run(options, std::chrono::seconds(150));
}

Testbed::~Testbed() {
    try {
        run({"down"});
    } catch (const std::exception& error) {
        ADD_FAILURE() << error.what();
    }
}

std::string Testbed::run(const std::vector<std::string>& command, std::chrono::seconds timeout) {
    // It says what it waits for before it is killed.
    std::vector<std::string> argv{TESTBED, "--state-dir", kStateDir, "--timeout",
                                  std::to_string((timeout - std::chrono::seconds(10)).count())};
    argv.insert(argv.end(), command.begin(), command.end());
    const RunResult result = support::run(argv, {}, timeout);
    if (result.status.code != 0)
        throw std::runtime_error("testbed " + command.front() + ": " + result.out + result.err);
    return result.out;
}

std::string Testbed::status() const {
    return support::run({TESTBED, "--state-dir", kStateDir, "status"}).out;
}

std::string real_config(const std::string& ports, const std::string& scheme,
                        const std::string& more_of_cluster) {
    std::string hosts;
    for (const char* ip : {"127.0.0.11", "127.0.0.12", "127.0.0.13"})
        hosts += (hosts.empty() ? "\"" : ", \"") + scheme + "://" + ip + ":8008\"";
    return "cluster_update_interval: 1\n"
           "listen_address: 127.0.0.1:0\n"
           "clusters:\n"
           "  real:\n"
           "    hosts: [" +
           hosts + "]\n" + more_of_cluster +
           "    ports:\n"
           "      master: {listen: \"127.0.0.1:0\", roles: [leader], host_port: 5432}\n"
           "      replicas: {listen: \"127.0.0.1:0\", roles: [sync, async], host_port: 5432}\n" +
           ports;
}

std::string contrib(const std::string& file,
                    const std::vector<std::pair<std::string, std::string>>& replaced) {
    std::ifstream in(CONTRIB_HAPROXY "/" + file);
    if (!in)
        throw std::runtime_error("no " + file + " in " CONTRIB_HAPROXY);
    std::ostringstream content;
    content << in.rdbuf();
    std::string text = content.str();
    for (const auto& [from, to] : replaced)
        for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
            text.replace(at, from.size(), to);
    return text;
}

std::string conninfo(const ProxyUnderTest& proxy, const std::string& port) {
    return "host=127.0.0.1 port=" + std::to_string(proxy.port("real/" + port)) +
           " user=postgres dbname=postgres connect_timeout=10";
}

std::string who_answers(const ProxyUnderTest& proxy, const std::string& port) {
    const RunResult result = support::psql_once(
        conninfo(proxy, port), "SELECT host(inet_server_addr()), pg_is_in_recovery()",
        std::chrono::seconds(20));
    return result.status.code == 0 ? result.out.substr(0, result.out.find('\n')) : std::string{};
}

std::unique_ptr<PsqlSession> session_on(const ProxyUnderTest& proxy, const std::string& port,
                                        const std::string& address) {
    // The port balances: the next session lands on another member while these are open.
    std::vector<std::unique_ptr<PsqlSession>> others;
    for (int i = 0; i < 4; ++i) {
        auto session = std::make_unique<PsqlSession>(conninfo(proxy, port));
        if (session->query("SELECT host(inet_server_addr())").value() == address) {
            session->query("BEGIN");
            return session;
        }
        others.push_back(std::move(session));
    }
    throw std::runtime_error("no session on " + address);
}

namespace {
// The PID of the backend, and when its transaction began.
constexpr char kIdentity[] = "SELECT pg_backend_pid(), now()";
}  // namespace

HeldSession::HeldSession(std::unique_ptr<PsqlSession> session)
    : session_(std::move(session)), identity_(session_->query(kIdentity).value()) {}

bool HeldSession::untouched() {
    const auto answer = session_->query(kIdentity);
    return answer.alive && answer.value() == identity_;
}
