#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "haproxy/grammar/configuration.h"

namespace haproxy {

/// A setting of a `bind`, `server` or `default-server` line with its arguments.
struct LineOption {
    std::string keyword;  ///< "no-check" is "check", negated
    bool negated = false;
    bool known = true;  ///< false: no setting of HAProxy 3.2 or before
    std::vector<Word> arguments;
    Place place;

    /// The text of the first argument; empty if there is none.
    [[nodiscard]] const std::string& value() const {
        static const std::string none;
        return arguments.empty() ? none : arguments[0].text;
    }
    [[nodiscard]] bool symbolic() const { return !arguments.empty() && arguments[0].symbolic; }
    /// As written: "no-check", "inter 3s".
    [[nodiscard]] std::string text() const;
};

/// The settings of a line from word number `first` on.
[[nodiscard]] std::vector<LineOption> read_server_options(const Statement& line, std::size_t first);
[[nodiscard]] std::vector<LineOption> read_bind_options(const Statement& line, std::size_t first);

}  // namespace haproxy
