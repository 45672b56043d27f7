#include "patroni/cluster_parser.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <Poco/Exception.h>
#include <Poco/JSON/Array.h>
#include <Poco/JSON/Object.h>
#include <Poco/JSON/ParseHandler.h>
#include <Poco/JSON/Parser.h>

namespace patroni {
namespace {

using Poco::Dynamic::Var;

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

std::optional<std::uint16_t> port_of(const Poco::JSON::Object& object) {
    const auto number = number_of(object, "port");
    if (!number || *number == 0 || *number > std::numeric_limits<std::uint16_t>::max())
        return std::nullopt;
    return static_cast<std::uint16_t>(*number);
}

// Patroni 4 tells received and replayed lag apart; `lag` alone is what was received. Rows that are
// received but not replayed are as absent to a reader as rows that never came.
std::optional<std::uint64_t> lag_of(const Poco::JSON::Object& object) {
    const auto received = number_of(object, "lag");
    const auto replayed = number_of(object, "replay_lag");
    if (!received || !object.has("replay_lag"))
        return received;
    return replayed ? std::max(received, replayed) : std::nullopt;
}

std::map<std::string, std::string> tags_of(const Poco::JSON::Object& object) {
    std::map<std::string, std::string> tags;
    const auto source = object.getObject("tags");
    if (!source)
        return tags;
    for (const auto& [tag, value] : *source)
        if (value.isString() || value.isNumeric() || value.isBoolean())
            tags.emplace(tag, value.convert<std::string>());
    return tags;
}

Member member_from(const Poco::JSON::Object& object) {
    Member member;
    member.name = text_of(object, "name");
    member.role_name = text_of(object, "role");
    member.role = role_from(member.role_name);
    member.state_name = text_of(object, "state");
    member.state = state_from(member.state_name);
    member.host = text_of(object, "host");
    member.port = port_of(object);
    member.timeline = number_of(object, "timeline");
    member.lag = lag_of(object);
    member.tags = tags_of(object);
    member.api_url = text_of(object, "api_url");
    return member;
}

Result<ClusterSnapshot> snapshot_from(const Poco::JSON::Object& object) {
    const auto members = object.getArray("members");
    if (!members)
        return Failure{"the answer has no list of members"};
    ClusterSnapshot snapshot;
    for (const Var& element : *members)
        if (element.type() == typeid(Poco::JSON::Object::Ptr))
            snapshot.members.push_back(member_from(*element.extract<Poco::JSON::Object::Ptr>()));
    const Var pause = object.get("pause");
    snapshot.paused = pause.isBoolean() && pause.extract<bool>();
    snapshot.scope = text_of(object, "scope");
    return snapshot;
}

}  // namespace

Result<ClusterSnapshot> parse_cluster(std::string_view body) {
    try {
        Poco::JSON::Parser parser(new BoundedParseHandler);
        const Var root = parser.parse(std::string(body));
        if (root.type() != typeid(Poco::JSON::Object::Ptr))
            return Failure{"the answer is not a JSON object"};
        return snapshot_from(*root.extract<Poco::JSON::Object::Ptr>());
    } catch (const Poco::Exception& error) {
        return Failure{"the answer is not JSON: " + error.displayText()};
    }
}

}  // namespace patroni
