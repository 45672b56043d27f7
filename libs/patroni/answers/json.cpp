#include "patroni/answers/json.h"

#include <algorithm>
#include <charconv>
#include <system_error>

#include <Poco/Exception.h>
#include <Poco/JSON/ParseHandler.h>
#include <Poco/JSON/Parser.h>

namespace patroni {

using Poco::Dynamic::Var;

namespace {

struct TooManyValues {};

/// Builds POCO's tree and gives up on a body that holds too many values.
class BoundedParseHandler final : public Poco::JSON::ParseHandler {
  public:
    explicit BoundedParseHandler(std::size_t most_values) : most_values_(most_values) {}

    void startObject() override {
        count();
        ParseHandler::startObject();
    }
    void startArray() override {
        count();
        ParseHandler::startArray();
    }
    void key(const std::string& k) override {
        count();
        ParseHandler::key(k);
    }
    void null() override {
        count();
        ParseHandler::null();
    }
    void value(int v) override {
        count();
        ParseHandler::value(v);
    }
    void value(unsigned v) override {
        count();
        ParseHandler::value(v);
    }
    void value(Poco::Int64 v) override {
        count();
        ParseHandler::value(v);
    }
    void value(Poco::UInt64 v) override {
        count();
        ParseHandler::value(v);
    }
    void value(const std::string& v) override {
        count();
        ParseHandler::value(v);
    }
    void value(double v) override {
        count();
        ParseHandler::value(v);
    }
    void value(bool v) override {
        count();
        ParseHandler::value(v);
    }

  private:
    void count() {
        if (++values_ > most_values_)
            throw TooManyValues{};
    }

    const std::size_t most_values_;
    std::size_t values_ = 0;
};

// A tag may be any number that YAML can express. Longer ones are left alone.
constexpr std::size_t kMaxNumber = 1'000;

bool is_part_of_number(char c) {
    return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

template <typename Number>
bool fits(std::string_view token) {
    Number number{};
    return std::from_chars(token.data(), token.data() + token.size(), number).ec !=
           std::errc::result_out_of_range;
}

/// Whether POCO would reject the whole body because of it: a number beyond 64 bits, or what Python
/// writes for NaN and infinity.
bool is_no_number(std::string_view token) {
    if (token == "NaN" || token == "Infinity" || token == "-Infinity")
        return true;
    if (token.find_first_of(".eE") != std::string_view::npos)
        return !fits<double>(token);
    return token.front() == '-' ? !fits<std::int64_t>(token) : !fits<std::uint64_t>(token);
}

/// Where a token ends that is neither a string nor a bracket.
std::size_t end_of_token(std::string_view body, std::size_t begin) {
    for (const std::string_view word : {"NaN", "Infinity", "-Infinity"})
        if (body.substr(begin, word.size()) == word)
            return begin + word.size();
    std::size_t end = begin;
    while (end < body.size() && is_part_of_number(body[end]))
        ++end;
    return std::max(end, begin + 1);
}

std::size_t end_of_string(std::string_view body, std::size_t begin) {
    std::size_t end = begin + 1;
    while (end < body.size() && body[end] != '"')
        end += body[end] == '\\' ? 2 : 1;
    return std::min(end + 1, body.size());
}

/// The body with each number that POCO cannot read as a string, so that only that value is lost.
std::string with_numbers_that_fit(std::string_view body) {
    std::string result;
    result.reserve(body.size());
    for (std::size_t at = 0; at < body.size();) {
        const std::size_t end = body[at] == '"' ? end_of_string(body, at) : end_of_token(body, at);
        const std::string_view token = body.substr(at, end - at);
        const bool quotes = token.size() > 1 && token.size() <= kMaxNumber && token[0] != '"' &&
                            is_no_number(token);
        result.append(quotes ? "\"" : "").append(token).append(quotes ? "\"" : "");
        at = end;
    }
    return result;
}

}  // namespace

Result<Poco::JSON::Object::Ptr> parse_json_object(std::string_view body, std::size_t most_values) {
    try {
        Poco::JSON::Parser parser(new BoundedParseHandler(most_values));
        const Var root = parser.parse(with_numbers_that_fit(body));
        if (root.type() != typeid(Poco::JSON::Object::Ptr))
            return Failure{"the answer is not a JSON object"};
        return root.extract<Poco::JSON::Object::Ptr>();
    } catch (const TooManyValues&) {
        return Failure{"the answer holds more than " + std::to_string(most_values) + " values"};
    } catch (const Poco::Exception&) {
        return Failure{"the answer is not JSON"};
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
