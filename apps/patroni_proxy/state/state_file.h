#pragma once

#include <string>

#include "daemon/system/file.h"
#include "patroni_proxy/state/state_text.h"

namespace proxy {

/// Both may hang with the file system: not on a thread that others wait for.

/// The state that an earlier process left; empty if there is no file. A file that other users than
/// this one and root may have written, or that cannot be used, counts for nothing, with a doubt
/// that says why.
[[nodiscard]] State read_state(const std::string& path, const daemons::ReadFile& read,
                               const Moment& now);

/// Replaces the file at once and for good: whoever reads it, whenever the host fails, finds the old
/// text or the new one. Only its owner may read it. Why that failed; empty if it worked.
[[nodiscard]] std::string write_state(const std::string& path, const std::string& text);

}  // namespace proxy
