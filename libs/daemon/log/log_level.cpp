#include <algorithm>
#include <array>
#include <utility>

#include "daemon/log/log.h"

namespace daemons::log {
namespace {

constexpr std::array<std::pair<std::string_view, Level>, 6> kNames{{{"error", Level::error},
                                                                    {"warning", Level::warning},
                                                                    {"warn", Level::warning},
                                                                    {"info", Level::info},
                                                                    {"debug", Level::debug},
                                                                    {"trace", Level::debug}}};
constexpr std::string_view kProgram = "patroni_proxy";

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view kBlank = " \t";
    const auto first = text.find_first_not_of(kBlank);
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

/// Takes off what comes before `separator`; all of it where there is none.
std::string_view take_until(char separator, std::string_view& text) {
    const auto end = std::min(text.find(separator), text.size());
    const auto part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return trimmed(part);
}

bool is_ours(std::string_view target) {
    return target.substr(0, kProgram.size()) == kProgram &&
           (target.size() == kProgram.size() || target.substr(kProgram.size(), 2) == "::");
}

}  // namespace

std::string_view name_of(Level level) {
    switch (level) {
        case Level::error:
            return "error";
        case Level::warning:
            return "warning";
        case Level::info:
            return "info";
        case Level::debug:
            return "debug";
    }
    return {};
}

std::optional<Level> level_from(std::string_view name) {
    for (const auto& [known, level] : kNames)
        if (std::equal(name.begin(), name.end(), known.begin(), known.end(),
                       [](char given, char wanted) { return lower(given) == wanted; }))
            return level;
    return std::nullopt;
}

std::string check_level(const std::string& name) {
    return level_from(name) ? "" : "must be error, warning, info or debug";
}

std::optional<Level> level_from_rust_log(std::string_view directives) {
    std::optional<Level> for_all;
    std::optional<Level> for_us;
    std::string_view nearest;  // the target of for_us: the program comes before its modules
    while (!directives.empty()) {
        std::string_view level_name = take_until(',', directives);
        const bool names_target = level_name.find('=') != std::string_view::npos;
        const auto target = take_until('=', level_name);
        if (is_ours(target)) {
            // A target without a level means everything.
            const auto level = names_target ? level_from(trimmed(level_name)) : Level::debug;
            if (level && (!for_us || target.size() <= nearest.size())) {
                for_us = level;
                nearest = target;
            }
        } else if (const auto level = level_from(target); level && !names_target) {
            for_all = level;
        }
    }
    return for_us ? for_us : for_all;
}

}  // namespace daemons::log
