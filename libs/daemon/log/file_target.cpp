#include "daemon/log/file_target.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <fcntl.h>
#include <iterator>
#include <poll.h>
#include <string_view>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <vector>

#include "daemon/system/file.h"

namespace daemons::log {
namespace {

std::string open_failure(int error) {
    // A FIFO without a reader and a socket fail alike.
    return error == ENXIO ? "it is a FIFO that nobody reads, or a socket; it must be a regular file"
                          : std::generic_category().message(error);
}

net::UniqueFd open_file(const std::string& file) {
    // O_NONBLOCK: opening a FIFO that nobody reads fails instead of waiting.
    constexpr int kFlags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    net::UniqueFd fd(::open(file.c_str(), kFlags, 0640));
    if (!fd)
        throw FileError("cannot open the log file '" + file + "': " + open_failure(errno));
    return fd;
}

/// systemd sets JOURNAL_STREAM to "DEVICE:INODE" of the stream that it connects to the journal.
/// Compared with stderr, because that may have been redirected since (systemd.exec(5)).
bool stderr_is_journal() {
    const char* const stream = std::getenv("JOURNAL_STREAM");  // NOLINT(concurrency-mt-unsafe)
    struct stat status {};
    if (stream == nullptr || ::fstat(STDERR_FILENO, &status) != 0)
        return false;
    std::string own = std::to_string(status.st_dev);
    own.append(":").append(std::to_string(status.st_ino));
    return own == stream;
}

std::string priority_of(Level level) {
    return "<" + std::to_string(severity_of(level)) + ">";
}

/// A regular file takes any size in one piece, a pipe only this much.
std::size_t most_at_once(int fd) {
    struct stat status {};
    const bool regular = ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
    return regular ? std::size_t{64} * 1024 : PIPE_BUF;
}

/// Removes what was written from `rest`. 0, or the errno of the failure.
int write_all(int fd, std::string_view& rest) {
    while (!rest.empty()) {
        const ssize_t n = ::write(fd, rest.data(), rest.size());
        if (n >= 0) {
            rest.remove_prefix(static_cast<std::size_t>(n));
        } else if (errno == EAGAIN) {
            // Our files are non-blocking, and another process may have made the shared stderr so.
            pollfd room{fd, POLLOUT, 0};
            (void)::poll(&room, 1, -1);
        } else if (errno != EINTR) {
            return errno;
        }
    }
    return 0;
}

}  // namespace

FileTarget::FileTarget(const std::string& file)
    : file_(file),
      owned_(file.empty() ? net::UniqueFd() : open_file(file)),
      fd_(file.empty() ? STDERR_FILENO : owned_.get()),
      to_journal_(file.empty() && stderr_is_journal()),
      most_at_once_(most_at_once(fd_)) {}

void FileTarget::append(const Record& record) {
    if (to_journal_)
        lines_ += priority_of(record.level);
    lines_.append(record.line).append("\n");
}

Target::Written FileTarget::write(std::span<const Record> records) {
    lines_.assign(cut_ ? "\n" : "");
    std::vector<std::size_t> ends;  // of each record in lines_
    for (const Record& record : records) {
        append(record);
        if (!ends.empty() && lines_.size() > most_at_once_)
            break;
        ends.push_back(lines_.size());
    }
    lines_.resize(ends.back());

    std::string_view rest = lines_;
    const int error = write_all(fd_, rest);
    const std::size_t written = lines_.size() - rest.size();
    const auto first_left = std::upper_bound(ends.begin(), ends.end(), written);
    if (written > 0)
        cut_ = first_left != ends.end() &&
               (first_left == ends.begin() || *std::prev(first_left) < written);
    return {static_cast<std::size_t>(first_left - ends.begin()), error};
}

std::string FileTarget::name() const {
    return file_.empty() ? "stderr" : "the log file '" + file_ + "'";
}

void write_to_stderr_at_once(const Record& record) {
    std::string line = stderr_is_journal() ? priority_of(record.level) : std::string{};
    line.append(record.line).append("\n");
    pollfd room{STDERR_FILENO, POLLOUT, 0};
    if (::poll(&room, 1, 0) == 1 && (room.revents & POLLOUT) != 0)
        (void)!::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace daemons::log
