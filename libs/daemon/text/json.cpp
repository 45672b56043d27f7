#include "daemon/text/json.h"

#include <cmath>
#include <sstream>
#include <utility>

#include <Poco/JSON/Array.h>
#include <Poco/JSON/Object.h>
#include <Poco/JSON/Stringifier.h>

#include "daemon/text/utf8.h"

namespace daemons {

struct Json::Value {
    Poco::Dynamic::Var var;
};

Json::Json() : Json(Value{}) {}
Json::Json(Value value) : value_(std::make_shared<Value>(std::move(value))) {}

Json Json::of(const std::string& text) {
    return Json(Value{valid_utf8(text)});
}
Json Json::of(bool flag) {
    return Json(Value{flag});
}
Json Json::of(std::uint64_t number) {
    return Json(Value{Poco::UInt64{number}});
}
Json Json::of(double number) {
    return std::isfinite(number) ? Json(Value{std::round(number * 1'000) / 1'000}) : Json();
}
Json Json::object() {
    return Json(
        Value{Poco::JSON::Object::Ptr(new Poco::JSON::Object(Poco::JSON_PRESERVE_KEY_ORDER))});
}
Json Json::list() {
    return Json(Value{Poco::JSON::Array::Ptr(new Poco::JSON::Array)});
}

Json& Json::set(const std::string& key, const Json& value) {
    Poco::JSON::Object::Ptr object = value_->var.extract<Poco::JSON::Object::Ptr>();
    object->set(valid_utf8(key), value.value_->var);
    return *this;
}

void Json::append(const Json& value) {
    Poco::JSON::Array::Ptr list = value_->var.extract<Poco::JSON::Array::Ptr>();
    list->add(value.value_->var);
}

std::string Json::text() const {
    std::ostringstream text;
    Poco::JSON::Stringifier::stringify(value_->var, text, 2);
    text << '\n';
    return text.str();
}

Json json_of(const std::string& text) {
    return Json::of(text);
}

}  // namespace daemons
