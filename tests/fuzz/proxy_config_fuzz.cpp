// The configuration of patroni_proxy.

#include <cstddef>
#include <cstdint>

#include "config_input.h"
#include "patroni_proxy/config/config.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    read_or_refuse(data, size, [](const auto&... file) { return proxy::parse_config(file...); });
    return 0;
}
