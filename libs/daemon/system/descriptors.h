#pragma once

#include <cstdint>

namespace daemons {

/// Raises the limit to the hard limit: a shell's usual 1,024 are only five hundred sessions.
void raise_descriptor_limit() noexcept;
/// The limit in force.
[[nodiscard]] std::uint64_t descriptor_limit() noexcept;
/// The number of open descriptors; 0 if the system does not say.
[[nodiscard]] std::uint64_t open_descriptors();

}  // namespace daemons
