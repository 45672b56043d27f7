#pragma once

#include <optional>
#include <ostream>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

#include "support/sockets/fd.h"
#include "support/wait.h"

namespace support {

/// How a process ended: by an exit code or by a signal.
struct ExitStatus {
    int code = -1;   ///< -1 where a signal ended it
    int signal = 0;  ///< 0 where it exited

    bool operator==(const ExitStatus&) const = default;
    [[nodiscard]] std::string text() const;
};
std::ostream& operator<<(std::ostream& out, const ExitStatus& status);

struct ProcessOptions {
    /// Added to our own environment, replacing what has the same name.
    std::vector<std::pair<std::string, std::string>> environment = {};
    std::string working_directory = {};  ///< empty: ours
    std::vector<int> descriptors = {};   ///< the child has them as 3, 4 and so on
};

/// A child process whose three streams are ours, started with default signal handling. Owns the
/// process: it is killed and reaped on destruction, and by the kernel when the thread that made it
/// ends (which a killed test does too). One thread at a time; signal() from any. Throws
/// std::system_error where the program cannot be started.
class ChildProcess {
  public:
    explicit ChildProcess(const std::vector<std::string>& argv, const ProcessOptions& options = {});
    ~ChildProcess();
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;

    [[nodiscard]] pid_t pid() const noexcept { return pid_; }
    /// Nothing where it has been reaped.
    void signal(int number) const;
    /// Reaps it; empty where it is still running at the end of `timeout`.
    std::optional<ExitStatus> wait(Milliseconds timeout);

    /// All of it to the child's stdin; false where the child reads no more. Blocks while it is
    /// full.
    bool write(const std::string& bytes);
    void close_input() { input_.close(); }
    /// Gives the reading end away.
    Fd take_output() noexcept { return std::move(output_); }
    Fd take_error() noexcept { return std::move(error_); }

  private:
    pid_t pid_ = -1;
    Fd pidfd_;
    Fd input_;
    Fd output_;
    Fd error_;
    std::optional<ExitStatus> status_;
};

}  // namespace support
