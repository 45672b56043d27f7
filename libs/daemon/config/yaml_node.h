#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace daemons {

/// A node of a YAML document and the line it stands in. Immutable; copies share what they hold, and
/// so do aliases. Any thread. yaml-cpp stays inside the source.
class YamlNode {
  public:
    enum class Kind : std::uint8_t { null, scalar, sequence, mapping };
    struct Data {
        Kind kind = Kind::null;
        int line = 1;
        bool plain = false;
        std::string text = {};
        std::vector<YamlNode> elements = {};
        std::vector<std::pair<YamlNode, YamlNode>> entries = {};
    };

    /// Null.
    YamlNode() : YamlNode(std::make_shared<const Data>()) {}
    explicit YamlNode(std::shared_ptr<const Data> data) : data_(std::move(data)) {}

    [[nodiscard]] bool is_null() const noexcept { return data_->kind == Kind::null; }
    [[nodiscard]] bool is_scalar() const noexcept { return data_->kind == Kind::scalar; }
    [[nodiscard]] bool is_sequence() const noexcept { return data_->kind == Kind::sequence; }
    [[nodiscard]] bool is_mapping() const noexcept { return data_->kind == Kind::mapping; }
    /// The first line is 1.
    [[nodiscard]] int line() const noexcept { return data_->line; }
    /// Of a scalar; empty for all others.
    [[nodiscard]] const std::string& text() const noexcept { return data_->text; }
    /// A scalar without quotes and without a tag.
    [[nodiscard]] bool is_plain() const noexcept { return data_->plain; }
    [[nodiscard]] const std::vector<YamlNode>& elements() const noexcept { return data_->elements; }
    /// Keys and values in the order of the file. Keys are scalars or null, and no two are equal.
    [[nodiscard]] const std::vector<std::pair<YamlNode, YamlNode>>& entries() const noexcept {
        return data_->entries;
    }

  private:
    std::shared_ptr<const Data> data_;
};

/// What is wrong with a configuration file, each as "file:line: what, and what is allowed".
/// Collected, so that one run of --check shows everything.
class Problems {
  public:
    /// What the user knows a line by where the text is not a file: "--role".
    using NameOfLine = std::function<std::string(int line)>;

    explicit Problems(std::string file) : file_(std::move(file)) {}
    explicit Problems(NameOfLine name_of_line) : name_of_line_(std::move(name_of_line)) {}

    void add(int line, const std::string& what);
    void add(const YamlNode& where, const std::string& what) { add(where.line(), what); }
    /// "file:line", or the name of the line if it has one.
    [[nodiscard]] std::string place_of(int line) const;
    /// "line 5", or that name, for messages about another line of the same file.
    [[nodiscard]] std::string line_of(int line) const;
    [[nodiscard]] bool empty() const noexcept { return lines_.empty(); }
    [[nodiscard]] const std::vector<std::string>& lines() const noexcept { return lines_; }

  private:
    std::string file_;
    NameOfLine name_of_line_;
    std::vector<std::string> lines_;
};

/// Parses the text of a file. Adds a problem and returns null for what is not one YAML document,
/// and for what yaml-cpp's own tree would accept or choke on: a key that occurs twice, aliases that
/// expand without end, too many values, too deep a nesting.
[[nodiscard]] YamlNode parse_yaml(const std::string& text, Problems& problems);

}  // namespace daemons
