// The fields of one member in GET /cluster.

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "parsed_cluster.h"
#include "patroni/answers/cluster_parser.h"

namespace patroni::parser_tests {
namespace {

/// A member with every field, each as JSON.
std::map<std::string, std::string> all_fields() {
    return {{"name", R"("p1")"},         {"role", R"("replica")"},
            {"state", R"("streaming")"}, {"api_url", R"("http://127.0.0.11:8008/patroni")"},
            {"host", R"("127.0.0.11")"}, {"port", "5432"},
            {"timeline", "7"},           {"lag", "42"},
            {"tags", R"({"zone": "a"})"}};
}

std::string json_of(const std::map<std::string, std::string>& fields) {
    std::string json;
    for (const auto& [key, value] : fields)
        json += (json.empty() ? "\"" : ", \"") + key + "\": " + value;
    return json;
}

/// What a member with all fields is without `field`.
Member without(const std::string& field) {
    Member member = member_of(1, "replica", "streaming", 7, 42, {{"zone", "a"}});
    if (field == "role") {
        member.role_name.clear();
        member.role = Role::unknown;
    } else if (field == "state") {
        member.state_name.clear();
        member.state = State::unknown;
    } else if (field == "api_url") {
        member.api_url.clear();
    } else if (field == "host") {
        member.host.clear();
    } else if (field == "port") {
        member.port.reset();
    } else if (field == "timeline") {
        member.timeline.reset();
    } else if (field == "lag") {
        member.lag.reset();
    } else if (field == "tags") {
        member.tags.clear();
    }
    return member;
}

TEST(ClusterParserTest, AMissingFieldCostsThatFieldAlone) {
    EXPECT_EQ(member_from(json_of(all_fields())), without("nothing"));
    for (const auto& [field, value] : all_fields()) {
        if (field == "name")
            continue;
        auto fields = all_fields();
        fields.erase(field);
        EXPECT_EQ(member_from(json_of(fields)), without(field)) << field;
    }
}

TEST(ClusterParserTest, AFieldOfTheWrongTypeCostsThatFieldAlone) {
    for (const auto& [field, value] : all_fields())
        for (const std::string wrong : {"null", "true", "[]", "[5432]", "{}", "-1", "1.5", "1e3"}) {
            if (field == "name")
                continue;
            // An object is the right type for tags, and an empty one has none.
            auto fields = all_fields();
            fields[field] = wrong;
            EXPECT_EQ(member_from(json_of(fields)), without(field)) << field << ": " << wrong;
        }
    for (const std::string field : {"port", "timeline", "lag", "tags"}) {
        auto fields = all_fields();
        fields[field] = R"("5432")";
        EXPECT_EQ(member_from(json_of(fields)), without(field)) << field;
    }
    for (const std::string field : {"role", "state", "host", "api_url"}) {
        auto fields = all_fields();
        fields[field] = "5432";
        EXPECT_EQ(member_from(json_of(fields)), without(field)) << field;
    }
}

TEST(ClusterParserTest, OneBrokenMemberLeavesTheOthersWhole) {
    const auto good = json_of(all_fields());
    const auto members =
        parsed(R"({"members": [{"name": "p0", "host": 5, "lag": {}}, {)" + good + "}, {}]}")
            .members;
    Member broken;
    broken.name = "p0";
    EXPECT_EQ(members, (std::vector<Member>{broken, without("nothing")}));
}

TEST(ClusterParserTest, PortsAreFrom1To65535) {
    const std::vector<std::pair<std::string, std::optional<std::uint16_t>>> cases{
        {"1", 1},
        {"65535", 65535},
        {"0", kUnknown},
        {"65536", kUnknown},
        {"-5432", kUnknown},
        {"4294972728", kUnknown},  // 5432 in its lower 16 bits
    };
    for (const auto& [json, port] : cases)
        EXPECT_EQ(member_from("\"port\": " + json).port, port) << json;
}

TEST(ClusterParserTest, NumbersReachToTheEndOf64Bits) {
    const std::vector<std::pair<std::string, std::optional<std::uint64_t>>> cases{
        {"0", 0},
        {"4294967296", 4'294'967'296},
        {"9223372036854775807", 9'223'372'036'854'775'807U},
        {"9223372036854775808", 9'223'372'036'854'775'808U},
        {"18446744073709551615", ~0ULL},
        {"-1", kUnknown},
        {"-9223372036854775808", kUnknown},
    };
    for (const auto& [json, number] : cases) {
        const auto member = member_from("\"lag\": " + json + ", \"timeline\": " + json);
        EXPECT_EQ(member.lag, number) << json;
        EXPECT_EQ(member.timeline, number) << json;
    }
}

TEST(ClusterParserTest, ANumberBeyond64BitsIsTheOneValueThatIsUnknown) {
    for (const std::string json :
         {"18446744073709551616", "99999999999999999999999", "1e400", "-99999999999999999999999",
          "-9223372036854775809", "NaN", "Infinity", "-Infinity", "1.5", "-1e999"}) {
        const auto member =
            member_from(R"("port": 5432, "timeline": )" + json + R"(, "lag": )" + json +
                        R"(, "tags": {"asset": )" + json + R"(, "zone": "a"})");
        EXPECT_EQ(member.lag, kUnknown) << json;
        EXPECT_EQ(member.timeline, kUnknown) << json;
        EXPECT_EQ(member.port, 5432) << json;
        EXPECT_EQ(member.tags, (Tags{{"asset", json}, {"zone", "a"}}));
    }
}

TEST(ClusterParserTest, NumbersInTextsAreTexts) {
    const std::string text = R"(a \" 99999999999999999999, NaN: [-Infinity] \\)";
    EXPECT_EQ(member_from(R"("host": ")" + text + R"(", "port": 1)").host,
              R"(a " 99999999999999999999, NaN: [-Infinity] \)");
}

TEST(ClusterParserTest, TellsWhetherReplayLagIsIn) {
    EXPECT_FALSE(member_from(R"("lag": 5)").tells_replay_lag);
    EXPECT_FALSE(member_from(R"("lag": 5, "replay_lag": "unknown")").tells_replay_lag);
    EXPECT_TRUE(member_from(R"("lag": 5, "replay_lag": 7)").tells_replay_lag);
}

TEST(ClusterParserTest, LagIsTheLargerOfReceivedAndReplayed) {
    const std::vector<std::pair<std::string, std::optional<std::uint64_t>>> cases{
        {R"("lag": 5)", 5},
        {R"("lag": "unknown")", kUnknown},
        {R"("lag": 0, "receive_lag": 0, "replay_lag": 31558032)", 31'558'032},
        {R"("lag": 7, "replay_lag": 3)", 7},
        {R"("lag": 7, "replay_lag": 7)", 7},
        // A member that is not upgraded yet, as a Patroni of 4.1 shows it.
        {R"("lag": 7, "receive_lag": "unknown", "replay_lag": "unknown")", 7},
        {R"("lag": "unknown", "replay_lag": 0)", kUnknown},
        {R"("lag": "unknown", "replay_lag": "unknown")", kUnknown},
        {R"("replay_lag": 5)", kUnknown},
        {R"("receive_lag": 5)", kUnknown},
    };
    for (const auto& [json, lag] : cases)
        EXPECT_EQ(member_from(json).lag, lag) << json;
}

TEST(ClusterParserTest, TagsKeepTheirPlainValuesAsText) {
    EXPECT_EQ(member_from(R"("tags": {"noloadbalance": true, "nofailover": false, "priority": 10,
                                       "weight": 0.50, "release": 2.0, "zone": "a", "text": "true", "empty": "",
                                       "none": null, "list": [1], "map": {"zone": "b"}})")
                  .tags,
              (Tags{{"noloadbalance", "true"},
                    {"nofailover", "false"},
                    {"priority", "10"},
                    {"weight", "0.5"},
                    {"release", "2"},
                    {"zone", "a"},
                    {"text", "true"},
                    {"empty", ""}}));
}

TEST(ClusterParserTest, ATextThatIsTooLongCostsThatFieldAlone) {
    const std::string longest(255, 'x');
    EXPECT_EQ(member_from(R"("host": ")" + longest + '"').host, longest);
    for (const auto& [field, size] : std::map<std::string, std::size_t>{
             {"role", 256}, {"state", 256}, {"host", 256}, {"api_url", 2'049}}) {
        auto fields = all_fields();
        fields[field] = '"' + std::string(size, 'x') + '"';
        EXPECT_EQ(member_from(json_of(fields)), without(field)) << field;
    }
}

TEST(ClusterParserTest, AnEntryWhoseNameIsTooLongIsOneWithoutAName) {
    const std::string good = R"({"name": "p1", "role": "leader", "state": "running"})";
    const auto snapshot = parsed(R"({"scope": ")" + std::string(256, 's') + R"(", "members": [)" +
                                 good + R"(, {"name": ")" + std::string(256, 'n') +
                                 R"(", "role": "replica", "state": "running"}]})");
    EXPECT_EQ(snapshot.members.size(), 1U);
    EXPECT_EQ(snapshot.nameless, 1U);
    EXPECT_EQ(snapshot.scope, "");
}

TEST(ClusterParserTest, OfTagsAsManyAreKeptAsAnybodyNeeds) {
    std::string many;
    for (int i = 0; i < 1'000; ++i)
        many.append(many.empty() ? "\"" : ", \"").append(std::to_string(i)).append("\": 1");
    EXPECT_EQ(member_from(R"("tags": {)" + many + "}").tags.size(), 100U);
    // 4 KiB with the tag's own name.
    const std::string large = R"("a": ")" + std::string(4'095, 'x');
    EXPECT_EQ(member_from(R"("tags": {)" + large + R"(", "b": ""})").tags,
              (Tags{{"a", std::string(4'095, 'x')}}));
    EXPECT_EQ(member_from(R"("tags": {)" + large + R"(x", "zone": "b"})").tags,
              (Tags{{"zone", "b"}}));
    // One that keeps clients away is kept whatever stands before it.
    EXPECT_EQ(member_from(R"("tags": {)" + many + R"(, "noloadbalance": true})").tags.size(), 101U);
}

TEST(ClusterParserTest, TextIsReadInUnicodeWrittenEitherWay) {
    EXPECT_EQ(member_from(R"("name": "b\u00e4r \ud83d\udc18 ж")").name, "bär 🐘 ж");
    EXPECT_EQ(member_from(R"("name": "quote \" slash \\ \/ line \n")").name,
              "quote \" slash \\ / line \n");
}

TEST(ClusterParserTest, HostsMayBeNamesOrIpv6Addresses) {
    for (const std::string host : {"pg1.example.com", "2001:db8::7", "127.0.0.11"})
        EXPECT_EQ(member_from("\"host\": \"" + host + "\"").host, host);
}

}  // namespace
}  // namespace patroni::parser_tests
