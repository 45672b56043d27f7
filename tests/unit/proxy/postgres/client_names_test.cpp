#include "patroni_proxy/postgres/client_names.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "patroni_proxy/postgres/postgres_messages.h"
#include "postgres_bytes.h"

namespace proxy {
namespace {

using namespace std::string_literals;

TEST(ClientNamesTest, NothingIsKnownBeforeThePacket) {
    const ClientNames names;
    EXPECT_FALSE(names.known());
    EXPECT_EQ(names.user(), "");
    EXPECT_EQ(names.application(), "");
}

TEST(ClientNamesTest, AreReadFromTheParameters) {
    const struct {
        const char* what;
        std::string parameters;
        const char* user;
        const char* database;
        const char* application;
    } cases[]{
        {"all", "user\0app\0database\0shop\0application_name\0web\0\0"s, "app", "shop", "web"},
        {"another order, and others",
         "client_encoding\0UTF8\0application_name\0web\0database\0shop\0user\0app\0\0"s, "app",
         "shop", "web"},
        {"no database", "user\0app\0\0"s, "app", "app", ""},
        {"an empty one", "user\0app\0database\0\0application_name\0web\0\0"s, "app", "app", "web"},
        {"nothing", "\0"s, "", "", ""},
        {"no parameters", "", "", "", ""},
        {"a name without a value", "user\0app\0database"s, "app", "app", ""},
        {"a value without an end", "user\0app\0database\0shop"s, "app", "app", ""},
        {"what follows the end", "user\0app\0\0database\0shop\0"s, "app", "app", ""},
        {"one that is named twice", "user\0app\0user\0other\0\0"s, "other", "other", ""},
        {"a value like a name", "options\0user\0user\0app\0\0"s, "app", "app", ""},
    };
    for (const auto& [what, parameters, user, database, application] : cases) {
        const ClientNames names(four_bytes(8 + parameters.size()) + four_bytes(kProtocol30) +
                                parameters);
        EXPECT_TRUE(names.known()) << what;
        EXPECT_EQ(names.user(), user) << what;
        EXPECT_EQ(names.database(), database) << what;
        EXPECT_EQ(names.application(), application) << what;
    }
}

std::string user_of(const std::string& user) {
    return std::string(
        ClientNames(four_bytes(0) + four_bytes(kProtocol30) + "user\0"s + user + "\0\0"s).user());
}

TEST(ClientNamesTest, AreBoundedAsPostgresqlCutsThem) {
    EXPECT_EQ(user_of(std::string(63, 'u')), std::string(63, 'u'));
    EXPECT_EQ(user_of(std::string(64, 'u')).size(), 63U);
    EXPECT_EQ(user_of(std::string(kMaxRequest, 'u')).size(), 63U);
}

TEST(ClientNamesTest, AreOneLineOfPrintableText) {
    EXPECT_EQ(user_of("a\nINFO b"), "a\\nINFO b");
    EXPECT_EQ(user_of("\x1b[31m"), "\\u001b[31m");
    EXPECT_EQ(user_of("a\r\x7f"), "a\\r\\u007f");
    EXPECT_EQ(user_of("\xff\xfe"), "\xef\xbf\xbd\xef\xbf\xbd");
    EXPECT_EQ(user_of("M\xc3\xbcller"), "M\xc3\xbcller");
}

TEST(ClientNamesTest, AreSmall) {
    static_assert(sizeof(ClientNames) == sizeof(void*));
    ClientNames names(startup_packet());
    const ClientNames moved = std::move(names);
    EXPECT_EQ(moved.user(), "app");
    EXPECT_EQ(moved.database(), "shop");
}

}  // namespace
}  // namespace proxy
