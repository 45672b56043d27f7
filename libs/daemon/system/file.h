#pragma once

#include <cstddef>
#include <functional>
#include <stdexcept>
#include <string>

namespace daemons {

/// A file that cannot be used. what() names it, and says what it is and what is allowed.
class FileError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// A configuration of a hundred clusters with ten ports each takes some 200 kB, as does a system's
/// bundle of CAs.
inline constexpr std::size_t kMaxFileSize = std::size_t{4} * 1024 * 1024;

/// Reads a whole file: the one way in which both daemons read any. Only a regular file of at most
/// kMaxFileSize will do: a FIFO or a device may have nothing to read for ever, or no end. Throws
/// FileError. Any thread, but none that others wait for: a file system that hangs blocks it.
[[nodiscard]] std::string read_file(const std::string& path);

/// read_file(), or what a test has in its place.
using ReadFile = std::function<std::string(const std::string& path)>;

}  // namespace daemons
