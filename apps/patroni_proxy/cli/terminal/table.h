#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// Tables in the form of `patronictl list`. Pure. Text from elsewhere cannot harm the terminal:
// control characters show as escapes.
namespace proxy::cli {

enum class Colour : std::uint8_t { none, good, warning, bad, faint };

struct Cell {
    Cell() = default;
    Cell(std::string words, Colour shade = Colour::none)  // NOLINT(google-explicit-constructor)
        : text(std::move(words)), colour(shade) {}
    Cell(const char* words) : text(words) {}  // NOLINT(google-explicit-constructor)

    std::string text{};
    Colour colour = Colour::none;
};

struct Column {
    std::string name;
    enum class Kind : std::uint8_t {
        text,
        number,  ///< to the right
        prose,   ///< broken into lines where the screen is too narrow
    } kind = Kind::text;
};

struct Table {
    std::string title;  ///< in the upper border; may be empty
    std::vector<Column> columns;
    std::vector<std::vector<Cell>> rows;  ///< each as long as `columns`
    std::vector<Cell> notes{};            ///< lines below
};

struct Screen {
    std::size_t width = 0;   ///< in characters; 0: no limit
    std::size_t height = 0;  ///< in lines; 0: no limit
    bool colour = false;
};

/// How many columns of a terminal a text takes that has no control characters.
[[nodiscard]] std::size_t width_of(std::string_view text);

/// A line in a colour. Control characters become escapes.
[[nodiscard]] std::string paint(const Cell& cell, const Screen& screen);

/// With a newline at the end of each line. A table too wide for the screen is printed as psql does
/// with `\x`: one block a row, one line a value.
[[nodiscard]] std::string render(const Table& table, const Screen& screen);

}  // namespace proxy::cli
