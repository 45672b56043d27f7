#include "daemon/yaml/yaml_value.h"

#include <algorithm>
#include <cstdlib>
#include <regex>

#include "patroni/answers/member.h"

namespace daemons {
namespace {

// Longer than any number in a tag.
constexpr std::size_t kMaxSize = 64;

/// A whole number in any base, written in base ten.
std::string integer_text(const std::string& sign, const std::string& digits, int base) {
    const std::size_t start = std::min(digits.find_first_not_of('0'), digits.size() - 1);
    const std::string value = digits.substr(start);
    const std::string minus = sign == "-" && value != "0" ? "-" : "";
    // In base ten it stays as it is, and may have more digits than an integer holds.
    return minus +
           (base == 10 ? value : std::to_string(std::strtoull(value.c_str(), nullptr, base)));
}

std::string float_text(const std::string& sign, double value) {
    return patroni::number_text(sign == "-" ? -value : value);
}

/// 12:30 is in base sixty, as times and angles are.
double by_sixties(const std::string& text) {
    double value = 0;
    for (std::size_t begin = 0; begin <= text.size();) {
        const std::size_t end = std::min(text.find(':', begin), text.size());
        value = value * 60 + std::strtod(text.substr(begin, end - begin).c_str(), nullptr);
        begin = end + 1;
    }
    return value;
}

}  // namespace

// The forms are those of https://yaml.org/type/ (bool, int, float) as PyYAML has them: no `y` and
// no `n`, and an exponent needs a point and a sign.
std::string yaml_value_of(const std::string& plain_scalar) {
    static const std::regex yes("yes|Yes|YES|true|True|TRUE|on|On|ON");
    static const std::regex no("no|No|NO|false|False|FALSE|off|Off|OFF");
    static const std::regex binary("([-+]?)0b([01_]*[01][01_]*)");
    static const std::regex octal("([-+]?)(0[0-7_]+)");
    static const std::regex decimal("([-+]?)(0|[1-9][0-9_]*)");
    static const std::regex hexadecimal("([-+]?)0x([0-9a-fA-F_]*[0-9a-fA-F][0-9a-fA-F_]*)");
    static const std::regex sixties(
        "([-+]?)([1-9][0-9_]*(:[0-5]?[0-9])+|"
        "[0-9][0-9_]*(:[0-5]?[0-9])+\\.[0-9_]*)");
    static const std::regex fraction(
        "([-+]?)([0-9][0-9_]*\\.[0-9_]*([eE][-+][0-9]+)?|"
        "\\.[0-9][0-9_]*([eE][-+][0-9]+)?)");
    if (plain_scalar.size() > kMaxSize)
        return plain_scalar;
    std::smatch parts;
    const auto is = [&](const std::regex& form) {
        return std::regex_match(plain_scalar, parts, form);
    };
    const auto digits = [&] {
        std::string text = parts[2];
        std::erase(text, '_');
        return text;
    };
    if (is(yes))
        return "true";
    if (is(no))
        return "false";
    if (is(binary))
        return integer_text(parts[1], digits(), 2);
    if (is(octal))
        return integer_text(parts[1], digits(), 8);
    if (is(decimal))
        return integer_text(parts[1], digits(), 10);
    if (is(hexadecimal))
        return integer_text(parts[1], digits(), 16);
    if (is(sixties))
        return float_text(parts[1], by_sixties(digits()));
    if (is(fraction))
        return float_text(parts[1], std::strtod(digits().c_str(), nullptr));
    return plain_scalar;
}

}  // namespace daemons
