// A configuration file of any content is read, or refused with where and why.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "patroni_proxy/config/config.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try {
        (void)proxy::parse_config(std::string(reinterpret_cast<const char*>(data), size), "f");
    } catch (const proxy::ConfigError& error) {
        if (!std::string_view(error.what()).starts_with("f:"))
            std::abort();
    }
    return 0;
}
