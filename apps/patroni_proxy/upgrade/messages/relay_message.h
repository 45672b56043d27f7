#pragma once

#include <string>
#include <string_view>

#include "net/loop/relay_state.h"

namespace proxy::upgrade {

/// What a relay knows, without the bytes that it has not written yet. Pure.
[[nodiscard]] std::string write_relay(const net::RelayState& relay);
/// False if the fields cannot be read, or have a value that a relay cannot have. Pure.
[[nodiscard]] bool read_relay(std::string_view fields, net::RelayState& relay);

}  // namespace proxy::upgrade
