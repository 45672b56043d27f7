#include "patroni/answers/primary_parser.h"

#include <cstdint>
#include <limits>

#include "patroni/answers/json.h"

namespace patroni {
namespace {

constexpr std::uint64_t kMaxTime = std::numeric_limits<std::int64_t>::max();

// What an API says of itself is kept as long as the API is known, and an answer may hold a
// mebibyte.
constexpr std::size_t kMaxName = 1'024;

std::string bounded_text(const Poco::JSON::Object& object, const std::string& key) {
    return text_of(object, key).substr(0, kMaxName);
}

}  // namespace

Result<PrimaryAnswer> parse_primary(const std::string& member, int status, std::string_view body) {
    const auto object = parse_json_object(body);
    if (!object)
        return Failure{object.reason()};
    PrimaryAnswer answer;
    answer.member = member;
    answer.status = status;
    answer.role = bounded_text(*object.value(), "role");
    answer.state = bounded_text(*object.value(), "state");
    answer.timeline = number_of(*object.value(), "timeline");
    answer.paused = flag_of(*object.value(), "pause");
    if (const auto seen = number_of(*object.value(), "dcs_last_seen"); seen && *seen <= kMaxTime)
        answer.dcs_last_seen = static_cast<std::int64_t>(*seen);
    if (answer.role.empty() && answer.state.empty())
        return Failure{"status " + std::to_string(status) +
                       ": the answer has neither role nor state"};
    // Patroni gives no other status. What stands in front of it may, and that denies nothing.
    if (status != 200 && status != 503)
        return Failure{"status " + std::to_string(status) + " is neither 200 nor 503"};
    return answer;
}

Result<PositionAnswer> parse_position(const std::string& member, std::string_view body) {
    const auto object = parse_json_object(body);
    if (!object)
        return Failure{object.reason()};
    const auto xlog = object.value()->getObject("xlog");
    if (!xlog)
        return Failure{"the answer has no xlog"};
    auto position = number_of(*xlog, "location");
    if (!position)
        position = number_of(*xlog, "replayed_location");
    if (!position)
        return Failure{"the answer has no position"};
    return PositionAnswer{member, position};
}

Speaker parse_speaker(std::string_view body) {
    Speaker speaker;
    const auto object = parse_json_object(body);
    if (!object)
        return speaker;
    speaker.cluster.system_identifier = bounded_text(*object.value(), "database_system_identifier");
    if (const auto patroni = object.value()->getObject("patroni")) {
        speaker.cluster.scope = bounded_text(*patroni, "scope");
        speaker.name = bounded_text(*patroni, "name");
    }
    return speaker;
}

}  // namespace patroni
