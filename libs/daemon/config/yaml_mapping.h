#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <yaml-cpp/yaml.h>

namespace daemons {

/// What is wrong with a configuration file, each as "file:line: what, and what is allowed".
/// Collected, so that one run of --check shows everything.
class Problems {
  public:
    /// What the user knows a line by, where it is none of a file: "--role".
    using NameOfLine = std::function<std::string(int line)>;

    explicit Problems(std::string file) : file_(std::move(file)) {}
    explicit Problems(NameOfLine name_of_line) : name_of_line_(std::move(name_of_line)) {}

    void add(const YAML::Mark& where, const std::string& what);
    void add(const YAML::Node& where, const std::string& what) { add(where.Mark(), what); }
    /// "file:line", or the name of the line where it has one.
    [[nodiscard]] std::string place_of(const YAML::Mark& where) const;
    /// "line 5", or that name, for messages about another line of the same file.
    [[nodiscard]] std::string line_of(const YAML::Mark& where) const;
    [[nodiscard]] bool empty() const noexcept { return lines_.empty(); }
    [[nodiscard]] const std::vector<std::string>& lines() const noexcept { return lines_; }

  private:
    std::string file_;
    NameOfLine name_of_line_;
    std::vector<std::string> lines_;
};

/// Parses a file's text after guarding against what yaml-cpp lets through: duplicate keys, alias
/// bombs, recursive aliases, more than one document. A null node and a problem if it will not do.
[[nodiscard]] YAML::Node parse_yaml(const std::string& text, Problems& problems);

/// One mapping of a configuration file under reading: every key asked for is a key it knows, and
/// reject_unknown() reports all others with the nearest known one. A null value counts as absent;
/// merge keys (`<<`) are merged.
class YamlMapping {
  public:
    struct Entry {
        std::string key;
        YAML::Node key_node;
        YAML::Node value;
    };

    /// `what` names it in messages: "port 'master'". Not a mapping: a problem, and it is empty.
    YamlMapping(const YAML::Node& node, std::string what, Problems& problems);

    /// The value of `key`, if it is there.
    std::optional<YAML::Node> find(const std::string& key);
    /// The same; a problem if it is not there.
    std::optional<YAML::Node> require(const std::string& key);

    // Each reports a value of the wrong form with the form it takes, and then gives nothing.
    std::optional<std::string> text(const std::string& key);
    std::optional<bool> boolean(const std::string& key);
    std::optional<std::uint64_t> number(const std::string& key, std::uint64_t least,
                                        std::uint64_t most);
    std::optional<std::uint64_t> size(const std::string& key);
    std::optional<std::chrono::milliseconds> duration(const std::string& key);
    /// One of a few words; which, by its place among them.
    std::optional<std::size_t> choice(const std::string& key,
                                      const std::vector<std::string>& words);
    /// The elements of a list of scalars with the nodes they stand in.
    std::vector<std::pair<std::string, YAML::Node>> texts(const std::string& key);

    void reject_unknown();

    /// For mappings whose keys are names of the user's choice.
    [[nodiscard]] const std::vector<Entry>& entries() const& noexcept { return entries_; }

  private:
    void merge(const YAML::Node& from);
    template <typename Parse>
    auto scalar(const std::string& key, std::string_view form, Parse parse)
        -> decltype(parse(std::string{}));

    std::string what_;
    Problems& problems_;
    YAML::Mark mark_;
    std::vector<Entry> entries_;
    std::vector<std::string> known_;
};

}  // namespace daemons
