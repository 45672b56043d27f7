#include "daemon_process.h"

#include <filesystem>
#include <regex>
#include <signal.h>
#include <stdexcept>

#include "support/sockets/test_client.h"

namespace support {

DaemonProcess::DaemonProcess(const std::vector<std::string>& argv, const ProcessOptions& options)
    : name_(std::filesystem::path(argv.at(0)).filename()),
      process_(argv, options),
      output_(process_.take_output(), process_.take_error()) {
    process_.close_input();
}

DaemonProcess::~DaemonProcess() {
    process_.signal(SIGTERM);
    process_.wait(default_timeout);
}

std::string DaemonProcess::wait_for_line(const std::string& text, std::size_t after,
                                         Milliseconds timeout) {
    const auto contains = [&](const OutputLine& line) {
        return line.text.find(text) != std::string::npos;
    };
    return wait_for("a line with '" + text + "'", contains, after, timeout);
}

std::vector<std::string> DaemonProcess::wait_for_match(const std::string& pattern,
                                                       std::size_t after, Milliseconds timeout) {
    const std::regex expression(pattern);
    std::vector<std::string> groups;
    const auto matches = [&](const OutputLine& line) {
        std::smatch match;
        if (!std::regex_search(line.text, match, expression))
            return false;
        groups.assign(match.begin(), match.end());
        return true;
    };
    wait_for("a line matching /" + pattern + "/", matches, after, timeout);
    return groups;
}

std::string DaemonProcess::wait_for(const std::string& what, const OutputReader::Matches& matches,
                                    std::size_t after, Milliseconds timeout) {
    const auto found = output_.find(after, matches, timeout);
    if (!found)
        fail(what + (after > 0 ? " after line " + std::to_string(after) : ""), timeout);
    return output_.lines()[*found].text;
}

void DaemonProcess::wait_for_port(const std::string& ip, std::uint16_t port, Milliseconds timeout) {
    const auto deadline = Clock::now() + timeout;
    while (TestClient::connect_error(ip, port, timeout) != 0) {
        const auto pause = Milliseconds{2};
        if (process_.wait(pause) || Clock::now() >= deadline)
            fail("port " + std::to_string(port) + " on " + ip + " to answer", timeout);
    }
}

ExitStatus DaemonProcess::wait_for_exit(Milliseconds timeout) {
    const auto status = process_.wait(timeout);
    if (!status)
        fail("its exit", timeout);
    output_.wait_for_end(timeout);
    return *status;
}

bool DaemonProcess::running() {
    return !process_.wait(Milliseconds{0}).has_value();
}

void DaemonProcess::fail(const std::string& what, Milliseconds timeout) {
    // Both streams may have ended a moment before the process itself has.
    const auto status = process_.wait(output_.ended() ? Milliseconds{1000} : Milliseconds{0});
    const std::string seen = (status ? status->text() : "still running") + ", output:\n" + output();
    throw TimedOut(timeout, name_ + ": " + what, seen);
}

RunResult run(const std::vector<std::string>& argv, const ProcessOptions& options,
              Milliseconds timeout) {
    ChildProcess process(argv, options);
    process.close_input();
    OutputReader output(process.take_output(), process.take_error());
    const auto status = process.wait(timeout);
    if (!status)
        throw TimedOut(timeout, argv.front() + " to end", "output:\n" + output.text());
    output.wait_for_end(timeout);
    return {*status, output.text(Stream::out), output.text(Stream::err)};
}

}  // namespace support
