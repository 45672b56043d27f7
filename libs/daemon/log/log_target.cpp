#include "daemon/log/log_target.h"

#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <string_view>
#include <system_error>
#include <unistd.h>

#include <Poco/Exception.h>
#include <Poco/Message.h>

#include "daemon/system/file.h"

namespace daemons::log {
namespace {

std::string reason_of(int error) {
    // Of a FIFO, and of a socket, which is no file to write to either.
    return error == ENXIO ? "it is a FIFO that nobody reads, or a socket; it must be a regular file"
                          : std::generic_category().message(error);
}

net::UniqueFd open_file(const std::string& file) {
    // O_NONBLOCK: a FIFO that nobody reads is an error and not a wait.
    constexpr int kFlags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    net::UniqueFd fd(::open(file.c_str(), kFlags, 0640));
    if (!fd)
        throw FileError("cannot open the log file '" + file + "': " + reason_of(errno));
    return fd;
}

/// Takes off what has been written. 0, or the errno of what ended it.
int write_all(int fd, std::string_view& rest) {
    while (!rest.empty()) {
        const ssize_t n = ::write(fd, rest.data(), rest.size());
        if (n >= 0) {
            rest.remove_prefix(static_cast<std::size_t>(n));
        } else if (errno == EAGAIN) {
            // Ours is, and whoever shares stderr with us may have made it so.
            pollfd room{fd, POLLOUT, 0};
            (void)::poll(&room, 1, -1);
        } else if (errno != EINTR) {
            return errno;
        }
    }
    return 0;
}

}  // namespace

LogTarget::LogTarget(const std::string& file)
    : file_(file.empty() ? net::UniqueFd() : open_file(file)),
      fd_(file.empty() ? STDERR_FILENO : file_.get()) {}

void LogTarget::log(const Poco::Message& message) {
    line_.assign(cut_ ? "\n" : "").append(message.getText()).append("\n");
    std::string_view rest = line_;
    const int error = write_all(fd_, rest);
    if (rest.size() < line_.size())
        cut_ = !rest.empty();
    if (error != 0)
        throw Poco::WriteFileException("log", error);
}

}  // namespace daemons::log
