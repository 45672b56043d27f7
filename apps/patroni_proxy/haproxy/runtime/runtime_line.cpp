#include "patroni_proxy/haproxy/runtime/runtime_line.h"

#include <utility>

namespace proxy::haproxy {
namespace {

// HAProxy's MAX_CLI_ARGS (include/haproxy/cli-t.h).
constexpr std::size_t kMaxWords = 64;

}  // namespace

std::vector<Words> commands_of(std::string_view line) {
    std::vector<Words> commands;
    Words words;
    std::string word;
    bool in_word = false;
    const auto end_word = [&] {
        if (std::exchange(in_word, false) && words.size() < kMaxWords)
            words.push_back(word);
        word.clear();
    };
    const auto end_command = [&] {
        end_word();
        commands.push_back(std::exchange(words, {}));
    };
    for (std::size_t i = 0; i < line.size(); ++i) {
        char letter = line[i];
        if (letter == ';') {
            end_command();
        } else if (letter == ' ' || letter == '\t' || letter == '\r') {
            end_word();
        } else {
            if (letter == '\\' && i + 1 < line.size())
                letter = line[++i];
            word += letter;
            in_word = true;
        }
    }
    end_command();
    return commands;
}

}  // namespace proxy::haproxy
