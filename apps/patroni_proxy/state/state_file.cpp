#include "patroni_proxy/state/state_file.h"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <string_view>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "net/socket/unique_fd.h"

namespace proxy {
namespace {

constexpr mode_t kOwnerOnly = 0600;

/// Why the file is not to be believed; empty if it may be.
std::string distrust_in(const struct stat& file) {
    if (file.st_uid != 0 && file.st_uid != ::geteuid())
        return "it belongs to another user (uid " + std::to_string(file.st_uid) + ")";
    if ((file.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return "other users may write it";
    return {};
}

bool write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t count = ::write(fd, text.data(), text.size());
        if (count >= 0)
            text.remove_prefix(static_cast<std::size_t>(count));
        else if (errno != EINTR)
            return false;
    }
    return true;
}

std::string failure(const std::string& path) {
    return path + ": cannot be written: " + std::generic_category().message(errno);
}

}  // namespace

State read_state(const std::string& path, const daemons::ReadFile& read, const Moment& now) {
    struct stat file {};
    if (::lstat(path.c_str(), &file) != 0 && errno == ENOENT)
        return {};
    std::string problem = distrust_in(file);
    if (problem.empty()) {
        try {
            auto state = parse_state(read(path), now);
            if (state)
                return std::move(state).value();
            problem = path + ": " + state.reason();
        } catch (const daemons::FileError& error) {
            problem = error.what();
        }
    } else {
        problem.insert(0, path + ": ");
    }
    State none;
    none.doubts = {problem};
    return none;
}

std::string StateWriter::write(const std::string& text) {
    const std::string directory = path_.substr(0, path_.rfind('/') + 1);
    const net::UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    // Not every file system can lock a directory. It ends with the descriptor.
    if (fd)
        (void)::flock(fd.get(), LOCK_EX);
    left_to_another_ = keeps_out_ && is_anothers();
    if (!allowed_ || left_to_another_)
        return {};
    // The next start would refuse it, and lose what the file has now as well.
    if (text.size() > daemons::kMaxFileSize)
        return path_ + ": cannot be written: it would be larger than 4 MiB";
    std::string problem = replace(text);
    if (!problem.empty())
        return problem;
    // The new name is on the disk once its directory is.
    return fd && ::fsync(fd.get()) == 0 ? "" : failure(directory);
}

bool StateWriter::is_anothers() const {
    struct stat now {};
    return written_.st_ino != 0 && ::lstat(path_.c_str(), &now) == 0 &&
           (now.st_ino != written_.st_ino || now.st_dev != written_.st_dev ||
            now.st_mtim.tv_sec != written_.st_mtim.tv_sec ||
            now.st_mtim.tv_nsec != written_.st_mtim.tv_nsec);
}

std::string StateWriter::replace(const std::string& text) {
    const std::string temporary = path_ + ".new";
    // What an earlier process left there was never complete.
    ::unlink(temporary.c_str());
    const net::UniqueFd fd(::open(
        temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, kOwnerOnly));
    if (!fd || !write_all(fd.get(), text) || ::fsync(fd.get()) != 0)
        return failure(temporary);
    if (::rename(temporary.c_str(), path_.c_str()) != 0)
        return failure(path_);
    (void)::fstat(fd.get(), &written_);
    return {};
}

}  // namespace proxy
