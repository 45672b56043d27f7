#include "daemon/config/config_tree.h"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fnmatch.h>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "daemon/yaml/yaml_mapping.h"

namespace daemons {
namespace {

constexpr std::size_t kMaxFiles = 2'000;
// A cluster with ten ports takes about 2 kB.
constexpr std::size_t kMaxBytes = std::size_t{16} * 1024 * 1024;

bool has_wildcard(std::string_view text) {
    return text.find_first_of("*?[") != std::string_view::npos;
}

std::string in_single_quotes(const std::string& text) {
    return "'" + text + "'";
}

/// The top level of several files as one mapping.
class Merged {
  public:
    Merged(const SpreadKeys& spread, Problems& problems) : spread_(spread), problems_(problems) {}

    void add(const YamlNode& file) {
        const YamlMapping mapping(file, "the file", problems_);
        for (const auto& entry : mapping.entries())
            if (is_spread(entry.key) && entry.value.is_mapping())
                add_spread(entry);
            else if (!entry.value.is_null())
                add_once(entry);
    }
    /// `place` is the place of messages about the whole.
    [[nodiscard]] YamlNode node(const Place& place) const {
        YamlNode::Data top{.kind = YamlNode::Kind::mapping, .place = place};
        top.entries = once_;
        for (const auto& [key, spread] : spread_entries_) {
            YamlNode::Data all{.kind = YamlNode::Kind::mapping, .place = spread.value.place()};
            all.entries = spread.entries;
            top.entries.emplace_back(spread.key, as_node(std::move(all)));
        }
        return as_node(std::move(top));
    }

  private:
    struct Spread {
        YamlNode key;
        YamlNode value;
        std::vector<std::pair<YamlNode, YamlNode>> entries = {};
        std::map<std::string, Place> places = {};
    };

    static YamlNode as_node(YamlNode::Data data) {
        return YamlNode(std::make_shared<const YamlNode::Data>(std::move(data)));
    }
    [[nodiscard]] bool is_spread(const std::string& key) const {
        return std::find(spread_.begin(), spread_.end(), key) != spread_.end();
    }
    void add_spread(const YamlMapping::Entry& entry) {
        auto& all = spread_entries_.try_emplace(entry.key, Spread{entry.key_node, entry.value})
                        .first->second;
        const YamlMapping mapping(entry.value, entry.key, problems_);
        for (const auto& each : mapping.entries()) {
            const auto [first, is_new] = all.places.emplace(each.key, each.key_node.place());
            if (is_new)
                all.entries.emplace_back(each.key_node, each.value);
            else
                refuse_twice(each.key_node, in_single_quotes(each.key) + " in " + entry.key,
                             first->second);
        }
    }
    void add_once(const YamlMapping::Entry& entry) {
        const auto [first, is_new] = places_.emplace(entry.key, entry.key_node.place());
        if (is_new)
            once_.emplace_back(entry.key_node, entry.value);
        else
            refuse_twice(entry.key_node, in_single_quotes(entry.key), first->second);
    }
    void refuse_twice(const YamlNode& second, const std::string& what, const Place& first) {
        problems_.add(
            second, what + " is set twice: " + first.seen_from(second.place()) + " has it already");
    }

    const SpreadKeys& spread_;
    Problems& problems_;
    std::vector<std::pair<YamlNode, YamlNode>> once_;
    std::map<std::string, Place> places_;  // of what is in once_
    std::map<std::string, Spread> spread_entries_;
};

/// Reads one configuration.
class TreeReader {
  public:
    TreeReader(const SpreadKeys& spread, const Inputs& inputs, Problems& problems)
        : inputs_(inputs), problems_(problems), merged_(spread, problems) {}

    YamlNode read(const std::string& path) {
        if (const auto names = inputs_.list(path))
            return read_directory(path, *names);
        const auto text = read_text(path, std::nullopt);
        return text ? parse(*text, path) : YamlNode();
    }

    YamlNode parse(const std::string& text, const std::string& path) {
        const auto source = std::make_shared<const Source>(path);
        YamlNode root = parse_yaml(text, source, problems_, inputs_.variables);
        const auto include = entry_of(root, "include");
        if (!include || !problems_.empty())
            return root;
        main_ = std::filesystem::path(path).lexically_normal();
        merged_.add(without(root, "include"));
        for (const auto& each : include_patterns(include->second))
            include_all(each, std::filesystem::path(path).parent_path());
        return result({source, 1});
    }

  private:
    YamlNode read_directory(const std::string& path, const std::vector<std::string>& names) {
        std::size_t found = 0;
        for (const auto& name : names)
            if (is_config_name(name)) {
                add_file(std::filesystem::path(path) / name, std::nullopt);
                ++found;
            }
        if (found == 0)
            problems_.add(path +
                          ": holds no configuration; files in it must be named *.yaml or "
                          "*.yml");
        return result({std::make_shared<const Source>(path), 0});
    }

    [[nodiscard]] YamlNode result(const Place& place) const {
        return problems_.empty() ? merged_.node(place) : YamlNode();
    }

