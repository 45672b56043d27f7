#include "proxy_under_test.h"

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <stdexcept>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

std::vector<std::string> command_line(const std::string& file, const ProxyStart& start) {
    std::vector<std::string> argv;
    if (!start.ulimit.empty())
        argv = {"/bin/sh", "-c", "ulimit " + start.ulimit + "; exec \"$0\" \"$@\""};
    if (!start.sockets.empty())
        argv = {"/bin/sh", "-c", "LISTEN_PID=$$ exec \"$0\" \"$@\""};
    argv.push_back(start.binary);
    argv.insert(argv.end(), start.arguments.begin(), start.arguments.end());
    argv.push_back(file);
    return argv;
}

}  // namespace

bool still_echoes(support::TestClient& client) {
    client.send("still here\n");
    return client.receive_line() == "still here";
}

ProxyUnderTest::ProxyUnderTest(const std::string& config, const ProxyStart& start)
    : file_(directory_.write("patroni_proxy.yaml", config)) {
    support::ProcessOptions options;
    options.environment = start.environment;
    if (!start.sockets.empty()) {
        std::string names;
        for (const auto& [name, fd] : start.sockets) {
            names += (names.empty() ? "" : ":") + name;
            options.descriptors.push_back(fd);
        }
        options.environment.emplace_back("LISTEN_FDS", std::to_string(start.sockets.size()));
        options.environment.emplace_back("LISTEN_FDNAMES", names);
    }
    daemon_ = std::make_unique<support::DaemonProcess>(command_line(file_, start), options);
    // The HTTP API comes last.
    daemon_->wait_for_line("HTTP API: listening on");
    read_listening_lines(0);
    wait_for_named_leaders();
}

ProxyUnderTest::~ProxyUnderTest() {
    for (const auto& [pid, pidfd] : successors_)
        (void)::syscall(SYS_pidfd_send_signal, pidfd.get(), SIGKILL, nullptr, 0);
}

pid_t ProxyUnderTest::pid() const {
    return successors_.empty() ? daemon_->pid() : successors_.back().pid;
}

void ProxyUnderTest::upgrade() {
    const std::size_t before = daemon_->mark();
    ::kill(pid(), SIGUSR2);
    wait_until_upgraded(before);
}

void ProxyUnderTest::wait_until_upgraded(std::size_t from) {
    const auto line = daemon_->wait_for_match(
        "INFO upgraded: process ([0-9]+) has.*|ERROR upgrade failed.*", from);
    if (line.at(1).empty())
        throw std::runtime_error(line.front());
    const auto pid = static_cast<pid_t>(std::stol(line.at(1)));
    successors_.push_back({pid, support::Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)))});
    // As on a machine that stalls: what follows would fail, and not say why.
    if (line.front().find("stayed here") != std::string::npos)
        throw std::runtime_error(line.front());
    daemon_->wait_for_line("HTTP API: listening on", from);
    read_listening_lines(from);
}

std::string ProxyUnderTest::failing_upgrade() {
    const std::size_t before = daemon_->mark();
    ::kill(pid(), SIGUSR2);
    return daemon_->wait_for_match("ERROR upgrade failed.*|INFO upgraded.*", before).front();
}

/// If the first poll has ended before the member that Patroni names has said whether it leads,
/// there are several polls per second until it has.
void ProxyUnderTest::wait_for_named_leaders() {
    static const std::regex unheard(
        " (\\S+): no leader: .* is shown as leader, but its own API has not answered yet");
    const auto lines = daemon_->lines();
    std::smatch found;
    for (std::size_t i = 0; i < lines.size(); ++i)
        if (std::regex_search(lines[i].text, found, unheard))
            daemon_->wait_for_match(" " + found.str(1) + ": (no leader|\\S+ leads): ", i + 1);
}

