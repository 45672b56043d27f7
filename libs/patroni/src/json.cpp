#include "json.h"

#include <Poco/Exception.h>
#include <Poco/JSON/ParseHandler.h>
#include <Poco/JSON/Parser.h>

namespace patroni {

using Poco::Dynamic::Var;

namespace {

// A member takes about 20 values. POCO's tree costs some 300 bytes each, so that a body of
// nothing but brackets would take hundreds of megabytes without this.
constexpr std::size_t kMaxValues = 50'000;

/// Builds POCO's tree and gives up on a body that holds more than any cluster has.
class BoundedParseHandler final : public Poco::JSON::ParseHandler {
  public:
    void startObject() override { count(), ParseHandler::startObject(); }
    void startArray() override { count(), ParseHandler::startArray(); }
    void key(const std::string& k) override { count(), ParseHandler::key(k); }
    void null() override { count(), ParseHandler::null(); }
    void value(int v) override { count(), ParseHandler::value(v); }
    void value(unsigned v) override { count(), ParseHandler::value(v); }
    void value(Poco::Int64 v) override { count(), ParseHandler::value(v); }
    void value(Poco::UInt64 v) override { count(), ParseHandler::value(v); }
    void value(const std::string& v) override { count(), ParseHandler::value(v); }
    void value(double v) override { count(), ParseHandler::value(v); }
    void value(bool v) override { count(), ParseHandler::value(v); }

  private:
    void count() {
        if (++values_ > kMaxValues)
            throw Poco::DataFormatException("too many values");
    }

    std::size_t values_ = 0;
};

}  // namespace

Result<Poco::JSON::Object::Ptr> parse_json_object(std::string_view body) {
    try {
        Poco::JSON::Parser parser(new BoundedParseHandler);
        const Var root = parser.parse(std::string(body));
        if (root.type() != typeid(Poco::JSON::Object::Ptr))
            return Failure{"the answer is not a JSON object"};
        return root.extract<Poco::JSON::Object::Ptr>();
    } catch (const Poco::Exception& error) {
        return Failure{"the answer is not JSON: " + error.displayText()};
    }
}

std::string text_of(const Poco::JSON::Object& object, const std::string& key) {
    const Var value = object.get(key);
    return value.isString() ? value.extract<std::string>() : std::string{};
}

std::optional<std::uint64_t> number_of(const Poco::JSON::Object& object, const std::string& key) {
    const Var value = object.get(key);
    if (!value.isInteger() || value.isBoolean())
        return std::nullopt;
    if (value.isSigned() && value.convert<Poco::Int64>() < 0)
        return std::nullopt;
    return value.convert<Poco::UInt64>();
}

bool flag_of(const Poco::JSON::Object& object, const std::string& key) {
    const Var value = object.get(key);
    return value.isBoolean() && value.extract<bool>();
}

}  // namespace patroni
