#include "haproxy/grammar/condition.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "haproxy/grammar/words.h"

namespace haproxy {
namespace {

constexpr int kMaxDepth = 32;

Truth negate(Truth truth) {
    if (truth == Truth::unknown)
        return truth;
    return truth == Truth::yes ? Truth::no : Truth::yes;
}

class Evaluator {
  public:
    Evaluator(std::string_view text, const Place& place, const Symbols& symbols)
        : text_(text), place_(place), symbols_(symbols) {}

    Truth evaluate() {
        skip_blanks();
        if (at_ == text_.size())
            return Truth::no;
        const Truth truth = either();
        if (at_ != text_.size())
            refuse();
        return truth;
    }

  private:
    Truth either() {
        Truth truth = both();
        while (take("||")) {
            const Truth other = both();
            if (truth == Truth::yes || other == Truth::yes)
                truth = Truth::yes;
            else if (other == Truth::unknown)
                truth = other;
        }
        return truth;
    }

    Truth both() {
        Truth truth = term();
        while (take("&&")) {
            const Truth other = term();
            if (truth == Truth::no || other == Truth::no)
                truth = Truth::no;
            else if (other == Truth::unknown)
                truth = other;
        }
        return truth;
    }

    Truth term() {
        if (++depth_ > kMaxDepth)
            refuse();
        Truth truth = Truth::no;
        if (take("!")) {
            truth = negate(term());
        } else if (take("(")) {
            truth = either();
            if (!take(")"))
                refuse();
        } else {
            truth = predicate();
        }
        --depth_;
        return truth;
    }

    Truth predicate() {
        std::string name;
        while (at_ < text_.size() &&
               (std::isalnum(static_cast<unsigned char>(text_[at_])) != 0 || text_[at_] == '_'))
            name += text_[at_++];
        if (at_ < text_.size() && text_[at_] == '(')
            return call(name);
        skip_blanks();
        if (!name.empty() && std::all_of(name.begin(), name.end(),
                                         [](unsigned char c) { return std::isdigit(c) != 0; }))
            return name.find_first_not_of('0') == std::string::npos ? Truth::no : Truth::yes;
        // A variable in quotes may stand for a number.
        if (name.empty() && at_ < text_.size() && (text_[at_] == '"' || text_[at_] == '\'')) {
            const std::size_t end = text_.find(text_[at_], at_ + 1);
            if (end == std::string_view::npos)
                refuse();
            const Word word = word_of(text_.substr(at_, end + 1 - at_));
            at_ = end + 1;
            skip_blanks();
            if (word.symbolic)
                return Truth::unknown;
            return word.text.find_first_not_of('0') == std::string::npos ? Truth::no : Truth::yes;
        }
        refuse();
    }

    Truth call(const std::string& name) {
        const std::vector<Word> arguments = take_arguments();
        const auto equals = [&]() -> Truth {
            if (arguments.size() != 2)
                refuse();
            if (arguments[0].symbolic || arguments[1].symbolic)
                return Truth::unknown;
            return arguments[0].text == arguments[1].text ? Truth::yes : Truth::no;
        };
        if (name == "streq")
            return equals();
        if (name == "strneq")
            return negate(equals());
        if (name == "strstr") {
            const Truth same = equals();
            if (same != Truth::no)
                return same;
            return arguments[0].text.find(arguments[1].text) != std::string::npos ? Truth::yes
                                                                                  : Truth::no;
        }
        if (name == "defined")
            return arguments.size() == 1 && symbols_(arguments[0].text) ? Truth::yes
                                                                        : Truth::unknown;
        constexpr std::array unknown{"awslc_api_atleast",
                                     "awslc_api_before",
                                     "enabled",
                                     "feature",
                                     "openssl_version_atleast",
                                     "openssl_version_before",
                                     "ssllib_name_startswith",
                                     "version_atleast",
                                     "version_before"};
        if (std::find(unknown.begin(), unknown.end(), name) == unknown.end())
            refuse();
        return Truth::unknown;
    }

    /// Between parentheses, separated by commas.
    std::vector<Word> take_arguments() {
        std::vector<Word> arguments;
        std::string raw;
        char quote = '\0';
        for (++at_; at_ < text_.size(); ++at_) {
            const char c = text_[at_];
            if (quote == '\0' && (c == ',' || c == ')')) {
                arguments.push_back(word_of(raw));
                raw.clear();
                if (c == ')') {
                    ++at_;
                    skip_blanks();
                    return arguments;
                }
                continue;
            }
            if (c == quote)
                quote = '\0';
            else if (quote == '\0' && (c == '"' || c == '\''))
                quote = c;
            raw += c;
        }
        refuse();
    }

    Word word_of(std::string_view raw) const {
        std::vector<Note> notes;
        const auto words = split_words(raw, place_, symbols_, notes);
        Word all;
        for (const auto& word : words) {
            all.text += (all.text.empty() ? "" : " ") + word.text;
            all.symbolic |= word.symbolic;
        }
        return all;
    }

    bool take(std::string_view token) {
        skip_blanks();
        if (text_.substr(at_, token.size()) != token)
            return false;
        at_ += token.size();
        skip_blanks();
        return true;
    }

    void skip_blanks() {
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t'))
            ++at_;
    }

    [[noreturn]] void refuse() const {
        throw ReadError(place_, "this condition cannot be read: '" + std::string(text_) + "'");
    }

    std::string_view text_;
    const Place& place_;
    const Symbols& symbols_;
    std::size_t at_ = 0;
    int depth_ = 0;
};

}  // namespace

Truth evaluate(std::string_view expression, const Place& place, const Symbols& symbols) {
    return Evaluator(expression, place, symbols).evaluate();
}

}  // namespace haproxy
