#include "patroni/answers/cluster_parser.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <set>
#include <utility>

#include <Poco/DateTime.h>
#include <Poco/DateTimeFormat.h>
#include <Poco/DateTimeParser.h>
#include <Poco/JSON/Array.h>
#include <Poco/JSON/Object.h>

#include "patroni/answers/json.h"

namespace patroni {
namespace {

// An answer may hold a mebibyte. What is kept of it goes into the state file and to the next
// process, which have limits of their own.
constexpr std::size_t kLongestText = 255;
constexpr std::size_t kLongestUrl = 2'048;
constexpr std::size_t kMostTags = 100;
constexpr std::size_t kMostTagBytes = 4'096;
// The clock's nanoseconds end in 2262.
constexpr int kLastYear = 2200;

using Poco::Dynamic::Var;

/// What is longer reads as absent: cut off, two names could pass for one.
std::string short_text_of(const Poco::JSON::Object& object, const std::string& key,
                          std::size_t longest = kLongestText) {
    std::string text = text_of(object, key);
    if (text.size() > longest)
        text.clear();
    return text;
}

std::optional<std::uint16_t> port_of(const Poco::JSON::Object& object) {
    const auto number = number_of(object, "port");
    if (!number || *number == 0 || *number > std::numeric_limits<std::uint16_t>::max())
        return std::nullopt;
    return static_cast<std::uint16_t>(*number);
}

// Patroni 4.1 tells received and replayed lag apart; `lag` alone is what was received. Rows that
// are received but not replayed are as absent to a reader as rows that never came. Of a member
// whose own Patroni is older it writes `replay_lag: unknown`: then it knows no more than an older
// one.
std::optional<std::uint64_t> lag_of(const Poco::JSON::Object& object) {
    const auto received = number_of(object, "lag");
    const auto replayed = number_of(object, "replay_lag");
    return received && replayed ? std::max(received, replayed) : received;
}

std::string tag_text(const Var& value) {
    return value.isInteger() || !value.isNumeric() ? value.convert<std::string>()
                                                   : number_text(value.convert<double>());
}

std::map<std::string, std::string> tags_of(const Poco::JSON::Object& object) {
    std::map<std::string, std::string> tags;
    const auto source = object.getObject("tags");
    if (!source)
        return tags;
    std::size_t bytes = 0;
    for (const auto& [tag, value] : *source) {
        if (!value.isString() && !value.isNumeric() && !value.isBoolean())
            continue;
        std::string text = tag_text(value);
        const std::size_t size = tag.size() + text.size();
        // The tag that keeps clients away counts in any case.
        const bool excludes = tag == "noloadbalance" && text.size() <= kLongestText;
        if (!excludes && (tags.size() >= kMostTags || bytes + size > kMostTagBytes))
            continue;
        bytes += size;
        tags.emplace(tag, std::move(text));
    }
    return tags;
}

Member member_from(const Poco::JSON::Object& object) {
    Member member;
    member.name = short_text_of(object, "name");
    member.role_name = short_text_of(object, "role");
    member.role = role_from(member.role_name);
    member.state_name = short_text_of(object, "state");
    member.state = state_from(member.state_name);
    member.host = short_text_of(object, "host");
    member.port = port_of(object);
    member.timeline = number_of(object, "timeline");
    member.lag = lag_of(object);
    member.tells_replay_lag = number_of(object, "replay_lag").has_value();
    member.tags = tags_of(object);
    member.api_url = short_text_of(object, "api_url", kLongestUrl);
    return member;
}

/// A time that cannot be read is none: it only says when to look more often.
std::optional<std::chrono::system_clock::time_point> switchover_of(
    const Poco::JSON::Object& object) {
    const auto planned = object.getObject("scheduled_switchover");
    if (!planned)
        return std::nullopt;
    Poco::DateTime at;
    int zone = 0;  // seconds east of UTC
    if (!Poco::DateTimeParser::tryParse(Poco::DateTimeFormat::ISO8601_FRAC_FORMAT,
                                        text_of(*planned, "at"), at, zone) ||
        at.year() < 1970 || at.year() > kLastYear)
        return std::nullopt;
    at.makeUTC(zone);
    return std::chrono::system_clock::time_point(
        std::chrono::microseconds(at.timestamp().epochMicroseconds()));
}

Result<ClusterSnapshot> snapshot_from(const Poco::JSON::Object& object) {
    const auto members = object.getArray("members");
    if (!members)
        return Failure{"the answer has no list of members"};
    if (members->size() > kMostMembers)
        return Failure{"the answer has more than " + std::to_string(kMostMembers) + " members"};
    ClusterSnapshot snapshot;
    // A member is known by its name: with two of one name, either could pass for the leader.
    std::set<std::string> names;
    for (const Var& element : *members) {
        Member member;
        if (element.type() == typeid(Poco::JSON::Object::Ptr))
            member = member_from(*element.extract<Poco::JSON::Object::Ptr>());
        if (member.name.empty()) {
            ++snapshot.nameless;
            continue;
        }
        if (!names.insert(member.name).second)
            return Failure{"the answer lists two members named " + member.name};
        snapshot.members.push_back(std::move(member));
    }
    if (members->size() != 0 &&
        std::none_of(snapshot.members.begin(), snapshot.members.end(), is_readable))
        return Failure{"no member of the answer has a name, and a role and a state that are known"};
    snapshot.paused = flag_of(object, "pause");
    snapshot.scope = short_text_of(object, "scope");
    snapshot.switchover_at = switchover_of(object);
    return snapshot;
}

}  // namespace

Result<ClusterSnapshot> parse_cluster(std::string_view body) {
    const auto object = parse_json_object(body);
    return object ? snapshot_from(*object.value()) : Failure{object.reason()};
}

}  // namespace patroni
