#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// Small pieces of HTML. Pure.
namespace proxy::page {

/// As text or as the value of an attribute: whatever it holds, it is no markup.
[[nodiscard]] std::string escaped(std::string_view text);

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

/// "12 s", "3 min", "4 h 10 min", "2 d 3 h".
[[nodiscard]] std::string duration(double seconds);
/// "312 B", "1.5 MB": powers of 1024, as PostgreSQL writes them.
[[nodiscard]] std::string size(std::uint64_t bytes);
/// "2026-11-27 16:04:05 UTC" of a Unix time.
[[nodiscard]] std::string time(double unix_time);
/// "1 session", "2 sessions".
[[nodiscard]] std::string count(std::uint64_t number, const std::string& noun);

}  // namespace proxy::page