void ProxyUnderTest::read_listening_lines(std::size_t from) {
    static const std::string marker = ": listening on ";
    std::map<std::string, std::vector<std::string>> fresh;
    const auto lines = daemon_->lines();
    for (std::size_t i = from; i < lines.size(); ++i) {
        const std::string& line = lines[i].text;
        const auto at = line.find(marker);
        if (at == std::string::npos)
            continue;
        // Behind the date, the time and the level.
        const auto label_at = line.find(' ', line.find(' ', line.find(' ') + 1) + 1) + 1;
        fresh[line.substr(label_at, at - label_at)].push_back(line.substr(at + marker.size()));
    }
    for (auto& [label, addresses] : fresh)
        addresses_[label] = std::move(addresses);
}

std::uint16_t ProxyUnderTest::port(const std::string& label, const std::string& address) const {
    for (const auto& each : addresses_.at(label))
        if (each.starts_with(address))
            return static_cast<std::uint16_t>(std::stoul(each.substr(each.rfind(':') + 1)));
    throw std::runtime_error(label + " does not listen on " + address);
}

support::TestClient ProxyUnderTest::connect(const std::string& label) const {
    return {"127.0.0.1", port(label)};
}

std::string ProxyUnderTest::http(const std::string& method, const std::string& path) const {
    support::TestClient client("127.0.0.1", port("HTTP API"));
    client.send(method + " " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    return client.receive_to_eof();
}

/// A poll that ends without the leader's own report has waited a second for it: once more then.
void ProxyUnderTest::update_clusters() const {
    auto took = support::Clock::duration::max();
    for (int i = 0; i < 5 && took >= std::chrono::seconds(1); ++i) {
        const auto begin = support::Clock::now();
        const std::string answer = http("GET", "/update_clusters");
        took = support::Clock::now() - begin;
        if (answer.find(" 200 ") == std::string::npos)
            throw std::runtime_error("update_clusters: " + answer);
    }
}

std::string ProxyUnderTest::get(const std::string& path) const {
    const std::string answer = http("GET", path);
    return answer.substr(answer.find("\r\n\r\n") + 4);
}

double ProxyUnderTest::metric(const std::string& series) const {
    const std::string text = "\n" + get("/metrics");
    const std::string start = "\npatroni_proxy_" + series + " ";
    const auto at = text.find(start);
    if (at == std::string::npos)
        throw std::runtime_error("no metric " + series + " in " + text);
    return std::stod(text.substr(at + start.size()));
}

void ProxyUnderTest::wait_for_metric(const std::string& series, double value) const {
    support::eventually([&] { return metric(series) == value; },
                        series + " to be " + std::to_string(value));
}

void ProxyUnderTest::write_config(const std::string& config) const {
    directory_.write("patroni_proxy.yaml", config);
}

void ProxyUnderTest::reload() {
    const std::size_t before = daemon_->mark();
    daemon_->signal(SIGHUP);
    const std::string line =
        daemon_->wait_for_match("(INFO reloaded|ERROR reload failed).*", before).front();
    if (line.starts_with("ERROR"))
        throw std::runtime_error(line);
    read_listening_lines(before);
}

void ProxyUnderTest::reload(const std::string& config) {
    write_config(config);
    reload();
}

std::string ProxyUnderTest::failing_reload(const std::string& config) {
    write_config(config);
    const std::size_t before = daemon_->mark();
    daemon_->signal(SIGHUP);
    return daemon_->wait_for_match("ERROR reload failed.*|INFO reloaded", before).front();
}

std::size_t ProxyUnderTest::open_descriptors() const {
    const std::filesystem::directory_iterator entries("/proc/" + std::to_string(pid()) + "/fd");
    return static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
}

std::size_t ProxyUnderTest::memory_kb() const {
    std::ifstream status("/proc/" + std::to_string(pid()) + "/status");
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("RssAnon:"))
            return std::stoul(line.substr(line.find(':') + 1));
    throw std::runtime_error("no RssAnon");
}
