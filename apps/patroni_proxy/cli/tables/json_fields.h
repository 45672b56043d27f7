#pragma once

#include <string>

#include <Poco/JSON/Object.h>

// Fields of the daemon's answers, of whatever type they are. Sources of this room only: POCO stays
// inside them.
namespace proxy::cli {

/// Text, or a number as text; empty if it is neither.
inline std::string shown_text(const Poco::JSON::Object& object, const std::string& key) {
    const Poco::Dynamic::Var value = object.get(key);
    return value.isString() || (value.isNumeric() && !value.isBoolean())
               ? value.convert<std::string>()
               : "";
}

inline double seconds_or_zero(const Poco::JSON::Object& object, const std::string& key) {
    const Poco::Dynamic::Var value = object.get(key);
    return value.isNumeric() && !value.isBoolean() ? value.convert<double>() : 0;
}

}  // namespace proxy::cli
