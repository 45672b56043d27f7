#include "patroni/answers/primary_parser.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace patroni {
namespace {

using testing::StartsWith;

PrimaryAnswer parsed(int status, const std::string& body) {
    const auto result = parse_primary("p1", status, body);
    if (!result) {
        ADD_FAILURE() << result.reason() << " in " << body;
        return {};
    }
    return result.value();
}

TEST(PrimaryParserTest, ReadsWhatPatroniReallyAnswers) {
    // The primary of 4.x, its replication and other keys left in.
    const auto primary = parsed(
        200, R"({"state": "running", "postmaster_start_time": "2026-11-21 00:29:08.252695+00:00",
                 "role": "primary", "server_version": 150018, "xlog": {"location": 67108864},
                 "timeline": 1, "replication": [{"usename": "replicator", "state": "streaming"}],
                 "dcs_last_seen": 1795220949, "database_system_identifier": "7710415257899169791",
                 "patroni": {"version": "4.1.4", "scope": "testbed", "name": "p1"}})");
    EXPECT_EQ(primary.member, "p1");
    EXPECT_EQ(primary.status, 200);
    EXPECT_EQ(primary.role, "primary");
    EXPECT_EQ(primary.state, "running");
    EXPECT_EQ(primary.timeline, 1U);
    EXPECT_FALSE(primary.paused);
    EXPECT_EQ(primary.dcs_last_seen, 1795220949);
    // A paused one of 3.0.2, and the body of one that is not primary comes with 503.
    EXPECT_TRUE(parsed(200, R"({"state": "running", "role": "master", "timeline": 9,
                                "pause": true})")
                    .paused);
    EXPECT_EQ(parsed(503, R"({"state": "running", "role": "replica", "timeline": 9})").status, 503);
    EXPECT_EQ(parsed(503, R"({"state": "start failed", "role": "replica"})").timeline,
              std::nullopt);
}

TEST(PrimaryParserTest, WhatIsMissingOrOfTheWrongTypeIsEmpty) {
    EXPECT_EQ(parsed(200, R"({"role": "primary"})").state, "");
    EXPECT_EQ(parsed(200, R"({"state": "running", "role": 5})").role, "");
    EXPECT_EQ(parsed(200, R"({"role": "primary", "timeline": "5"})").timeline, std::nullopt);
    EXPECT_FALSE(parsed(200, R"({"role": "primary", "pause": "true"})").paused);
    // It waits for its first contact with the DCS, and two values that are no time.
    for (const std::string seen : {"null", "-1", "9223372036854775808"})
        EXPECT_EQ(
            parsed(503, R"({"role": "replica", "dcs_last_seen": )" + seen + "}").dcs_last_seen,
            std::nullopt)
            << seen;
    EXPECT_EQ(parsed(503, R"({"role": "replica"})").dcs_last_seen, std::nullopt);
    EXPECT_EQ(parsed(503, R"({"role": "replica", "dcs_last_seen": 0})").dcs_last_seen, 0);
}

TEST(PrimaryParserTest, RefusesAnythingElse) {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"", "the answer is not JSON"},
        {"<html>", "the answer is not JSON"},
        {R"({"state": "running", "role")", "the answer is not JSON"},
        {std::string(200'000, '['), "the answer is not JSON"},
        {"[]", "the answer is not a JSON object"},
        {"{}", "status 502: the answer has neither role nor state"},
        {R"({"role": 1, "state": 2})", "status 502: the answer has neither role nor state"},
    };
    for (const auto& [body, reason] : cases) {
        const auto result = parse_primary("p1", 502, body);
        ASSERT_FALSE(result) << body;
        EXPECT_THAT(result.reason(), StartsWith(reason)) << body.substr(0, 40);
    }
}

TEST(PrimaryParserTest, AStatusThatPatroniNeverGivesIsNoWordOfAMember) {
    for (const int status : {301, 302, 401, 404, 429, 500, 502, 504}) {
        const auto result =
            parse_primary("p1", status, R"({"role": "replica", "state": "running"})");
        ASSERT_FALSE(result) << status;
        EXPECT_EQ(result.reason(), "status " + std::to_string(status) + " is neither 200 nor 503");
    }
}

TEST(PrimaryParserTest, PositionIsWrittenOnAPrimaryAndReplayedOnAReplica) {
    const std::vector<std::pair<std::string, std::uint64_t>> cases{
        {R"({"xlog": {"location": 67108864}})", 67'108'864},
        {R"({"xlog": {"received_location": 9, "replayed_location": 7, "paused": false}})", 7},
        {R"({"xlog": {"location": 18446744073709551615}})", ~0ULL},
    };
    for (const auto& [body, position] : cases) {
        const auto result = parse_position("p2", body);
        ASSERT_TRUE(result) << result.reason();
        EXPECT_EQ(result.value().member, "p2");
        EXPECT_EQ(result.value().position, position);
    }
}

TEST(PrimaryParserTest, SaysWhyThereIsNoPosition) {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"", "the answer is not JSON"},
        {"[]", "the answer is not a JSON object"},
        {R"({"state": "starting"})", "the answer has no xlog"},
        {R"({"xlog": 5})", "the answer has no xlog"},
        {R"({"xlog": {}})", "the answer has no position"},
        // Received is not replayed.
        {R"({"xlog": {"received_location": 9, "replayed_location": null}})",
         "the answer has no position"},
        {R"({"xlog": {"location": "0/4000000"}})", "the answer has no position"},
        {R"({"xlog": {"location": -1}})", "the answer has no position"},
    };
    for (const auto& [body, reason] : cases) {
        const auto result = parse_position("p2", body);
        ASSERT_FALSE(result) << body;
        EXPECT_THAT(result.reason(), StartsWith(reason)) << body;
    }
}

TEST(PrimaryParserTest, WhatAnApiSaysOfItselfIsKeptUpToOneKibibyte) {
    const std::string name(1'024, 'p');
    for (const auto& told : {name, name + std::string(500'000, 'x')}) {
        const Speaker speaker = parse_speaker(R"({"database_system_identifier": ")" + told +
                                              R"(", "patroni": {"scope": ")" + told +
                                              R"(", "name": ")" + told + R"("}})");
        EXPECT_EQ(speaker.name, name);
        EXPECT_EQ(speaker.cluster.scope, name);
        EXPECT_EQ(speaker.cluster.system_identifier, name);
        const auto answer = parsed(503, R"({"role": ")" + told + R"(", "state": ")" + told + "\"}");
        EXPECT_EQ(answer.role, name);
        EXPECT_EQ(answer.state, name);
    }
}

}  // namespace
}  // namespace patroni
