#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace daemons {

class YamlNode;

/// A text that a configuration is read from: a file, or the options of a command line written as
/// one. Immutable.
class Source {
  public:
    /// What the user knows a line by where the text is not a file: "--role".
    using NameOfLine = std::function<std::string(int line)>;

    explicit Source(std::string file) : file_(std::move(file)) {}
    explicit Source(NameOfLine name_of_line) : name_of_line_(std::move(name_of_line)) {}

    /// Empty if it is not a file.
    [[nodiscard]] const std::string& file() const noexcept { return file_; }
    /// "file:line", "file" for line 0, or the name of the line if it has one.
    [[nodiscard]] std::string name_of(int line) const;

  private:
    std::string file_;
    NameOfLine name_of_line_;
};
using SourcePtr = std::shared_ptr<const Source>;

/// A line of a source. The first one is 1; 0 is the source as a whole.
struct Place {
    SourcePtr source = {};
    int line = 1;

    /// "file:line", or the name of the line.
    [[nodiscard]] std::string to_string() const;
    /// The same for a message about a line of `reader`'s file: "line 5" if both are in one file.
    [[nodiscard]] std::string seen_from(const Place& reader) const;
};

/// What is wrong with a configuration, each as "file:line: what, and what is allowed"; and what is
/// allowed but probably not meant, as "file:line: warning: what". Collected, so that one run of
/// --check shows everything.
class Problems {
  public:
    void add(const Place& where, const std::string& what);
    void add(const YamlNode& where, const std::string& what);
    /// A problem that has no line, such as a file that cannot be read. `what` names the file.
    void add(const std::string& what) { lines_.push_back(what); }
    void warn(const Place& where, const std::string& what);
    void warn(const YamlNode& where, const std::string& what);

    /// No problem; there may be warnings.
    [[nodiscard]] bool empty() const noexcept { return lines_.empty(); }
    [[nodiscard]] const std::vector<std::string>& lines() const noexcept { return lines_; }
    [[nodiscard]] const std::vector<std::string>& warnings() const noexcept { return warnings_; }

  private:
    std::vector<std::string> lines_;
    std::vector<std::string> warnings_;
};

}  // namespace daemons
