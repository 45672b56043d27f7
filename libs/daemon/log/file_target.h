#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "daemon/log/log_target.h"
#include "net/socket/unique_fd.h"

namespace daemons::log {

/// Writes to stderr, or to a file that it owns. It passes many lines to the kernel at a time, but
/// never so many that other processes that write there could split one. If stderr is systemd's
/// journal, each line begins with its priority ("<4>"), which the journal takes off: see
/// sd-daemon(3).
class FileTarget final : public Target {
  public:
    /// Empty: stderr. Throws FileError if the file cannot be opened.
    explicit FileTarget(const std::string& file);

    /// After a line that was cut, the next one starts on a new line.
    [[nodiscard]] Written write(std::span<const Record> records) override;
    [[nodiscard]] std::string name() const override;

  private:
    void append(const Record& record);

    const std::string file_;
    net::UniqueFd owned_;
    int fd_;
    bool to_journal_;
    std::size_t most_at_once_;  ///< bytes of more than one line
    bool cut_ = false;
    std::string lines_;
};

/// Writes a line to stderr unless that would block. Any thread.
void write_to_stderr_at_once(const Record& record);

}  // namespace daemons::log
