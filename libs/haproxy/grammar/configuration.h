#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

// A configuration of HAProxy as statements and sections, before anything is concluded from it.
// Values; any thread.
namespace haproxy {

/// Where something stands in the files that were read.
struct Place {
    std::string file;
    int line = 0;  ///< the first is 1

    /// "haproxy.cfg:12"
    [[nodiscard]] std::string text() const { return file + ":" + std::to_string(line); }
    friend bool operator==(const Place&, const Place&) = default;
};

/// The files cannot be read as a configuration of HAProxy. what() is "file:line: what is wrong".
class ReadError : public std::runtime_error {
  public:
    ReadError(const Place& place, const std::string& what)
        : std::runtime_error(place.text() + ": " + what) {}
};

/// The value of an environment variable (`PG_PORT`) or of a template's expression (`.Values.port`);
/// nothing if it is not known here.
using Symbols = std::function<std::optional<std::string>(const std::string& name)>;

/// A word of a statement, without its quotes and escapes.
struct Word {
    std::string text;
    /// A part of it is not known here: `text` then shows `${PG_PORT}` or `{{ .Port }}`.
    bool symbolic = false;

    friend bool operator==(const Word&, const Word&) = default;
};

struct Statement {
    Place place;
    std::vector<Word> words;  ///< never empty
    bool every = false;       ///< stands in a loop of a template: once for every member

    /// The text of a word; empty if there are fewer.
    [[nodiscard]] const std::string& word(std::size_t index) const {
        static const std::string none;
        return index < words.size() ? words[index].text : none;
    }
    [[nodiscard]] bool starts_with(std::initializer_list<std::string_view> beginning) const {
        std::size_t index = 0;
        for (const auto expected : beginning)
            if (word(index++) != expected)
                return false;
        return true;
    }
    /// Its words from `first` on, with a space between them.
    [[nodiscard]] std::string text(std::size_t first = 0) const {
        std::string all;
        for (std::size_t index = first; index < words.size(); ++index)
            all.append(all.empty() ? "" : " ").append(words[index].text);
        return all;
    }
};

struct Section {
    Place place;
    std::string kind;  ///< global, defaults, frontend, listen, backend, ...; empty: before any
    Word name;         ///< empty if it has none
    std::string from;  ///< the defaults section that it names
    bool every = false;
    std::vector<Statement> statements;
};

/// What was taken for granted while reading, for the user to know.
struct Note {
    enum class Kind : std::uint8_t {
        condition,  ///< could not be evaluated, and was read as true
        assumed,    ///< a variable is not known here; its default was used
        not_read,   ///< refers to a text that was not given
    };
    Place place;
    Kind kind;
    std::string text;
};

struct Configuration {
    std::vector<Section> sections;
    std::vector<Note> notes;
    bool from_template = false;
};

// Limits, far above what people have, so that a hostile file costs little.
inline constexpr std::size_t kMaxLine = 65'536;
inline constexpr std::size_t kMaxWords = 512;
inline constexpr std::size_t kMaxLines = 200'000;
inline constexpr std::size_t kMaxSections = 10'000;
inline constexpr std::size_t kMaxNotes = 1'000;
/// Of all files and all that their variables stand for.
inline constexpr std::size_t kMaxText = std::size_t{16} * 1024 * 1024;

}  // namespace haproxy
