#pragma once

#include <concepts>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

namespace daemons {

class Json;

// Converts a value. Give a type of your own a json_of() in its own namespace.
[[nodiscard]] Json json_of(const std::string& text);
template <typename Number>
requires std::is_arithmetic_v<Number>
[[nodiscard]] Json json_of(Number number);
template <typename Value>
[[nodiscard]] Json json_of(const std::optional<Value>& value);
template <typename Value>
[[nodiscard]] Json json_of(const std::map<std::string, Value>& map);
template <typename Value>
[[nodiscard]] Json json_of(const std::vector<Value>& list);

/// JSON for a status page: objects keep their keys in the order they are added, an unknown value is
/// null, and bytes that are not UTF-8 become U+FFFD, so that the result is always valid. Any
/// thread, one at a time; copies share what they hold.
class Json {
  public:
    /// null
    Json();
    static Json of(const std::string& text);
    static Json of(bool flag);
    static Json of(std::uint64_t number);
    /// Rounded to thousandths; null if JSON has no such number.
    static Json of(double number);
    static Json object();
    static Json list();

    /// To an object.
    template <typename Value>
    Json& add(const std::string& key, const Value& value) {
        return set(key, json_of(value));
    }
    Json& add(const std::string& key, const Json& value) { return set(key, value); }
    /// To a list.
    void append(const Json& value);

    /// Indented, with a newline at its end.
    [[nodiscard]] std::string text() const;

  private:
    struct Value;
    explicit Json(Value value);
    Json& set(const std::string& key, const Json& value);

    std::shared_ptr<Value> value_;
};

template <typename Number>
requires std::is_arithmetic_v<Number> Json json_of(Number number) {
    if constexpr (std::same_as<Number, bool>)
        return Json::of(number);
    else if constexpr (std::floating_point<Number>)
        return Json::of(double{number});
    else
        return Json::of(std::uint64_t{number});  // no negative ones: that does not compile
}

template <typename Value>
Json json_of(const std::optional<Value>& value) {
    return value ? json_of(*value) : Json();
}

template <typename Value>
Json json_of(const std::map<std::string, Value>& map) {
    Json object = Json::object();
    for (const auto& [key, value] : map)
        object.add(key, value);
    return object;
}

template <typename Value>
Json json_of(const std::vector<Value>& list) {
    Json array = Json::list();
    for (const auto& value : list)
        array.append(json_of(value));
    return array;
}

}  // namespace daemons