    std::vector<YamlNode> include_patterns(const YamlNode& include) {
        if (include.is_scalar())
            return {include};
        std::vector<YamlNode> patterns;
        for (const auto& each : include.elements())
            if (each.is_scalar())
                patterns.push_back(each);
        if (patterns.size() != include.elements().size() || patterns.empty())
            problems_.add(include,
                          "include takes a file, a directory, a pattern such as "
                          "clusters/*.yaml, or a list of them");
        return patterns;
    }

    /// A file, a directory of files, or a pattern for the last part of the path.
    void include_all(const YamlNode& pattern, const std::filesystem::path& base) {
        const std::filesystem::path path = base / pattern.text();
        const std::filesystem::path directory = path.parent_path();
        const std::string last = path.filename().string();
        if (has_wildcard(std::filesystem::path(pattern.text()).parent_path().string()))
            return problems_.add(pattern, "include " + in_single_quotes(pattern.written()) +
                                              ": only the last part may have *, ? or [");
        try {
            if (has_wildcard(last))
                return include_matches(pattern, directory, last);
            if (const auto names = inputs_.list(path.string()))
                return include_matches(pattern, path, "*");
        } catch (const FileError& error) {
            return problems_.add(pattern, "include: " + as_written(error.what(), pattern));
        }
        add_file(path, pattern.place());
    }

    void include_matches(const YamlNode& pattern, const std::filesystem::path& directory,
                         const std::string& last) {
        const std::string where = directory.empty() ? "." : directory.string();
        const auto names = inputs_.list(where);
        // A file system that is not mounted must not remove the clusters in it.
        if (!names)
            return problems_.add(pattern, "include: there is no directory " + where);
        std::size_t found = 0;
        for (const auto& name : *names)
            if (is_config_name(name) && ::fnmatch(last.c_str(), name.c_str(), 0) == 0 &&
                (directory / name).lexically_normal() != main_) {
                add_file(directory / name, pattern.place());
                ++found;
            }
        if (found == 0)
            problems_.warn(pattern,
                           "include " + in_single_quotes(pattern.written()) + " matches no file");
    }

    /// `includer` is empty in a directory that the command line names.
    void add_file(const std::filesystem::path& path, const std::optional<Place>& includer) {
        if (++files_ > kMaxFiles) {
            if (files_ == kMaxFiles + 1)
                problems_.add(path.string() + ": there are more than " + std::to_string(kMaxFiles) +
                              " files");
            return;
        }
        const auto text = read_text(path.string(), includer);
        if (!text)
            return;
        const std::size_t problems_before = problems_.lines().size();
        const YamlNode root = parse_yaml(*text, std::make_shared<const Source>(path.string()),
                                         problems_, inputs_.variables);
        if (const auto include = entry_of(root, "include"))
            problems_.add(include->first,
                          "include is allowed only in the file that the command "
                          "line names");
        if (problems_.lines().size() == problems_before)
            merged_.add(root);
    }

    std::optional<std::string> read_text(const std::string& path,
                                         const std::optional<Place>& includer) {
        try {
            std::string text = inputs_.read(path);
            bytes_ += text.size();
            if (bytes_ <= kMaxBytes)
                return text;
            if (bytes_ - text.size() <= kMaxBytes)
                problems_.add(path + ": with this file the configuration is larger than 16 MiB");
        } catch (const FileError& error) {
            if (includer)
                problems_.add(*includer, std::string("include: ") + error.what());
            else
                problems_.add(error.what());
        }
        return std::nullopt;
    }

    static std::optional<std::pair<YamlNode, YamlNode>> entry_of(const YamlNode& mapping,
                                                                 std::string_view key) {
        for (const auto& entry : mapping.entries())
            if (entry.first.text() == key && !entry.second.is_null())
                return entry;
        return std::nullopt;
    }
    static YamlNode without(const YamlNode& mapping, std::string_view key) {
        YamlNode::Data data{.kind = YamlNode::Kind::mapping, .place = mapping.place()};
        for (const auto& entry : mapping.entries())
            if (entry.first.text() != key)
                data.entries.push_back(entry);
        return YamlNode(std::make_shared<const YamlNode::Data>(std::move(data)));
    }

    const Inputs& inputs_;
    Problems& problems_;
    Merged merged_;
    std::filesystem::path main_;  // the file that includes the others
    std::size_t files_ = 0;
    std::size_t bytes_ = 0;
};

}  // namespace

YamlNode read_config_tree(const std::string& path, const SpreadKeys& spread, const Inputs& inputs,
                          Problems& problems) {
    try {
        return TreeReader(spread, inputs, problems).read(path);
    } catch (const FileError& error) {
        problems.add(error.what());
        return {};
    }
}

YamlNode parse_config_tree(const std::string& text, const std::string& path,
                           const SpreadKeys& spread, const Inputs& inputs, Problems& problems) {
    return TreeReader(spread, inputs, problems).parse(text, path);
}

bool is_config_name(std::string_view name) {
    return !name.starts_with('.') && !name.starts_with('#') &&
           (name.ends_with(".yaml") || name.ends_with(".yml"));
}

}  // namespace daemons
