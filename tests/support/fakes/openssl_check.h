#pragma once

#include <stdexcept>
#include <string>

#include <openssl/err.h>

namespace support {

/// Throws what OpenSSL last complained of, unless the call succeeded.
inline void check(bool succeeded, const std::string& call) {
    if (!succeeded)
        throw std::runtime_error(call + ": " + ERR_error_string(ERR_get_error(), nullptr));
}

}  // namespace support
