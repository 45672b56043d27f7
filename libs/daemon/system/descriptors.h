#pragma once

#include <cstdint>

namespace daemons {

/// As many as the system lets this process have: a shell's usual 1,024 are five hundred clients.
void raise_descriptor_limit() noexcept;
/// How many it may have now.
[[nodiscard]] std::uint64_t descriptor_limit() noexcept;
/// How many are open; 0 if the system does not say.
[[nodiscard]] std::uint64_t open_descriptors();

}  // namespace daemons
