#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace daemons {

/// A file cannot be used. what() names it and says why, and what is allowed.
class FileError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// A configuration of a hundred clusters with ten ports each takes about 200 kB, and so does a
/// system's bundle of CAs.
inline constexpr std::size_t kMaxFileSize = std::size_t{4} * 1024 * 1024;

/// Reads a whole file; both daemons read files in no other way. Accepts only regular files of at
/// most kMaxFileSize: a FIFO or a device may block for ever, or have no end. Throws FileError. Any
/// thread, but none that others wait for: a hung file system blocks it.
[[nodiscard]] std::string read_file(const std::string& path);

/// read_file(), or its stand-in in a test.
using ReadFile = std::function<std::string(const std::string& path)>;

/// The names in a directory, in the order of their bytes, without "." and ".."; nothing if the path
/// is not a directory or does not exist. Throws FileError for one that cannot be read, or holds
/// more than kMaxNames. Any thread that may wait, as for read_file().
inline constexpr std::size_t kMaxNames = 10'000;
[[nodiscard]] std::optional<std::vector<std::string>> list_directory(const std::string& path);

/// list_directory(), or its stand-in in a test.
using ListDirectory =
    std::function<std::optional<std::vector<std::string>>(const std::string& path)>;

}  // namespace daemons
