#include "daemon/system/file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "net/socket/unique_fd.h"

namespace daemons {
namespace {

std::string reason_of(int error) {
    return std::generic_category().message(error);
}

const char* kind_of(mode_t mode) {
    switch (mode & S_IFMT) {
        case S_IFDIR:
            return "a directory";
        case S_IFIFO:
            return "a FIFO";
        case S_IFSOCK:
            return "a socket";
        case S_IFCHR:
        case S_IFBLK:
            return "a device";
        default:
            return "not a regular file";
    }
}

void require_regular(const std::string& path, const struct stat& file) {
    if (!S_ISREG(file.st_mode))
        throw FileError(path + ": is " + kind_of(file.st_mode) + "; it must be a regular file");
}

[[noreturn]] void refuse_unreadable(const std::string& path) {
    throw FileError(path + ": cannot be read: " + reason_of(errno));
}

}  // namespace

std::string read_file(const std::string& path) {
    // Checked before opening, since opening a device may have an effect, and again afterwards,
    // since it may be another file by then.
    struct stat file {};
    if (::stat(path.c_str(), &file) != 0)
        refuse_unreadable(path);
    require_regular(path, file);
    const net::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
    if (!fd || ::fstat(fd.get(), &file) != 0)
        refuse_unreadable(path);
    require_regular(path, file);
    // Reads to the end whatever the size says: the file may grow, and files in /proc have size 0.
    std::string text;
    std::array<char, 64 * 1024> chunk;
    while (text.size() <= kMaxFileSize && file.st_size <= static_cast<off_t>(kMaxFileSize)) {
        const ssize_t count = ::read(fd.get(), chunk.data(), chunk.size());
        if (count == 0)
            return text;
        if (count > 0)
            text.append(chunk.data(), static_cast<std::size_t>(count));
        else if (errno != EINTR)
            refuse_unreadable(path);
    }
    throw FileError(path + ": is larger than 4 MiB");
}

std::optional<std::vector<std::string>> list_directory(const std::string& path) {
    std::error_code error;
    if (!std::filesystem::is_directory(path, error))
        return std::nullopt;
    std::vector<std::string> names;
    std::filesystem::directory_iterator entry(path, error);
    for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
        if (names.size() == kMaxNames)
            throw FileError(path + ": holds more than " + std::to_string(kMaxNames) + " files");
        names.push_back(entry->path().filename().string());
    }
    if (error)
        throw FileError(path + ": cannot be read: " + error.message());
    std::sort(names.begin(), names.end());
    return names;
}

}  // namespace daemons
