#pragma once

#include <filesystem>
#include <string>

namespace support {

/// A directory of the test's own under the system's temporary one, removed with all its content
/// on destruction. Throws std::runtime_error where it cannot be made or written.
class TempDir {
  public:
    TempDir();
    ~TempDir();
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;

    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

    /// Writes (or replaces) a file and returns its whole path; `name` may contain directories.
    std::string write(const std::string& name, const std::string& text) const;

  private:
    std::filesystem::path path_;
};

}  // namespace support
