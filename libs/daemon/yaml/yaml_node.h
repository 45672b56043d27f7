#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "daemon/yaml/problems.h"
#include "daemon/yaml/variables.h"

namespace daemons {

/// A node of a YAML document and its place. Immutable; copies share what they hold, and so do
/// aliases. Any thread. yaml-cpp stays inside the source.
class YamlNode {
  public:
    enum class Kind : std::uint8_t { null, scalar, sequence, mapping };
    struct Data {
        Kind kind = Kind::null;
        Place place = {};
        bool plain = false;
        std::string text = {};
        std::string written = {};  ///< with its variables; empty if it has none
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
    [[nodiscard]] const Place& place() const noexcept { return data_->place; }
    /// The value of a scalar; empty for all others.
    [[nodiscard]] const std::string& text() const noexcept { return data_->text; }
    /// Whether part of the text comes from the environment, and so may be secret.
    [[nodiscard]] bool is_expanded() const noexcept { return !data_->written.empty(); }
    /// The scalar as the file has it. Messages show this, not text().
    [[nodiscard]] const std::string& written() const noexcept {
        return is_expanded() ? data_->written : data_->text;
    }
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

/// The message with `value` as the file has it: what comes from the environment may be secret.
[[nodiscard]] std::string as_written(std::string message, const YamlNode& value);

/// Parses the text of `source`, and puts `variables` into its values, never into its keys. Adds a
/// problem and returns null for what is not one YAML document, for a variable that is not set, and
/// for what yaml-cpp's own tree would accept or choke on: a key that occurs twice, aliases that
/// expand without end, too many values, too deep a nesting.
[[nodiscard]] YamlNode parse_yaml(const std::string& text, const SourcePtr& source,
                                  Problems& problems, const Variables& variables = {});

}  // namespace daemons
