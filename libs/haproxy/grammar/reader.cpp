#include "haproxy/grammar/reader.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "haproxy/grammar/condition.h"
#include "haproxy/grammar/template_text.h"
#include "haproxy/grammar/words.h"

namespace haproxy {
namespace {

constexpr std::array kSections{"global",      "defaults",  "frontend", "backend",     "listen",
                               "peers",       "resolvers", "userlist", "mailers",     "program",
                               "cache",       "ring",      "fcgi-app", "http-errors", "crt-store",
                               "log-forward", "traces",    "acme",     "log-profile"};

constexpr std::size_t kMaxConditions = 16;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

bool begins_section(const std::string& word) {
    return std::find(kSections.begin(), kSections.end(), word) != kSections.end();
}

/// The next line without its end.
std::string_view take_line(std::string_view& text) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return line;
}

class Reader {
  public:
    explicit Reader(const Symbols& symbols)
        : symbols_([this, &symbols](const std::string& name) -> std::optional<std::string> {
              if (const auto found = set_.find(name); found != set_.end())
                  return found->second;
              return symbols(name);
          }) {}

    void read(const SourceFile& file) {
        section_ = nullptr;
        branches_.clear();
        if (file.text.starts_with(kByteOrderMark))
            throw ReadError(
                {file.name, 1},
                "a byte order mark (BOM) before the first word, which HAProxy takes for "
                "a part of that word: save the file without it");
        const TemplateText source = read_template(file.name, file.text, symbols_, result_.notes);
        result_.from_template |= source.is_template;
        std::string_view rest = source.text;
        Place place{file.name, 0};
        while (!rest.empty()) {
            ++place.line;
            if (++lines_ > kMaxLines)
                throw ReadError(place, "more than " + std::to_string(kMaxLines) + " lines");
            const auto index = static_cast<std::size_t>(place.line) - 1;
            read_line(take_line(rest), place, index < source.every.size() && source.every[index]);
        }
        if (!branches_.empty())
            throw ReadError(branches_.back().place, "'.if' without '.endif'");
    }

    Configuration take_result() { return std::move(result_); }

  private:
    enum class State { waiting, active, over };
    struct Branch {
        Place place;
        State state;
    };

    void read_line(std::string_view line, const Place& place, bool every) {
        if (line.find('\0') != std::string_view::npos)
            throw ReadError(place, "a NUL character: this is no text file");
        const std::size_t begin = line.find_first_not_of(" \t\r");
        if (begin == std::string_view::npos)
            return;
        if (line[begin] == '.' && read_macro(line.substr(begin), place))
            return;
        if (!branches_.empty() &&
            std::any_of(branches_.begin(), branches_.end(),
                        [](const Branch& branch) { return branch.state != State::active; }))
            return;
        Statement statement{place, split_words(line, place, symbols_, result_.notes), every};
        if (!statement.words.empty())
            take(std::move(statement));
    }

    void take(Statement statement) {
        if (begins_section(statement.word(0)) && !statement.words[0].symbolic)
            return open(statement);
        if (!section_) {
            result_.sections.push_back({statement.place, "", {}, "", false, {}});
            section_ = &result_.sections.back();
        }
        if (section_->kind == "global")
            take_environment(statement);
        section_->statements.push_back(std::move(statement));
    }

    void open(const Statement& header) {
        if (result_.sections.size() == kMaxSections)
            throw ReadError(header.place,
                            "more than " + std::to_string(kMaxSections) + " sections");
        Section section{header.place, header.word(0), {}, "", header.every, {}};
        std::size_t next = 1;
        if (next < header.words.size() && header.word(next) != "from")
            section.name = header.words[next++];
        if (header.word(next) == "from") {
            section.from = header.word(next + 1);
            next += 2;
        }
        if (next < header.words.size())
            add_note(result_.notes, header.place, Note::Kind::not_read,
                     "'" + header.text(next) + "' behind the name of a section");
        result_.sections.push_back(std::move(section));
        section_ = &result_.sections.back();
    }

    void take_environment(const Statement& statement) {
        const auto& what = statement.word(0);
        if ((what != "setenv" && what != "presetenv") || statement.words.size() < 3 ||
            statement.words[2].symbolic)
            return;
        if (what == "setenv" || !symbols_(statement.word(1)))
            set_[statement.word(1)] = statement.word(2);
    }

    /// `.if` and the like; true if it was one.
    bool read_macro(std::string_view line, const Place& place) {
        const std::string_view name = line.substr(0, line.find_first_of(" \t\r"));
        std::string_view rest = line.substr(name.size());
        rest = rest.substr(0, comment_in(rest));
        while (!rest.empty() && (rest.back() == ' ' || rest.back() == '\r' || rest.back() == '\t'))
            rest.remove_suffix(1);
        if (name == ".if") {
            if (branches_.size() == kMaxConditions)
                throw ReadError(place, "more than 16 conditions within each other");
            const bool outer_active =
                std::all_of(branches_.begin(), branches_.end(),
                            [](const Branch& branch) { return branch.state == State::active; });
            branches_.push_back({place, State::over});
            if (outer_active)
                branches_.back().state = decide(rest, place);
        } else if (name == ".elif" || name == ".else" || name == ".endif") {
            if (branches_.empty())
                throw ReadError(place, "'" + std::string(name) + "' without '.if'");
            State& state = branches_.back().state;
            if (name == ".endif")
                branches_.pop_back();
            else if (state == State::waiting)
                state = name == ".else" ? State::active : decide(rest, place);
            else
                state = State::over;
        } else {
            return name == ".diag" || name == ".notice" || name == ".warning" || name == ".alert";
        }
        return true;
    }

    State decide(std::string_view expression, const Place& place) {
        const Truth truth = evaluate(expression, place, symbols_);
        if (truth == Truth::unknown)
            add_note(result_.notes, place, Note::Kind::condition,
                     "the condition" + std::string(expression) +
                         " cannot be evaluated here; it was read as true");
        return truth == Truth::no ? State::waiting : State::active;
    }

    static std::size_t comment_in(std::string_view text) {
        char quote = '\0';
        for (std::size_t at = 0; at < text.size(); ++at) {
            if (text[at] == '#' && quote == '\0')
                return at;
            if (text[at] == quote)
                quote = '\0';
            else if (quote == '\0' && (text[at] == '"' || text[at] == '\''))
                quote = text[at];
        }
        return text.size();
    }

    std::map<std::string, std::string> set_;
    Symbols symbols_;
    Configuration result_;
    Section* section_ = nullptr;  // the last of result_.sections, or none yet in this file
    std::vector<Branch> branches_;
    std::size_t lines_ = 0;
};

}  // namespace

Configuration read(const std::vector<SourceFile>& files, const Symbols& symbols) {
    std::size_t size = 0;
    Reader reader(symbols);
    for (const auto& file : files) {
        size += file.text.size();
        if (size > kMaxText)
            throw ReadError({file.name, 1}, "the files have more than 16 MiB");
        reader.read(file);
    }
    return reader.take_result();
}

}  // namespace haproxy
