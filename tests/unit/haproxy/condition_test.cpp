#include "haproxy/grammar/condition.h"

#include <gtest/gtest.h>

#include "haproxy_text.h"

namespace haproxy {
namespace {

Truth truth(const std::string& expression) {
    return evaluate(expression, {"h.cfg", 3}, known({{"X", "xval"}, {"ONE", "1"}}));
}

TEST(Condition, IsEvaluatedFromNumbersTextsAndVariables) {
    for (const auto& [expression, expected] :
         std::vector<std::pair<std::string, Truth>>{{"", Truth::no},
                                                    {"0", Truth::no},
                                                    {"1", Truth::yes},
                                                    {"!1", Truth::no},
                                                    {"\"$ONE\"", Truth::yes},
                                                    {"streq(\"$X\",xval)", Truth::yes},
                                                    {"streq(a,b) || streq(a,a)", Truth::yes},
                                                    {"strneq(a,a)", Truth::no},
                                                    {"strstr(abc,b)", Truth::yes},
                                                    {"strstr(abc,d)", Truth::no},
                                                    {"(1 && !0) && 1", Truth::yes},
                                                    {"1 && 0 || 1", Truth::yes},
                                                    {"defined(X)", Truth::yes}})
        EXPECT_EQ(truth(expression), expected) << expression;
}

TEST(Condition, IsUnknownWhereOnlyHaproxyCouldTell) {
    for (const std::string expression :
         {"version_atleast(2.4)", "feature(OPENSSL)", "!feature(LUA)", "defined(Z)",
          "streq(\"$Z\",a)", "1 && enabled(SPLICE)"})
        EXPECT_EQ(truth(expression), Truth::unknown) << expression;
    EXPECT_EQ(truth("0 && feature(LUA)"), Truth::no);
    EXPECT_EQ(truth("1 || feature(LUA)"), Truth::yes);
}

TEST(Condition, ThatHaproxyWouldRefuseIsRefused) {
    for (const std::string& expression :
         {std::string("1 extra"), std::string("bogus(1)"), std::string("foo"), std::string("(1"),
          std::string("streq(a)"), std::string("streq(a,b"), std::string(1'000, '!') + "1"})
        EXPECT_THROW((void)truth(expression), ReadError) << expression;
}

}  // namespace
}  // namespace haproxy
