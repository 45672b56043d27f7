#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <Poco/JSON/Object.h>

#include "patroni/result.h"

// What Patroni's JSON is read with. A key that is absent, holds another type or a number beyond 64
// bits reads as absent; such a number reads as its own text.
namespace patroni {

/// Fails on what is not one JSON object, and on a body that holds more values than any cluster
/// has: POCO's tree costs some 300 bytes a value, so that 1 MiB of brackets would take 296 MB.
[[nodiscard]] Result<Poco::JSON::Object::Ptr> parse_json_object(std::string_view body);

[[nodiscard]] std::string text_of(const Poco::JSON::Object& object, const std::string& key);
/// Not negative.
[[nodiscard]] std::optional<std::uint64_t> number_of(const Poco::JSON::Object& object,
                                                     const std::string& key);
[[nodiscard]] bool flag_of(const Poco::JSON::Object& object, const std::string& key);

}  // namespace patroni
