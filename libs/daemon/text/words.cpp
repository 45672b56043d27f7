#include "daemon/text/words.h"

namespace daemons {

std::string joined(const std::vector<std::string>& words, std::string_view separator) {
    std::string text;
    for (const auto& word : words)
        text.append(text.empty() ? "" : separator).append(word);
    return text;
}

std::string counted(std::uint64_t number, std::string_view noun) {
    std::string text = std::to_string(number);
    text.append(" ").append(noun);
    return number == 1 ? text : text + "s";
}

}  // namespace daemons
