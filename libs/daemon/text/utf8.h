#pragma once

#include <cstddef>
#include <string>
#include <string_view>

// Text that comes from elsewhere (Patroni's answers, files, peers) and goes out to people and
// programs: to the log, to clients, as JSON, as metrics, to the service manager. Pure; any thread.
namespace daemons {

struct Character {
    char32_t value;
    std::string_view bytes;  ///< in UTF-8
};
/// Takes the first character off `text`, which must not be empty. Of what is not UTF-8 each byte
/// counts as U+FFFD.
Character take_character(std::string_view& text);

/// Appends a character as it may stand in a line: what ends one, moves a terminal's cursor or
/// turns the text around as its escape (\n, \u001b), all others as they are.
void append_printable(std::string& out, const Character& character);

/// The text with U+FFFD in place of every byte that is not part of valid UTF-8: some readers
/// refuse the whole if one byte is not.
[[nodiscard]] std::string valid_utf8(std::string_view text);

/// The text as one line of valid UTF-8 without control characters, NUL among them. It has at most
/// `most` bytes, which must be three or more; what had to be cut ends with "...".
[[nodiscard]] std::string one_line(std::string_view text, std::size_t most);

/// How long a text may be that tells a person why: as much as anybody reads, and well below the
/// 30,000 bytes of an error message beyond which libpq takes the server for something else.
inline constexpr std::size_t kLongestReason = 2'000;

}  // namespace daemons
