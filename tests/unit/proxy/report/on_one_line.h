#pragma once

#include <string>

namespace proxy {

/// Without line breaks and the spaces after them.
inline std::string on_one_line(const std::string& text) {
    std::string line;
    bool indenting = false;
    for (const char c : text) {
        indenting = c == '\n' || (indenting && c == ' ');
        if (!indenting)
            line += c;
    }
    return line;
}

}  // namespace proxy
