#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/text/html.h"

// Small pieces of HTML. Pure.
namespace proxy::page {

using daemons::html::escaped;

/// How a row or a word is to be seen. Never by colour alone: each has its own sign.
enum class Tone : std::uint8_t {
    plain,
    good,  ///< serves
    calm,  ///< does not serve, as it should be
    warn,  ///< drains, lags, is held
    bad,   ///< should be looked at
};

/// A word with its sign and colour.
[[nodiscard]] std::string badge(Tone tone, std::string_view word);

/// A table with a caption, which narrow screens show as one card a row. Cells are HTML.
struct Table {
    std::string caption;
    std::vector<std::string> columns;
    std::vector<std::vector<std::string>> rows;
};
[[nodiscard]] std::string table(const Table& table);

/// "2026-11-27 16:04:05 UTC" of a Unix time, as a <time> that browsers understand.
[[nodiscard]] std::string time_element(double unix_time);

}  // namespace proxy::page
