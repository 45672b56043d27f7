#include "daemon/log/file_target.h"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <poll.h>
#include <string_view>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

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
      to_journal_(file.empty() && stderr_is_journal()) {}

int FileTarget::write(const Record& record) {
    line_.assign(cut_ ? "\n" : "");
    if (to_journal_)
        line_ += priority_of(record.level);
    line_.append(record.line).append("\n");
    std::string_view rest = line_;
    const int error = write_all(fd_, rest);
    if (rest.size() < line_.size())
        cut_ = !rest.empty();
    return error;
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
