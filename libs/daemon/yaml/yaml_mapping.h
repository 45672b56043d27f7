#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/yaml/yaml_node.h"

namespace daemons {

/// A mapping of a configuration file while it is read. Every key that is asked for becomes a known
/// key; reject_unknown() reports all others, with the nearest known one. A null value counts as
/// absent; merge keys (`<<`) are merged.
class YamlMapping {
  public:
    struct Entry {
        std::string key;
        YamlNode key_node;
        YamlNode value;
    };

    /// `what` names it in messages: "port 'master'". A node that is not a mapping is a problem, and
    /// reads as empty.
    YamlMapping(const YamlNode& node, std::string what, Problems& problems);

    /// The value of `key`, if present.
    std::optional<YamlNode> find(const std::string& key);
    /// The same; a problem if absent.
    std::optional<YamlNode> require(const std::string& key);

    // Each reports a value of the wrong form, with the form that is allowed, and returns nothing.
    std::optional<std::string> text(const std::string& key);
    std::optional<bool> boolean(const std::string& key);
    std::optional<std::uint64_t> number(const std::string& key, std::uint64_t least,
                                        std::uint64_t most);
    std::optional<std::uint64_t> size(const std::string& key);
    /// A round number without a unit of at least `dubious` is probably meant in milliseconds: a
    /// warning says so.
    std::optional<std::chrono::milliseconds> duration(
        const std::string& key, std::chrono::seconds dubious = std::chrono::seconds{1'000});
    /// The index of the value in `words`.
    std::optional<std::size_t> choice(const std::string& key,
                                      const std::vector<std::string>& words);
    /// The elements of a list of scalars, with their nodes; a scalar is a list of one. Required.
    std::vector<std::pair<std::string, YamlNode>> texts(const std::string& key);

    void reject_unknown();

    /// The message with the values of these keys as the file has them.
    [[nodiscard]] std::string as_written(std::string message, const std::vector<std::string>& keys);

    /// For mappings whose keys the user chooses.
    [[nodiscard]] const std::vector<Entry>& entries() const& noexcept { return entries_; }

  private:
    void merge(const YamlNode& from);
    void warn_of_milliseconds(const std::string& key, std::chrono::seconds dubious);
    template <typename Parse>
    auto scalar(const std::string& key, std::string_view form, Parse parse)
        -> decltype(parse(std::string{}));

    std::string what_;
    Problems& problems_;
    Place place_;
    std::vector<Entry> entries_;
    std::vector<std::string> known_;
};

}  // namespace daemons
