#pragma once

#include <cstddef>

namespace net {

/// What the calling thread has allocated with new, less what it has freed, in bytes. Under
/// sanitizers malloc() counts as well.
std::ptrdiff_t allocated_by_this_thread() noexcept;

}  // namespace net
