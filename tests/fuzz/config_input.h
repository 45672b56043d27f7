#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/config/config_parts.h"
#include "daemon/config/inputs.h"
#include "require.h"

/// A configuration of any content is read, or refused with where and why. What stands behind the
/// first NUL is a second file, which the first may include; variables have values that look like
/// YAML. `parse` takes a text, the name of its file, and Inputs.
template <typename Parse>
void read_or_refuse(const std::uint8_t* data, std::size_t size, Parse parse) {
    const std::string input(reinterpret_cast<const char*>(data), size);
    const std::size_t end = input.find('\0');
    const std::string second = end == std::string::npos ? "" : input.substr(end + 1);
    daemons::Inputs inputs;
    inputs.read = [&](const std::string& path) {
        if (path != "f.d/g.yaml")
            throw daemons::FileError(path + ": there is no such file");
        return second;
    };
    inputs.list = [](const std::string& path) {
        return path == "f.d" ? std::optional(std::vector<std::string>{".h.yaml", "g.yaml"})
                             : std::nullopt;
    };
    inputs.variables = [](const std::string& name) {
        return name == "A" ? std::optional<std::string>("[x, {y: 1}]") : std::nullopt;
    };
    try {
        (void)parse(input.substr(0, end), "f", inputs);
    } catch (const daemons::ConfigError& error) {
        require(std::string_view(error.what()).starts_with("f"));
    }
}
