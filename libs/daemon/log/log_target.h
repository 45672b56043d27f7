#pragma once

#include <string>

#include <Poco/Channel.h>

#include "net/socket/unique_fd.h"

namespace daemons::log {

/// Writes each message as one line, to stderr or to a file it owns; one thread. The line is given
/// to the kernel in one piece, so that other processes that write there too cannot split it.
///
/// POCO's own channels go through streams. ConsoleChannel writes the end of a line by itself, tells
/// of no error and is silent for ever after one; while it waits for a full pipe it holds the lock
/// of stderr, and exit() hangs. FileChannel cuts lines of more than 4 KiB.
class LogTarget : public Poco::Channel {
  public:
    /// Empty: stderr. Throws FileError if it cannot be opened.
    explicit LogTarget(const std::string& file);

    /// Waits for as long as the kernel does. Throws Poco::WriteFileException if the line is not
    /// written, or not whole; the next one then starts on a line of its own.
    void log(const Poco::Message& message) override;

  private:
    net::UniqueFd file_;
    int fd_;
    bool cut_ = false;
    std::string line_;
};

}  // namespace daemons::log
