#include "haproxy/model/secret.h"

#include <algorithm>
#include <cctype>
#include <cstddef>

namespace haproxy {
namespace {

struct Secret {
    std::size_t word;   ///< its number in the statement
    std::size_t begin;  ///< where it begins in that word
    std::string description;
};

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

bool names_a_secret(const std::string& name) {
    const std::string word = lower(name);
    for (const auto* part : {"pass", "secret", "token", "key", "credential"})
        if (word.find(part) != std::string::npos)
            return true;
    return false;
}

/// `http://user:password@host`, and headers of authentication.
std::optional<Secret> secret_within(const Statement& statement, std::size_t index) {
    const std::string& word = statement.word(index);
    const std::size_t scheme = word.find("://");
    const std::size_t at = scheme == std::string::npos ? scheme : word.find('@', scheme);
    if (at != std::string::npos) {
        const std::size_t colon = word.find(':', scheme + 3);
        if (colon < at)
            return Secret{index, colon + 1, "a password in a URL"};
    }
    const std::size_t header = lower(word).find("authorization");
    if (header == std::string::npos)
        return std::nullopt;
    const std::size_t colon = word.find(':', header);
    if (colon != std::string::npos && colon + 1 < word.size())
        return Secret{index, colon + 1, "the credentials of the health check"};
    if (header == 0 && index + 1 < statement.words.size())
        return Secret{index + 1, 0, "the credentials of the health check"};
    return std::nullopt;
}

std::optional<Secret> find(const Statement& statement) {
    const auto& what = statement.word(0);
    if (statement.starts_with({"stats", "auth"})) {
        const std::size_t colon = statement.word(2).find(':');
        return Secret{2, colon == std::string::npos ? 0 : colon + 1,
                      "the password of the statistics page"};
    }
    if ((what == "setenv" || what == "presetenv") && names_a_secret(statement.word(1)))
        return Secret{2, 0, "a password in a variable"};
    for (std::size_t index = 0; index < statement.words.size(); ++index) {
        const auto& word = statement.word(index);
        const bool has_value = index + 1 < statement.words.size();
        if (has_value && what == "user" && (word == "password" || word == "insecure-password"))
            return Secret{index + 1, 0, "the password of a user"};
        if (has_value && word == "ca-sign-pass")
            return Secret{index + 1, 0, "the passphrase of a key"};
        if (auto secret = secret_within(statement, index))
            return secret;
    }
    return std::nullopt;
}

}  // namespace

std::optional<std::string> secret_in(const Statement& statement) {
    const auto secret = find(statement);
    if (!secret || secret->word >= statement.words.size() || statement.words[secret->word].symbolic)
        return std::nullopt;
    return secret->description;
}

std::string shown(const Statement& statement) {
    const auto secret = find(statement);
    std::string line;
    for (std::size_t index = 0; index < statement.words.size(); ++index) {
        std::string word = statement.word(index);
        if (secret && secret->word == index && !statement.words[index].symbolic)
            word = word.substr(0, secret->begin) + "***";
        line.append(line.empty() ? "" : " ").append(word);
    }
    return line;
}

}  // namespace haproxy
