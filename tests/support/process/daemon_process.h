#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "child_process.h"
#include "output_reader.h"
#include "support/wait.h"

namespace support {

/// A daemon started as a user starts it, and what it says on stdout and stderr.
/// Owns the process: the destructor sends SIGTERM, waits a bounded time, then SIGKILL; a killed
/// test takes it along (see ChildProcess: make it in a thread that outlives it).
/// The waits match lines seen already, from line index `after` on (see mark()), or still to come;
/// they throw std::runtime_error with the whole output when time is up, or at once where the
/// daemon has ended. One thread at a time.
class DaemonProcess {
  public:
    explicit DaemonProcess(const std::vector<std::string>& argv,
                           const ProcessOptions& options = {});
    ~DaemonProcess();
    DaemonProcess(const DaemonProcess&) = delete;
    DaemonProcess& operator=(const DaemonProcess&) = delete;

    /// The first line that contains `text`.
    std::string wait_for_line(const std::string& text, std::size_t after = 0,
                              Milliseconds timeout = default_timeout);
    /// The first line in which the regular expression is found: the match, then its groups.
    std::vector<std::string> wait_for_match(const std::string& pattern, std::size_t after = 0,
                                            Milliseconds timeout = default_timeout);
    /// Lines so far: pass it as `after` to look only at what comes from now on.
    [[nodiscard]] std::size_t mark() const { return output_.line_count(); }

    /// Until a connect to the port succeeds. Polls, and the connection is one the daemon sees;
    /// prefer a log line where there is one.
    void wait_for_port(const std::string& ip, std::uint16_t port,
                       Milliseconds timeout = default_timeout);

    void signal(int number) const { process_.signal(number); }
    ExitStatus wait_for_exit(Milliseconds timeout = default_timeout);
    [[nodiscard]] bool running();
    [[nodiscard]] pid_t pid() const noexcept { return process_.pid(); }

    /// Both streams, as they came; meant for messages too: EXPECT_... << daemon.output().
    [[nodiscard]] std::string output() const { return output_.text(); }
    [[nodiscard]] std::string output(Stream stream) const { return output_.text(stream); }
    [[nodiscard]] std::vector<OutputLine> lines() const { return output_.lines(); }

  private:
    std::string wait_for(const std::string& what, const OutputReader::Matches& matches,
                         std::size_t after, Milliseconds timeout);
    [[noreturn]] void fail(const std::string& what, Milliseconds timeout);

    std::string name_;
    ChildProcess process_;
    OutputReader output_;
};

struct RunResult {
    ExitStatus status;
    std::string out;
    std::string err;
};

/// Runs a program to its end, as for --check and --help; kills it and throws TimedOut with its
/// output where it does not end in time.
RunResult run(const std::vector<std::string>& argv, const ProcessOptions& options = {},
              Milliseconds timeout = default_timeout);

}  // namespace support
