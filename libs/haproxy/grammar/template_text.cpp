#include "haproxy/grammar/template_text.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "haproxy/grammar/words.h"

namespace haproxy {
namespace {

constexpr std::size_t kMaxBlocks = 64;

bool is_space(char c) {
    return std::isspace(static_cast<unsigned char>(c)) != 0;
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && is_space(text.front()))
        text.remove_prefix(1);
    while (!text.empty() && is_space(text.back()))
        text.remove_suffix(1);
    return text;
}

std::string_view first_word(std::string_view text) {
    std::size_t end = 0;
    while (end < text.size() &&
           (std::isalnum(static_cast<unsigned char>(text[end])) != 0 || text[end] == '_'))
        ++end;
    return text.substr(0, end);
}

template <std::size_t N>
bool is_one_of(std::string_view word, const std::array<std::string_view, N>& words) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

constexpr std::array<std::string_view, 30> kJinja{
    "for",    "endfor",    "if",       "elif",       "else",          "endif",
    "set",    "endset",    "macro",    "endmacro",   "call",          "endcall",
    "filter", "endfilter", "block",    "endblock",   "with",          "endwith",
    "do",     "include",   "import",   "from",       "extends",       "raw",
    "endraw", "break",     "continue", "autoescape", "endautoescape", "trans"};

/// The statement of a Jinja tag that begins at `at`; empty if none does.
std::string_view jinja_word(std::string_view text, std::size_t at) {
    if (text.substr(at, 2) != "{%")
        return {};
    at += 2;
    while (at < text.size() && (is_space(text[at]) || text[at] == '-' || text[at] == '+'))
        ++at;
    const std::string_view word = first_word(text.substr(at));
    return is_one_of(word, kJinja) ? word : std::string_view{};
}

bool has_jinja(std::string_view text) {
    for (std::size_t at = text.find("{%"); at != std::string_view::npos;
         at = text.find("{%", at + 2))
        if (!jinja_word(text, at).empty())
            return true;
    return false;
}

/// The literal of a filter such as `| default(5000)` or `| default('x')`.
std::optional<std::string> jinja_default(std::string_view expression) {
    std::size_t at = expression.find('|');
    if (at == std::string_view::npos)
        return std::nullopt;
    std::string_view rest = trimmed(expression.substr(at + 1));
    if (!rest.starts_with("default"))
        return std::nullopt;
    rest = trimmed(rest.substr(7));
    if (rest.empty() || rest.front() != '(')
        return std::nullopt;
    rest = trimmed(rest.substr(1));
    if (rest.empty())
        return std::nullopt;
    if (rest.front() == '"' || rest.front() == '\'') {
        const std::size_t end = rest.find(rest.front(), 1);
        if (end == std::string_view::npos)
            return std::nullopt;
        return std::string(rest.substr(1, end - 1));
    }
    std::string digits;
    while (!rest.empty() && std::isdigit(static_cast<unsigned char>(rest.front())) != 0) {
        digits += rest.front();
        rest.remove_prefix(1);
    }
    return digits.empty() ? std::nullopt : std::optional(digits);
}

class TemplateReader {
  public:
    TemplateReader(const std::string& file, std::string_view text, const Symbols& symbols,
                   std::vector<Note>& notes)
        : text_(text), symbols_(symbols), notes_(notes), place_{file, 1}, jinja_(has_jinja(text)) {
        result_.every.push_back(false);
    }

    TemplateText read() {
        while (at_ < text_.size()) {
            const std::string_view two = text_.substr(at_, 2);
            if (two == "{{")
                take_action("}}", [this](std::string_view inner) { take_expression(inner); });
            else if (two == "{%" && !jinja_word(text_, at_).empty())
                take_action("%}", [this](std::string_view inner) { take_tag(inner); });
            else if (two == "{#" && jinja_)
                take_action("#}", [](std::string_view) {});
            else
                emit(text_[at_++]);
        }
        if (!blocks_.empty())
            throw ReadError(blocks_.back().place,
                            "the template's '" + blocks_.back().word + "' has no end");
        return std::move(result_);
    }

  private:
    struct Block {
        Place place;
        std::string word;
        bool loop = false;
        bool dropped = false;  ///< its `else`
    };

    template <typename Take>
    void take_action(std::string_view end, Take take) {
        const std::size_t close = text_.find(end, at_ + 2);
        if (close == std::string_view::npos)
            throw ReadError(place_, "'" + std::string(text_.substr(at_, 2)) + "' has no '" +
                                        std::string(end) + "'");
        std::string_view inner = text_.substr(at_ + 2, close - at_ - 2);
        const auto newlines = std::count(inner.begin(), inner.end(), '\n');
        // Markers that remove white space.
        if (!inner.empty() && (inner.front() == '-' || inner.front() == '+'))
            inner.remove_prefix(1);
        if (!inner.empty() && (inner.back() == '-' || inner.back() == '+'))
            inner.remove_suffix(1);
        result_.is_template = true;
        at_ = close + 2;
        take(trimmed(inner));
        for (auto line = newlines; line > 0; --line)
            emit('\n');
    }

