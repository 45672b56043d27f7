#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "patroni/answers/cluster_parser.h"

namespace patroni {

/// What a failed comparison of members shows.
inline void PrintTo(const Member& member, std::ostream* out) {
    const auto number = [](const auto& value) {
        return value ? std::to_string(*value) : std::string("-");
    };
    *out << member.name << " " << member.role_name << " " << member.state_name << " " << member.host
         << ":" << number(member.port) << " timeline " << number(member.timeline) << " lag "
         << number(member.lag) << " " << member.api_url;
    for (const auto& [tag, value] : member.tags)
        *out << " " << tag << "=" << value;
}

namespace parser_tests {

using Tags = std::map<std::string, std::string>;

inline constexpr auto kUnknown = std::nullopt;

inline ClusterSnapshot parsed(const std::string& body) {
    const auto result = parse_cluster(body);
    if (!result) {
        ADD_FAILURE() << result.reason() << " in " << body.substr(0, 200);
        return {};
    }
    return result.value();
}

/// A member whose JSON is `fields` and a name that they may override, beside one that can be read.
inline Member member_from(const std::string& fields) {
    const auto snapshot = parsed(R"({"members": [{"name": "p1", )" + fields +
                                 R"(}, {"name": "p9", "role": "leader", "state": "running"}]})");
    EXPECT_EQ(snapshot.members.size(), 2U) << fields;
    return snapshot.members.empty() ? Member{} : snapshot.members.front();
}

inline std::string why_not(const std::string& body) {
    const auto result = parse_cluster(body);
    return result ? "it parsed" : result.reason();
}

/// A member of the clusters that were captured: pN on 127.0.0.1N.
inline Member member_of(int number, const std::string& role, const std::string& state,
                        std::optional<std::uint64_t> timeline, std::optional<std::uint64_t> lag,
                        Tags tags = {}) {
    const std::string digit = std::to_string(number);
    Member member;
    member.name = "p" + digit;
    member.role_name = role;
    member.role = role_from(role);
    member.state_name = state;
    member.state = state_from(state);
    member.host = "127.0.0.1" + digit;
    member.port = 5432;
    member.timeline = timeline;
    member.lag = lag;
    member.tags = std::move(tags);
    member.api_url = "http://127.0.0.1" + digit + ":8008/patroni";
    return member;
}

}  // namespace parser_tests
}  // namespace patroni
