#include "patroni/introduction.h"

#include <string>

#include <gtest/gtest.h>

namespace patroni {
namespace {

Introduction introduction_in(const std::string& body) {
    const auto read = parse_introduction(body);
    return read ? read.value() : Introduction{"unreadable", read.reason()};
}

TEST(IntroductionTest, AMemberSaysWhoItIsAsFarAsItsVersionDoes) {
    EXPECT_EQ(introduction_in(R"({"role": "primary",
                                  "patroni": {"version": "4.1.4", "scope": "main", "name": "p1"}})"),
              (Introduction{"p1", "main"}));
    EXPECT_EQ(introduction_in(R"({"patroni": {"version": "3.0.2", "scope": "main"}})"),
              (Introduction{"", "main"}));
    EXPECT_EQ(introduction_in(R"({"patroni": {"name": 5, "scope": null}})"), Introduction{});
}

TEST(IntroductionTest, WhatIsNoSuchAnswerSaysNothing) {
    for (const std::string body : {"", "[]", "{}", R"({"patroni": "p1"})", R"({"name": "p1"})"})
        EXPECT_FALSE(parse_introduction(body)) << body;
}

}  // namespace
}  // namespace patroni
