#include "patroni_proxy/cli/terminal/table.h"

#include <algorithm>
#include <clocale>
#include <cwchar>
#include <utility>

#include "daemon/text/utf8.h"

namespace proxy::cli {
namespace {

/// Bytes of a cell; a longer one is cut and ends with "...".
constexpr std::size_t kMaxCell = 2'000;
/// A narrower column of prose is harder to read than one line per value.
constexpr std::size_t kNarrowestProse = 20;

using Lines = std::vector<std::string>;

/// How many columns of a terminal a character takes, by the C library's tables.
std::size_t columns_of(char32_t character) {
    if (character < 0x7F)
        return 1;
    static const locale_t utf8 = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    if (utf8 == nullptr)
        return 1;
    const locale_t before = ::uselocale(utf8);
    const int width = ::wcwidth(static_cast<wchar_t>(character));
    ::uselocale(before);
    return width < 0 ? 1 : static_cast<std::size_t>(width);
}

std::string_view code_of(Colour colour) {
    switch (colour) {
        case Colour::good:
            return "\033[32m";
        case Colour::warning:
            return "\033[33m";
        case Colour::bad:
            return "\033[31m";
        case Colour::faint:
            return "\033[2m";
        case Colour::none:
            break;
    }
    return "";
}

std::string painted(const std::string& text, Colour colour, const Screen& screen) {
    if (!screen.colour || colour == Colour::none || text.empty())
        return text;
    return std::string(code_of(colour)) + text + "\033[0m";
}

std::string harmless(const std::string& text) {
    return daemons::one_line(text, kMaxCell);
}

/// Broken at spaces; a word longer than a line is broken at the end of the line.
Lines broken(const std::string& text, std::size_t width) {
    Lines lines{""};
    std::size_t used = 0;
    std::size_t space = std::string::npos;  // the last one in this line
    std::string_view rest = text;
    while (!rest.empty()) {
        const auto character = daemons::take_character(rest);
        const std::size_t more = columns_of(character.value);
        if (used + more > width && !lines.back().empty()) {
            std::string tail;
            if (space != std::string::npos && character.value != ' ') {
                tail = lines.back().substr(space + 1);
                lines.back().resize(space);
            }
            lines.push_back(tail);
            used = width_of(tail);
            space = std::string::npos;
            if (character.value == ' ')
                continue;
        }
        if (character.value == ' ')
            space = lines.back().size();
        lines.back() += character.bytes;
        used += more;
    }
    return lines;
}

std::string padded(const std::string& text, std::size_t width, bool right) {
    const std::size_t used = width_of(text);
    const std::string blanks(width > used ? width - used : 0, ' ');
    return right ? blanks + text : text + blanks;
}

class Grid {
  public:
    explicit Grid(const Table& table) : table_(table) {
        for (const auto& column : table.columns)
            widths_.push_back(width_of(column.name));
        for (const auto& row : table.rows)
            for (std::size_t i = 0; i < widths_.size(); ++i)
                widths_[i] = std::max(widths_[i], width_of(harmless(row[i].text)));
    }

    /// False if it cannot be made that narrow.
    bool fit(std::size_t width) {
        if (width == 0 || total() <= width)
            return true;
        for (std::size_t i = 0; i < widths_.size(); ++i) {
            const std::size_t others = total() - widths_[i];
            if (table_.columns[i].kind == Column::Kind::prose &&
                others + kNarrowestProse <= width) {
                widths_[i] = width - others;
                return true;
            }
        }
        return false;
    }

    [[nodiscard]] std::string text(const Screen& screen) const {
        std::string out = border(harmless(table_.title));
        std::vector<Cell> names;
        for (const auto& column : table_.columns)
            names.emplace_back(column.name);
        out += line_of(names, screen) + border("");
        for (const auto& row : table_.rows)
            out += line_of(row, screen);
        return table_.rows.empty() ? out : out + border("");
    }

  private:
    [[nodiscard]] std::size_t total() const {
        std::size_t sum = 1;
        for (const std::size_t width : widths_)
            sum += width + 3;
        return sum;
    }

    /// "+ Cluster: main ---+-----+"
    [[nodiscard]] std::string border(const std::string& title) const {
        std::string line = "+";
        for (const std::size_t width : widths_)
            line += std::string(width + 2, '-') + "+";
        if (title.empty())
            return line + "\n";
        const std::size_t taken = 3 + width_of(title);
        const std::string rest = taken < line.size() ? line.substr(taken) : "+";
        return "+ " + title + " " + rest + "\n";
    }

    /// As many lines as its longest cell needs.
    [[nodiscard]] std::string line_of(const std::vector<Cell>& row, const Screen& screen) const {
        std::vector<Lines> cells;
        std::size_t height = 1;
        for (std::size_t i = 0; i < widths_.size(); ++i) {
            cells.push_back(broken(harmless(row[i].text), widths_[i]));
            height = std::max(height, cells.back().size());
        }
        std::string out;
        for (std::size_t line = 0; line < height; ++line) {
            for (std::size_t i = 0; i < widths_.size(); ++i) {
                const bool right = table_.columns[i].kind == Column::Kind::number;
                const std::string text = line < cells[i].size() ? cells[i][line] : "";
                out += "| " + painted(padded(text, widths_[i], right), row[i].colour, screen) + " ";
            }
            out += "|\n";
        }
        return out;
    }

    const Table& table_;
    std::vector<std::size_t> widths_;
};

/// As psql's `\x`.
std::string expanded(const Table& table, const Screen& screen) {
    std::size_t widest = 0;
    for (const auto& column : table.columns)
        widest = std::max(widest, width_of(column.name));
    std::string out = table.title.empty() ? "" : harmless(table.title) + "\n";
    for (std::size_t i = 0; i < table.rows.size(); ++i) {
        std::string head = "-[ " + std::to_string(i + 1) + " ]";
        out += head + std::string(widest + 1 > head.size() ? widest + 1 - head.size() : 0, '-') +
               "+-\n";
        for (std::size_t c = 0; c < table.columns.size(); ++c)
            out += padded(table.columns[c].name, widest, false) + " | " +
                   paint(table.rows[i][c], screen) + "\n";
    }
    return out;
}

}  // namespace

std::size_t width_of(std::string_view text) {
    std::size_t width = 0;
    while (!text.empty())
        width += columns_of(daemons::take_character(text).value);
    return width;
}

std::string paint(const Cell& cell, const Screen& screen) {
    return painted(harmless(cell.text), cell.colour, screen);
}

std::string render(const Table& table, const Screen& screen) {
    Grid grid(table);
    std::string out = grid.fit(screen.width) ? grid.text(screen) : expanded(table, screen);
    for (const auto& note : table.notes)
        out += " " + paint(note, screen) + "\n";
    return out;
}

}  // namespace proxy::cli
