#include "daemon/yaml/yaml_mapping.h"

#include <algorithm>

#include "daemon/text/units.h"
#include "daemon/text/words.h"
#include "daemon/yaml/key_hint.h"

namespace daemons {
namespace {

/// https://yaml.org/type/merge.html
bool is_merge_key(const YamlNode& key) {
    return key.is_plain() && key.text() == "<<";
}

}  // namespace

YamlMapping::YamlMapping(const YamlNode& node, std::string what, Problems& problems)
    : what_(std::move(what)), problems_(problems), place_(node.place()) {
    if (!node.is_mapping()) {
        problems_.add(place_, what_ + " must be a mapping of keys to values");
        return;
    }
    std::vector<YamlNode> merged;
    for (const auto& [key, value] : node.entries())
        if (is_merge_key(key))
            merged.push_back(value);
        else
            entries_.push_back({key.text(), key, value});
    for (const auto& each : merged)
        merge(each);
}

/// Adds the keys of other mappings (`<<: *defaults`) that this one does not have.
void YamlMapping::merge(const YamlNode& from) {
    if (from.is_sequence()) {
        for (const auto& each : from.elements())
            merge(each);
        return;
    }
    const YamlMapping others(from, "the value of '<<' in " + what_, problems_);
    for (const Entry& entry : others.entries_)
        if (std::none_of(entries_.begin(), entries_.end(),
                         [&](const Entry& own) { return own.key == entry.key; }))
            entries_.push_back(entry);
}

std::optional<YamlNode> YamlMapping::find(const std::string& key) {
    if (std::find(known_.begin(), known_.end(), key) == known_.end())
        known_.push_back(key);
    const auto entry = std::find_if(entries_.begin(), entries_.end(),
                                    [&](const Entry& each) { return each.key == key; });
    if (entry == entries_.end() || entry->value.is_null())
        return std::nullopt;
    return entry->value;
}

std::optional<YamlNode> YamlMapping::require(const std::string& key) {
    auto value = find(key);
    if (!value)
        problems_.add(place_, what_ + " needs '" + key + "'");
    return value;
}

template <typename Parse>
auto YamlMapping::scalar(const std::string& key, std::string_view form, Parse parse)
    -> decltype(parse(std::string{})) {
    const auto node = find(key);
    if (!node)
        return std::nullopt;
    if (node->is_scalar())
        if (auto value = parse(node->text()))
            return value;
    const std::string given = node->is_scalar() ? " '" + node->written() + "'" : "";
    problems_.add(*node,
                  what_ + ": " + key + given + " is not allowed; it takes " + std::string(form));
    return std::nullopt;
}

std::optional<std::string> YamlMapping::text(const std::string& key) {
    return scalar(key, "text", [](const std::string& value) {
        return value.empty() ? std::nullopt : std::optional(value);
    });
}

std::optional<bool> YamlMapping::boolean(const std::string& key) {
    return scalar(key, "true or false", [](const std::string& value) -> std::optional<bool> {
        if (value == "true" || value == "True" || value == "TRUE")
            return true;
        if (value == "false" || value == "False" || value == "FALSE")
            return false;
        return std::nullopt;
    });
}

std::optional<std::uint64_t> YamlMapping::number(const std::string& key, std::uint64_t least,
                                                 std::uint64_t most) {
    const std::string form =
        "a whole number from " + std::to_string(least) + " to " + std::to_string(most);
    return scalar(key, form, [=](const std::string& value) {
        const auto number = parse_number(value);
        return number && *number >= least && *number <= most ? number : std::nullopt;
    });
}

std::optional<std::uint64_t> YamlMapping::size(const std::string& key) {
    return scalar(key, kSizeForm, [](const std::string& value) { return parse_size(value); });
}

std::optional<std::chrono::milliseconds> YamlMapping::duration(const std::string& key,
                                                               std::chrono::seconds dubious) {
    const auto value =
        scalar(key, kDurationForm, [](const std::string& text) { return parse_duration(text); });
    if (value)
        warn_of_milliseconds(key, dubious);
    return value;
}

/// Up to about a day, a number of whole hours is probably meant in seconds (86400 is a day), and
/// not a round number of milliseconds.
void YamlMapping::warn_of_milliseconds(const std::string& key, std::chrono::seconds dubious) {
    constexpr std::uint64_t kTooLongForHours = 100'000;
    const auto node = find(key);
    const auto count = parse_number(node->text());
    if (!count || *count < static_cast<std::uint64_t>(dubious.count()))
        return;
    const bool round = *count % (*count < 1'000 ? 50 : 500) == 0;
    const bool hours = *count % 3'600 == 0 && *count < kTooLongForHours;
    if (!round || hours)
        return;
    const std::string meant =
        *count % 1'000 == 0 ? std::to_string(*count / 1'000) + "s" : std::to_string(*count) + "ms";
    problems_.warn(*node, what_ + ": " + key + " " + node->written() + " is " +
                              duration_text(std::chrono::seconds(*count)) +
                              ", because a number without a unit counts seconds; did you mean " +
                              meant + "? If not, write " + std::to_string(*count) + "s");
}

std::optional<std::size_t> YamlMapping::choice(const std::string& key,
                                               const std::vector<std::string>& words) {
    return scalar(key, "one of: " + joined(words),
                  [&](const std::string& value) -> std::optional<std::size_t> {
                      const auto found = std::find(words.begin(), words.end(), value);
                      if (found == words.end())
                          return std::nullopt;
                      return static_cast<std::size_t>(found - words.begin());
                  });
}

std::vector<std::pair<std::string, YamlNode>> YamlMapping::texts(const std::string& key) {
    std::vector<std::pair<std::string, YamlNode>> values;
    const auto node = require(key);
    if (!node)
        return values;
    // One element needs no brackets.
    if (node->is_scalar() && !node->text().empty())
        return {{node->text(), *node}};
    if (!node->is_sequence() || node->elements().empty()) {
        problems_.add(*node, what_ + ": " + key + " must be a list with at least one element");
        return values;
    }
    for (const auto& element : node->elements())
        if (element.is_scalar())
            values.emplace_back(element.text(), element);
        else
            problems_.add(element, what_ + ": an element of " + key + " must be text");
    return values;
}

void YamlMapping::reject_unknown() {
    for (const Entry& entry : entries_)
        if (std::find(known_.begin(), known_.end(), entry.key) == known_.end())
            problems_.add(entry.key_node, "unknown key '" + entry.key + "' in " + what_ +
                                              key_hint(entry.key, known_));
}

std::string YamlMapping::as_written(std::string message, const std::vector<std::string>& keys) {
    for (const auto& key : keys)
        if (const auto value = find(key))
            message = daemons::as_written(std::move(message), *value);
    return message;
}

}  // namespace daemons
