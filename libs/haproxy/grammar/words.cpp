#include "haproxy/grammar/words.h"

#include <cctype>
#include <cstddef>
#include <optional>
#include <utility>

namespace haproxy {
namespace {

constexpr std::size_t kMaxExpanded = 4 * kMaxLine;

bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\0';
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    const auto lower = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool is_name(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.';
}

class Splitter {
  public:
    Splitter(std::string_view line, const Place& place, const Symbols& symbols,
             std::vector<Note>& notes)
        : line_(line), place_(place), symbols_(symbols), notes_(notes) {}

    std::vector<Word> split() {
        while (at_ < line_.size() && !comment_)
            take();
        if (quote_ != '\0')
            throw ReadError(place_, std::string("unmatched quote ") + quote_);
        finish_word();
        return std::move(words_);
    }

  private:
    void take() {
        const char c = line_[at_];
        if (quote_ == '\0' && is_blank(c)) {
            ++at_;
            finish_word();
        } else if (quote_ == '\0' && c == '#') {
            comment_ = true;
        } else if (quote_ != '\'' && c == '\\') {
            take_escape();
        } else if (quote_ == '\0' && (c == '"' || c == '\'')) {
            quote_ = c;
            begun_ = true;
            ++at_;
        } else if (c == quote_) {
            quote_ = '\0';
            ++at_;
        } else if (quote_ == '"' && c == '$') {
            take_variable();
        } else if (c == kSymbolBegin) {
            take_symbol();
        } else {
            put(c);
            ++at_;
        }
    }

    void take_escape() {
        const char next = at_ + 1 < line_.size() ? line_[at_ + 1] : '\0';
        at_ += 2;
        switch (next) {
            case ' ':
            case '\\':
            case '#':
            case '"':
            case '\'':
                return put(next);
            case '$':
                if (quote_ != '"')
                    put('\\');
                return put(next);
            case 'n':
                return put('\n');
            case 'r':
                return put('\r');
            case 't':
                return put('\t');
            case 'x':
                if (at_ + 1 < line_.size() && hex_digit(line_[at_]) >= 0 &&
                    hex_digit(line_[at_ + 1]) >= 0) {
                    put(static_cast<char>(hex_digit(line_[at_]) * 16 + hex_digit(line_[at_ + 1])));
                    at_ += 2;
                    return;
                }
                throw ReadError(place_, R"(\x needs two hexadecimal digits)");
            default:  // escapes nothing
                put('\\');
                --at_;
        }
    }

    /// `$NAME`, `${NAME}`, `${NAME-default}`, `${NAME[*]}`.
    void take_variable() {
        const std::size_t begin = at_++;
        const bool braces = at_ < line_.size() && line_[at_] == '{';
        if (braces)
            ++at_;
        std::string name;
        while (at_ < line_.size() && is_name(line_[at_]))
            name += line_[at_++];
        if (name.empty())
            throw ReadError(place_, "a variable needs a name after '$'");
        std::optional<std::string> fallback;
        bool many = false;
        if (braces) {
            if (line_.substr(at_, 3) == "[*]") {
                many = true;
                at_ += 3;
            }
            if (at_ < line_.size() && line_[at_] == '-') {
                const std::size_t end = line_.find('}', ++at_);
                fallback = line_.substr(at_, end == std::string_view::npos ? end : end - at_);
                at_ = end == std::string_view::npos ? line_.size() : end;
            }
            if (at_ >= line_.size() || line_[at_] != '}')
                throw ReadError(place_, "'}' is missing after the variable " + name);
            ++at_;
        }
        put_value(name, std::string(line_.substr(begin, at_ - begin)), fallback, many);
    }

    void put_value(const std::string& name, const std::string& written,
                   const std::optional<std::string>& fallback, bool many) {
        auto value = symbols_(name);
        if (!value && fallback) {
            add_note(notes_, place_, Note::Kind::assumed,
                     "variable " + name + " is not known here; its default '" + *fallback +
                         "' was used");
            value = fallback;
        }
        if (!value) {
            put(written);
            word_.symbolic = true;
            return;
        }
        if (!many)
            return put(*value);
        for (const char c : *value) {
            if (is_blank(c))
                finish_word();
            else
                put(c);
        }
    }

    void take_symbol() {
        const std::size_t end = line_.find(kSymbolEnd, at_);
        const auto length = end == std::string_view::npos ? end : end - at_ - 1;
        put(std::string(line_.substr(at_ + 1, length)));
        word_.symbolic = true;
        at_ = end == std::string_view::npos ? line_.size() : end + 1;
    }

    void put(char c) {
        if (++size_ > kMaxExpanded)
            throw ReadError(place_, "the line is too long once its variables are replaced");
        word_.text += c;
        begun_ = true;
    }
    void put(const std::string& text) {
        for (const char c : text)
            put(c);
        begun_ = true;
    }

    void finish_word() {
        if (!begun_)
            return;
        if (words_.size() == kMaxWords)
            throw ReadError(place_, "more than " + std::to_string(kMaxWords) + " words");
        words_.push_back(std::move(word_));
        word_ = {};
        begun_ = false;
    }

    std::string_view line_;
    const Place& place_;
    const Symbols& symbols_;
    std::vector<Note>& notes_;
    std::size_t at_ = 0;
    std::size_t size_ = 0;
    char quote_ = '\0';
    bool comment_ = false;
    bool begun_ = false;
    Word word_;
    std::vector<Word> words_;
};

}  // namespace

std::vector<Word> split_words(std::string_view line, const Place& place, const Symbols& symbols,
                              std::vector<Note>& notes) {
    if (line.size() > kMaxLine)
        throw ReadError(place, "the line has more than " + std::to_string(kMaxLine) + " bytes");
    return Splitter(line, place, symbols, notes).split();
}

void add_note(std::vector<Note>& notes, const Place& place, Note::Kind kind, std::string text) {
    if (notes.size() < kMaxNotes)
        notes.push_back({place, kind, std::move(text)});
}

}  // namespace haproxy
