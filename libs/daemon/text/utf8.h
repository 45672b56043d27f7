#pragma once

#include <cstddef>
#include <string>
#include <string_view>

// Makes foreign text (Patroni's answers, files, peers) fit for the log, clients, JSON and metrics.
// Pure; any thread.
namespace daemons {

struct Character {
    char32_t value;
    std::string_view bytes;  ///< in UTF-8
};
/// Removes the first character from `text`, which must not be empty. A byte that is not UTF-8
/// counts as U+FFFD.
Character take_character(std::string_view& text);

/// Appends a character in a form that is safe in a line: control characters and those that change
/// the direction of writing as an escape (\n, \u001b), all others as they are.
void append_printable(std::string& out, const Character& character);

/// The text with U+FFFD for every byte that is not part of valid UTF-8: one such byte makes some
/// readers refuse the whole text.
[[nodiscard]] std::string valid_utf8(std::string_view text);

/// The text as one line of valid UTF-8 without control characters. It has at most `most` bytes,
/// which must be three or more; a text that was cut ends with "...".
[[nodiscard]] std::string one_line(std::string_view text, std::size_t most);

/// Limit for a reason shown to a person: as much as anybody reads, and far below the 30,000 bytes
/// above which libpq rejects an error message as not being PostgreSQL's.
inline constexpr std::size_t kLongestReason = 2'000;

}  // namespace daemons
