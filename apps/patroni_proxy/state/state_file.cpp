#include "patroni_proxy/state/state_file.h"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <string_view>
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

std::string write_state(const std::string& path, const std::string& text) {
    const std::string temporary = path + ".new";
    {
        // What an earlier process left there was never complete.
        ::unlink(temporary.c_str());
        const net::UniqueFd fd(::open(
            temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, kOwnerOnly));
        if (!fd || !write_all(fd.get(), text) || ::fsync(fd.get()) != 0)
            return failure(temporary);
    }
    if (::rename(temporary.c_str(), path.c_str()) != 0)
        return failure(path);
    // The new name is on the disk once its directory is.
    const std::string directory = path.substr(0, path.rfind('/') + 1);
    const net::UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return fd && ::fsync(fd.get()) == 0 ? "" : failure(directory);
}

}  // namespace proxy
