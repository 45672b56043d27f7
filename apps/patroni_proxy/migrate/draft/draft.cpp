#include "patroni_proxy/migrate/draft/draft.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>

#include "daemon/text/utf8.h"
#include "daemon/text/words.h"

namespace proxy::migrate {
namespace {

constexpr std::size_t kLongestComment = 500;

void add_line(std::string& out, const std::string& text, const std::string& comment) {
    out += text;
    if (!comment.empty())
        out += "  # " + daemons::one_line(comment, kLongestComment);
    out += '\n';
}

void add_entries(std::string& out, const std::string& indent, const std::vector<Entry>& entries) {
    for (const auto& entry : entries)
        add_line(out, indent + entry.key + ": " + entry.value, entry.comment);
}

}  // namespace

std::string yaml_of(const Draft& draft) {
    std::string out;
    for (const auto& line : draft.header)
        out += "# " + daemons::one_line(line, kLongestComment) + "\n";
    out += '\n';
    add_entries(out, "", draft.settings);
    out += draft.settings.empty() ? "clusters:\n" : "\nclusters:\n";
    for (const auto& cluster : draft.clusters) {
        add_line(out, "  " + key_of(cluster.name) + ":", cluster.comment);
        out += "    hosts:\n";
        for (const auto& host : cluster.hosts)
            add_line(out, "      - " + host.value, host.comment);
        add_entries(out, "    ", cluster.settings);
        out += "    ports:\n";
        for (const auto& port : cluster.ports) {
            add_line(out, "      " + key_of(port.name) + ":", port.comment);
            add_entries(out, "        ", port.settings);
        }
    }
    return out;
}

std::string in_double_quotes(std::string_view text) {
    constexpr std::string_view kHex = "0123456789abcdef";
    std::string out = "\"";
    for (const char c : daemons::valid_utf8(text)) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\')
            out += '\\';
        if (byte < 0x20 || byte == 0x7F)
            out.append("\\x").append(1, kHex[byte >> 4U]).append(1, kHex[byte & 15U]);
        else
            out += c;
    }
    return out + '"';
}

std::string yaml_scalar(std::string_view text) {
    std::string literal(text);
    for (std::size_t at = 0; (at = literal.find("${", at)) != std::string::npos; at += 3)
        literal.insert(at, "$");
    return in_double_quotes(literal);
}

std::string key_of(const std::string& name) {
    constexpr std::array kWords{"true", "false", "yes", "no", "on", "off", "null", "y", "n"};
    std::string lower = name;
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const bool plain = !name.empty() &&
                       std::isalpha(static_cast<unsigned char>(name.front())) != 0 &&
                       std::all_of(name.begin(), name.end(),
                                   [](unsigned char c) {
                                       return (std::isalnum(c) != 0 && c < 0x80) || c == '_' ||
                                              c == '-' || c == '.';
                                   }) &&
                       std::find(kWords.begin(), kWords.end(), lower) == kWords.end();
    return plain ? name : in_double_quotes(name);
}

std::string list_of(const std::vector<std::string>& values) {
    return "[" + daemons::joined(values) + "]";
}

}  // namespace proxy::migrate
