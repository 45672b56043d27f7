#include "patroni_proxy/control/control_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace proxy {
namespace {

using testing::HasSubstr;

const std::string kToken = "0123456789abcdef";

int refused(const std::string& authorization, const ControlAccess& access) {
    daemons::HttpRequest request{"POST", "/reload"};
    request.authorization = authorization;
    const auto response = refuse_access(request, access);
    return response ? response->status : 0;
}

TEST(ControlApiTest, OnTheHttpApiATokenIsNeeded) {
    EXPECT_EQ(refused("", {.everybody = true}), 0);
    EXPECT_EQ(refused("", {}), 403);
    EXPECT_EQ(refused("Bearer ", {}), 403) << "no token is no password";
    EXPECT_EQ(refused("", {.token = kToken}), 401);
    EXPECT_EQ(refused("Bearer " + kToken + "0", {.token = kToken}), 401);
    EXPECT_EQ(refused("Bearer 0123456789abcdeg", {.token = kToken}), 401);
    EXPECT_EQ(refused(kToken, {.token = kToken}), 401);
    EXPECT_EQ(refused("Bearer " + kToken, {.token = kToken}), 0);
    EXPECT_THAT(refuse_access({"POST", "/reload"}, {})->body.str(), HasSubstr("control socket"));
}

TEST(ControlApiTest, SessionsAreForThisHostAndForWhomeverTheFileTrusts) {
    const auto status = [](const daemons::HttpPeer& peer, const ControlAccess& access,
                           const std::string& authorization = {}) {
        daemons::HttpRequest request{"GET", "/sessions"};
        request.peer = peer;
        request.authorization = authorization;
        const auto response = refuse_sessions(request, access);
        return response ? response->status : 0;
    };
    const daemons::HttpPeer stranger{.address = "10.0.0.7"};
    EXPECT_EQ(status(stranger, {}), 403);
    EXPECT_EQ(status(stranger, {.token = kToken}), 401);
    EXPECT_EQ(status(stranger, {.token = kToken}, "Bearer " + kToken), 0);
    EXPECT_EQ(status(stranger, {.has_certificates = true}), 0);
    EXPECT_EQ(status(stranger, {.everybody = true}), 0);
    EXPECT_EQ(status({.address = "::2"}, {}), 403);
    EXPECT_EQ(status({}, {}), 403) << "nobody knows where it comes from";
    for (const char* address : {"127.0.0.1", "127.1.2.3", "::1"})
        EXPECT_EQ(status({.address = address}, {.token = kToken}), 0) << address;
    EXPECT_EQ(status({.process = daemons::HttpPeer::Process{1000, 42}}, {}), 0);
}

TEST(ControlApiTest, AProxyOrAPageOnThisHostGetsNoSessionsForOthers) {
    daemons::HttpRequest request{"GET", "/sessions"};
    request.peer.address = "127.0.0.1";
    const auto is_shown = [&] { return !refuse_sessions(request, {}).has_value(); };
    for (const char* host : {"", "localhost", "localhost:8009", "127.0.0.1", "127.0.0.1:8009",
                             "[::1]", "[::1]:8009", "10.0.0.1:8009"}) {
        request.host = host;
        EXPECT_TRUE(is_shown()) << host;
    }
    for (const char* host : {"evil.example", "evil.example:8009", "localhost.evil.example",
                             "127.0.0.1.evil.example:8009", "evil.localhost"}) {
        request.host = host;
        EXPECT_FALSE(is_shown()) << host << ": DNS may say anything";
    }
    request.host = "127.0.0.1:8009";
    request.is_forwarded = true;
    EXPECT_FALSE(is_shown());
    request.peer = {.process = daemons::HttpPeer::Process{33, 42}};
    EXPECT_FALSE(is_shown()) << "over a unix socket";
    request.is_forwarded = false;
    request.host = "evil.example";
    EXPECT_TRUE(is_shown()) << "no page reaches a unix socket";
    request.is_forwarded = true;
    EXPECT_FALSE(refuse_sessions(request, {.everybody = true}));
    request.authorization = "Bearer " + kToken;
    EXPECT_FALSE(refuse_sessions(request, {.token = kToken}));
}

}  // namespace
}  // namespace proxy
