#pragma once

#include <string>

#include "daemon/log/log_target.h"
#include "net/socket/unique_fd.h"

namespace daemons::log {

/// Writes to stderr, or to a file that it owns. It passes a line to the kernel in one piece, so
/// that other processes writing there cannot split it. If stderr is systemd's journal, each line
/// begins with its priority ("<4>"), which the journal takes off: see sd-daemon(3).
class FileTarget final : public Target {
  public:
    /// Empty: stderr. Throws FileError if the file cannot be opened.
    explicit FileTarget(const std::string& file);

    /// After a line that was cut, the next one starts on a new line.
    [[nodiscard]] int write(const Record& record) override;
    [[nodiscard]] std::string name() const override;

  private:
    const std::string file_;
    net::UniqueFd owned_;
    int fd_;
    bool to_journal_;
    bool cut_ = false;
    std::string line_;
};

/// Writes a line to stderr unless that would block. Any thread.
void write_to_stderr_at_once(const Record& record);

}  // namespace daemons::log
