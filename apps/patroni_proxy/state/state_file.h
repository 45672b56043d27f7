#pragma once

#include <atomic>
#include <string>
#include <sys/stat.h>
#include <utility>

#include "daemon/system/file.h"
#include "patroni_proxy/state/state_text.h"

namespace proxy {

// Reading and writing hang if the file system does: not on a thread that others wait for.

/// The state that an earlier process left; empty if there is no file. A file that other users than
/// this one and root may have written, or that cannot be used, counts for nothing, with a doubt
/// that says why.
[[nodiscard]] State read_state(const std::string& path, const daemons::ReadFile& read,
                               const Moment& now);

/// Writes the state file for one process, beside which another one may write it: in an upgrade, or
/// when a new process has been started while this one drains. write() on one thread at a time, the
/// rest on any.
class StateWriter {
  public:
    explicit StateWriter(std::string path) : path_(std::move(path)) {}

    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    /// Replaces the file at once and for good: whoever reads it, whenever the host fails or the
    /// process is killed, finds the old text or the new one. Only its owner may read it. Waits for
    /// another process that is writing. Why that failed; empty if it worked, or was not allowed.
    [[nodiscard]] std::string write(const std::string& text);
    /// Not any more, from this call on: another process may write as soon as it has returned, and
    /// a write that is under way comes before that one's or not at all.
    void allow(bool allowed) noexcept { allowed_ = allowed; }
    /// From now on leaves the file alone once another process has written it.
    void keep_out() noexcept { keeps_out_ = true; }
    /// The latest write was not made for that reason.
    [[nodiscard]] bool is_left_to_another() const noexcept { return left_to_another_; }

  private:
    /// Another process has written it since this one did.
    [[nodiscard]] bool is_anothers() const;
    [[nodiscard]] std::string replace(const std::string& text);

    const std::string path_;
    std::atomic<bool> allowed_{true};
    std::atomic<bool> keeps_out_{false};
    std::atomic<bool> left_to_another_{false};
    struct stat written_ {};  ///< the file as this process has left it
};

}  // namespace proxy
