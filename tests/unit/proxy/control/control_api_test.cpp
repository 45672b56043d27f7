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

}  // namespace
}  // namespace proxy
