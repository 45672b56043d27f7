#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <Poco/JSON/Object.h>

#include "patroni/result.h"

// How Patroni's JSON is read. A key that is absent, has another type, or holds a number beyond 64
// bits reads as absent; text_of() gives such a number as text.
namespace patroni {

/// More values than any cluster has: a member takes about 20.
inline constexpr std::size_t kMostValues = 50'000;

/// Fails unless the body is one JSON object, or if it holds more values than that: POCO's tree
/// costs some 300 bytes per value, so that 1 MiB of brackets would take 296 MB.
[[nodiscard]] Result<Poco::JSON::Object::Ptr> parse_json_object(
    std::string_view body, std::size_t most_values = kMostValues);

[[nodiscard]] std::string text_of(const Poco::JSON::Object& object, const std::string& key);
/// Integers from 0 on; anything else reads as absent.
[[nodiscard]] std::optional<std::uint64_t> number_of(const Poco::JSON::Object& object,
                                                     const std::string& key);
[[nodiscard]] bool flag_of(const Poco::JSON::Object& object, const std::string& key);

}  // namespace patroni
