#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "haproxy/grammar/reader.h"

namespace haproxy {

/// Symbols with these values and no other.
inline Symbols known(std::map<std::string, std::string> values = {}) {
    return [values = std::move(values)](const std::string& name) -> std::optional<std::string> {
        const auto found = values.find(name);
        return found == values.end() ? std::nullopt : std::optional(found->second);
    };
}

inline Configuration read_text(const std::string& text,
                               std::map<std::string, std::string> values = {}) {
    return read({{"h.cfg", text}}, known(std::move(values)));
}

/// Every statement as "line section: words", with '*' for one that stands for every member.
inline std::vector<std::string> lines_of(const Configuration& configuration) {
    std::vector<std::string> lines;
    for (const auto& section : configuration.sections)
        for (const auto& statement : section.statements)
            lines.push_back(std::to_string(statement.place.line) + (statement.every ? "* " : " ") +
                            section.kind + ": " + statement.text());
    return lines;
}

/// Why a text is refused; empty if it is not.
inline std::string refusal_of(const std::string& text) {
    try {
        (void)read_text(text);
        return {};
    } catch (const ReadError& error) {
        return error.what();
    }
}

}  // namespace haproxy
