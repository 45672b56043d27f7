#pragma once

#include <string>

#include "net/socket/listen_address.h"

namespace net {

/// The text must be an address.
inline ListenAddress address(const std::string& text) {
    return ListenAddress::parse(text).value();
}

}  // namespace net
