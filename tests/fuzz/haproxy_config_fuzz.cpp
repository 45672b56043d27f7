// A configuration of HAProxy of any content, or a template of one, is read, or refused with where
// and why.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "haproxy/grammar/reader.h"
#include "haproxy/model/health_check.h"
#include "haproxy/model/proxy.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const haproxy::Symbols symbols = [](const std::string& name) -> std::optional<std::string> {
        return name.size() == 1 ? std::optional<std::string>("value of " + name) : std::nullopt;
    };
    try {
        const auto configuration =
            haproxy::read({{"f", std::string(reinterpret_cast<const char*>(data), size)}}, symbols);
        for (const auto& proxy : haproxy::proxies_of(configuration))
            (void)haproxy::health_check_of(proxy);
    } catch (const haproxy::ReadError& error) {
        if (!std::string_view(error.what()).starts_with("f:"))
            std::abort();
    }
    return 0;
}
