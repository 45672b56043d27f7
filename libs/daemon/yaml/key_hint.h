#pragma once

#include <string>
#include <vector>

namespace daemons {

/// What to say to somebody who wrote `word` where a mapping knows only the keys `known`: the key
/// that is probably meant, or what takes the place of a keyword of HAProxy; then all known keys.
/// It ends a sentence, or is empty if no key is known. Pure.
[[nodiscard]] std::string key_hint(const std::string& word, const std::vector<std::string>& known);

}  // namespace daemons
