#include "patroni_proxy/control/control_request.h"

#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace proxy {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using Query = std::map<std::string, std::string>;
using Verb = ControlRequest::Verb;

ControlRequest parsed(const std::string& path, const Query& query = {}) {
    const auto result = parse_control_request("POST", path, query);
    EXPECT_TRUE(result.request) << path << ": " << result.error;
    return result.request.value_or(ControlRequest{});
}
std::string error_of(const std::string& path, const Query& query = {}, int status = 400,
                     const std::string& method = "POST") {
    const auto result = parse_control_request(method, path, query);
    EXPECT_FALSE(result.request) << path;
    EXPECT_EQ(result.status, status) << path << ": " << result.error;
    return result.error;
}

TEST(ControlRequestTest, ReadsEachVerbWithItsNames) {
    const struct {
        std::string path;
        Verb verb;
        std::string cluster;
        std::string name;
    } cases[]{
        {"/members/main/p1/drain", Verb::drain, "main", "p1"},
        {"/members/main/p1/ready", Verb::ready, "main", "p1"},
        {"/members/main/a/b/drain", Verb::drain, "main", "a/b"},
        {"/ports/main/rw/hold", Verb::hold, "main", "rw"},
        {"/ports/main/rw/release", Verb::release, "main", "rw"},
        {"/ports/main/rw/disable", Verb::disable, "main", "rw"},
        {"/ports/main/rw/enable", Verb::enable, "main", "rw"},
        {"/clusters/main/freeze", Verb::freeze, "main", ""},
        {"/clusters/main/unfreeze", Verb::unfreeze, "main", ""},
        {"/reload", Verb::reload, "", ""},
        {"/upgrade", Verb::upgrade, "", ""},
    };
    for (const auto& [path, verb, cluster, name] : cases) {
        EXPECT_TRUE(is_control_path(path)) << path;
        const auto request = parsed(path);
        EXPECT_EQ(request.verb, verb) << path;
        EXPECT_EQ(request.cluster, cluster) << path;
        EXPECT_EQ(request.name, name) << path;
    }
    for (const auto* path : {"/", "/status", "/ready/main/rw", "/reloads", "/members", "/sessions"})
        EXPECT_FALSE(is_control_path(path)) << path;
}

TEST(ControlRequestTest, ReadsTermsAndValues) {
    const auto drain =
        parsed("/members/main/p1/drain",
               {{"for", "2h"}, {"why", "new kernel"}, {"port", "rw"}, {"maintenance", "true"}});
    EXPECT_EQ(drain.terms.lasts_for, 2h);
    EXPECT_EQ(drain.terms.why, "new kernel");
    EXPECT_EQ(drain.port, "rw");
    EXPECT_TRUE(drain.terms.maintenance);
    EXPECT_EQ(parsed("/members/main/p1/cap", {{"sessions", "20"}}).sessions, 20U);
    EXPECT_EQ(parsed("/members/main/p1/cap", {{"sessions", "none"}}).sessions, std::nullopt);
    EXPECT_EQ(parsed("/log_level", {{"level", "debug"}}).level, daemons::log::Level::debug);
    EXPECT_EQ(parsed("/ports/main/rw/hold", {{"for", "1500ms"}}).terms.lasts_for, 2s);
}

TEST(ControlRequestTest, SaysWhatIsWrongAndWhatIsAllowed) {
    EXPECT_EQ(error_of("/members/main/p1/drain", {}, 405, "GET"), "a change needs POST, not 'GET'");
    EXPECT_EQ(error_of("/members/main/p1/stop", {}, 404),
              "no such verb: '/members/main/p1/stop'; members have drain, ready, cap");
    EXPECT_EQ(error_of("/members/p1/drain", {}, 404),
              "the path must be /members/CLUSTER/MEMBER/drain");
    EXPECT_EQ(error_of("/clusters//freeze", {}, 404), "the path must be /clusters/CLUSTER/freeze");
    EXPECT_EQ(error_of("/ports/main/rw/hold", {{"rate", "3"}}),
              "hold has no parameter 'rate'; it has for, why");
    EXPECT_EQ(error_of("/ports/main/rw/release", {{"x", ""}}),
              "release has no parameter 'x'; it has none");
    EXPECT_EQ(error_of("/members/main/p1/cap"), "cap needs the parameter sessions");
    EXPECT_THAT(error_of("/ports/main/rw/hold", {{"for", "soon"}}),
                HasSubstr("for must be a time of at least a second"));
    EXPECT_THAT(error_of("/ports/main/rw/hold", {{"for", "10ms"}}), HasSubstr("it is '10ms'"));
    EXPECT_THAT(error_of("/members/main/p1/cap", {{"sessions", "-1"}}), HasSubstr("it is '-1'"));
    EXPECT_THAT(error_of("/members/main/p1/cap", {{"sessions", "4294967296"}}),
                HasSubstr("must be a number"));
    EXPECT_THAT(error_of("/log_level", {{"level", "loud"}}), HasSubstr("error, warning, info"));
    EXPECT_THAT(error_of("/members/main/p1/drain", {{"port", ""}}), HasSubstr("name of a port"));
}

TEST(ControlRequestTest, EchoesHostileInputShortAndOnOneLine) {
    const std::string hostile = "\n\x1b[31m" + std::string(10'000, 'x');
    const auto error = error_of("/members/main/p1/drain", {{hostile, ""}});
    EXPECT_LT(error.size(), 300U);
    EXPECT_EQ(error.find('\n'), std::string::npos);
    EXPECT_EQ(error.find('\x1b'), std::string::npos);
    EXPECT_LT(error_of("/members/" + hostile, {}, 404).size(), 300U);
}

TEST(ControlRequestTest, ADrainMayHaveAPace) {
    EXPECT_FALSE(parsed("/members/main/p1/drain").terms.pace);
    const auto both = parsed("/members/main/p1/drain", {{"rate", "2.5"}, {"within", "5m"}});
    ASSERT_TRUE(both.terms.pace);
    EXPECT_EQ(both.terms.pace->rate, 2.5);
    EXPECT_EQ(both.terms.pace->within, 300s);
    const auto within = parsed("/members/main/p1/drain", {{"within", "10s"}});
    ASSERT_TRUE(within.terms.pace);
    EXPECT_EQ(within.terms.pace->rate, DrainPace::kDefaultRate);
    for (const auto* rate : {"", "0", "-1", "nan", "inf", "1e9", "20/s"})
        EXPECT_THAT(error_of("/members/main/p1/drain", {{"rate", rate}}),
                    HasSubstr("rate must be"));
    EXPECT_THAT(error_of("/members/main/p1/drain", {{"within", "0"}}), HasSubstr("within must be"));
}

TEST(ControlRequestTest, ClosingSessionsNeedsToSayWhich) {
    EXPECT_TRUE(is_control_path("/sessions/close"));
    EXPECT_FALSE(is_control_path("/sessions"));
    const auto request = parsed("/sessions/close", {{"member", "p1"}, {"cluster", "main"}});
    EXPECT_EQ(request.verb, Verb::close);
    EXPECT_EQ(request.filter.member, "p1");
    EXPECT_THAT(error_of("/sessions/close"), HasSubstr("say which sessions to close"));
    EXPECT_THAT(error_of("/sessions/close", {{"limit", "3"}}), HasSubstr("say which"));
    (void)error_of("/sessions/close", {{"member", ""}});
    (void)error_of("/sessions/close", {{"member", "p1"}}, 405, "GET");
}

}  // namespace
}  // namespace proxy
