// A configuration of HAProxy of any content, or a template of one, is read, or refused with where
// and why. Whatever is made of it passes our own check.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>

#include "haproxy/grammar/reader.h"
#include "patroni_proxy/config/config.h"
#include "patroni_proxy/migrate/convert/converter.h"
#include "patroni_proxy/migrate/doctor/findings.h"

namespace {

/// No certificate exists here, and that is no fault of the result.
void check(const std::string& yaml) {
    daemons::Inputs inputs;
    inputs.read = [](const std::string&) -> std::string { throw daemons::FileError("no file"); };
    try {
        (void)proxy::parse_config(yaml, "result", inputs);
    } catch (const proxy::ConfigError& error) {
        std::istringstream lines(error.what());
        for (std::string line; std::getline(lines, line);) {
            if (line.find(": tls of cluster ") != std::string::npos)
                continue;
            std::cerr << line << '\n' << yaml;
            std::abort();
        }
    }
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const haproxy::Symbols symbols = [](const std::string& name) -> std::optional<std::string> {
        return name.size() == 1 ? std::optional<std::string>("value of " + name) : std::nullopt;
    };
    try {
        const auto configuration =
            haproxy::read({{"f", std::string(reinterpret_cast<const char*>(data), size)}}, symbols);
        (void)proxy::migrate::examine(configuration);
        const auto conversion = proxy::migrate::convert(configuration, {});
        (void)conversion.ledger.text();
        if (conversion.draft)
            check(yaml_of(*conversion.draft));
    } catch (const haproxy::ReadError& error) {
        if (!std::string_view(error.what()).starts_with("f:"))
            std::abort();
    }
    return 0;
}