    /// Of Go, and expressions of both languages.
    void take_expression(std::string_view inner) {
        const std::string word(first_word(inner));
        if (inner.starts_with("/*") || inner.empty())
            return;
        if (!jinja_) {
            if (word == "range")
                return open(word, true);
            if (word == "if") {
                note_condition(inner);
                return open(word, false);
            }
            if (word == "with" || word == "define" || word == "block")
                return open(word, false);
            if (word == "else")
                return drop();
            if (word == "end")
                return close(word);
            if (word == "template")
                return note_not_read(inner);
            if (word == "break" || word == "continue")
                return;
            if (inner.front() == '$' && (inner.find(":=") != std::string_view::npos ||
                                         inner.find(" = ") != std::string_view::npos))
                return;
        }
        put_value(std::string(inner));
    }

    void take_tag(std::string_view inner) {
        const std::string word(first_word(inner));
        if (word == "raw")
            return take_raw();
        if (word == "for")
            return open(word, true);
        if (word == "if")
            note_condition(inner);
        if (word == "if" || word == "macro" || word == "call" || word == "filter" ||
            word == "block" || word == "with" || word == "autoescape")
            return open(word, false);
        if (word == "set" && inner.find('=') == std::string_view::npos)
            return open(word, false);
        if (word == "else" || word == "elif")
            return drop();
        if (word.starts_with("end"))
            return close(word);
        if (word == "include" || word == "import" || word == "from" || word == "extends")
            return note_not_read(inner);
    }

    void take_raw() {
        std::size_t end = text_.find("{%", at_);
        while (end != std::string_view::npos && jinja_word(text_, end) != "endraw")
            end = text_.find("{%", end + 2);
        if (end == std::string_view::npos)
            throw ReadError(place_, "the template's 'raw' has no end");
        while (at_ < end)
            emit(text_[at_++]);
        const std::size_t close = text_.find("%}", at_);
        at_ = close == std::string_view::npos ? text_.size() : close + 2;
    }

    void put_value(const std::string& expression) {
        if (auto value = symbols_(expression))
            return emit_text(*value);
        if (auto value = jinja_default(expression)) {
            add_note(notes_, place_, Note::Kind::assumed,
                     "{{ " + expression + " }} is not known here; its default '" + *value +
                         "' was used");
            return emit_text(*value);
        }
        std::string shown = expression;
        std::replace_if(
            shown.begin(), shown.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; },
            ' ');
        emit_text(kSymbolBegin + ("{{ " + shown + " }}") + kSymbolEnd);
    }

    void open(const std::string& word, bool loop) {
        if (blocks_.size() == kMaxBlocks)
            throw ReadError(place_, "more than 64 blocks within each other");
        blocks_.push_back({place_, word, loop, false});
    }
    void drop() {
        if (blocks_.empty())
            throw ReadError(place_, "the template's 'else' belongs to nothing");
        blocks_.back().dropped = true;
    }
    void close(const std::string& word) {
        if (blocks_.empty())
            throw ReadError(place_, "the template's '" + word + "' ends nothing");
        blocks_.pop_back();
    }
    void note_condition(std::string_view inner) {
        if (!dropping())
            add_note(notes_, place_, Note::Kind::condition,
                     "the template's '" + std::string(inner) +
                         "' cannot be evaluated here; it was read as true");
    }
    void note_not_read(std::string_view inner) {
        if (!dropping())
            add_note(notes_, place_, Note::Kind::not_read,
                     "the template's '" + std::string(inner) + "' was not read");
    }

    [[nodiscard]] bool dropping() const {
        return std::any_of(blocks_.begin(), blocks_.end(),
                           [](const Block& block) { return block.dropped; });
    }

    void emit_text(const std::string& text) {
        for (const char c : text)
            emit(c == '\n' ? ' ' : c);
    }
    void emit(char c) {
        if (c == '\n') {
            result_.text += c;
            result_.every.push_back(false);
            ++place_.line;
            return;
        }
        if (dropping())
            return;
        result_.text += c;
        if (!is_space(c) && std::any_of(blocks_.begin(), blocks_.end(),
                                        [](const Block& block) { return block.loop; }))
            result_.every.back() = true;
        if (result_.text.size() > kMaxText)
            throw ReadError(place_, "the template is too long once its values are replaced");
    }

    std::string_view text_;
    const Symbols& symbols_;
    std::vector<Note>& notes_;
    Place place_;
    bool jinja_;
    std::size_t at_ = 0;
    std::vector<Block> blocks_;
    TemplateText result_;
};

}  // namespace

TemplateText read_template(const std::string& file, std::string_view text, const Symbols& symbols,
                           std::vector<Note>& notes) {
    for (std::size_t at = 0; at < text.size(); ++at)
        if (text[at] == kSymbolBegin || text[at] == kSymbolEnd) {
            const auto line = std::count(text.begin(), text.begin() + static_cast<long>(at), '\n');
            throw ReadError({file, static_cast<int>(line) + 1},
                            "a control character: this is no configuration of HAProxy");
        }
    if (text.find("{{") == std::string_view::npos && !has_jinja(text))
        return {std::string(text), {}, false};
    return TemplateReader(file, text, symbols, notes).read();
}

}  // namespace haproxy
