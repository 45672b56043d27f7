#include "daemon/yaml/variables.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>

namespace daemons {
namespace {

// No key takes a longer value: a path has at most 4096 bytes.
constexpr std::size_t kMaxValue = 4096;

bool is_name(const std::string& text) {
    const auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_';
    };
    return !text.empty() && !(text.front() >= '0' && text.front() <= '9') &&
           std::all_of(text.begin(), text.end(), allowed);
}

Expanded failed(const std::string& problem) {
    return {{}, problem};
}

/// What stands between the braces: NAME or NAME:-default.
Expanded value_of(const std::string& reference, const Variables& variables) {
    const auto separator = reference.find(":-");
    const std::string name = reference.substr(0, separator);
    if (!is_name(name))
        return failed("'${" + reference +
                      "}' names no variable; it takes ${NAME} or ${NAME:-default}, where NAME has "
                      "letters, digits and _. A literal ${ is written $${");
    const auto value = variables(name);
    if (separator != std::string::npos && (!value || value->empty()))
        return {reference.substr(separator + 2), {}};
    if (!value)
        return failed("the variable " + name +
                      " is not set in the environment; set it, or give a default: ${" + name +
                      ":-default}");
    return {*value, {}};
}

}  // namespace

std::optional<std::string> environment_variable(const std::string& name) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing changes the environment
    const char* value = std::getenv(name.c_str());
    return value ? std::optional<std::string>(value) : std::nullopt;
}

Expanded expand_variables(const std::string& written, const Variables& variables) {
    Expanded result;
    std::size_t done = 0;
    for (;;) {
        const std::size_t begin = written.find("${", done);
        result.text.append(written, done, begin - done);
        if (begin == std::string::npos)
            return result;
        if (begin > done && written[begin - 1] == '$') {
            result.text += '{';
            done = begin + 2;
            continue;
        }
        const std::size_t end = written.find('}', begin);
        if (end == std::string::npos)
            return failed("'${' has no '}' behind it; a literal ${ is written $${");
        Expanded value = value_of(written.substr(begin + 2, end - begin - 2), variables);
        if (!value.problem.empty())
            return value;
        result.text += value.text;
        if (result.text.size() > kMaxValue)
            return failed("'" + written +
                          "' is longer than 4096 bytes once its variables are put in");
        done = end + 1;
    }
}

}  // namespace daemons
