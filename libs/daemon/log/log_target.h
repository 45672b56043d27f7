#pragma once

#include <string>

#include <Poco/Channel.h>

#include "net/socket/unique_fd.h"

namespace daemons::log {

/// Writes each message as one line, to stderr or to a file that it owns. One thread. It passes a
/// line to the kernel in one piece, so that other processes writing there cannot split it.
///
/// POCO's own channels use streams. ConsoleChannel writes the line break separately, reports no
/// error and stays silent after one; while it waits for a full pipe it holds the lock of stderr, so
/// that exit() hangs. FileChannel cuts lines of more than 4 KiB.
class LogTarget : public Poco::Channel {
  public:
    /// Empty: stderr. Throws FileError if it cannot be opened.
    explicit LogTarget(const std::string& file);

    /// Waits as long as the kernel does. Throws Poco::WriteFileException if the line was not
    /// written completely; the next one then starts on a new line.
    void log(const Poco::Message& message) override;

  private:
    net::UniqueFd file_;
    int fd_;
    bool cut_ = false;
    std::string line_;
};

}  // namespace daemons::log
