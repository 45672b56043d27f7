#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "haproxy/grammar/configuration.h"

namespace haproxy {

/// What a template's expression became, so that it is one word whatever is in it: a text between
/// two characters that no configuration contains.
inline constexpr char kSymbolBegin = '\x01';
inline constexpr char kSymbolEnd = '\x02';

/// Splits a line as HAProxy does (configuration manual, 2.2 and 2.3): `#` begins a comment outside
/// quotes, even within a word; a backslash escapes space, `\`, `#`, quotes, n, r, t and xHH, and
/// stays where it escapes nothing; variables count in double quotes only. HAProxy has no
/// continuation of lines. Throws ReadError for an unmatched quote or brace, and beyond the limits.
/// Defaults of unknown variables go to `notes`.
[[nodiscard]] std::vector<Word> split_words(std::string_view line, const Place& place,
                                            const Symbols& symbols, std::vector<Note>& notes);

/// Adds a note unless there are too many already.
void add_note(std::vector<Note>& notes, const Place& place, Note::Kind kind, std::string text);

}  // namespace haproxy
