#include <string>

#include <Poco/JSON/Object.h>
#include <Poco/JSON/Parser.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sample_report.h"

namespace agent {
namespace {

Poco::JSON::Object::Ptr read(const std::string& text) {
    return Poco::JSON::Parser().parse(text).extract<Poco::JSON::Object::Ptr>();
}

TEST(AgentStatusTest, TellsEverything) {
    const auto status = read(status_json(sample_report()));
    EXPECT_EQ(status->getValue<std::string>("version"), "0.1.0");
    EXPECT_TRUE(status->getValue<bool>("maintenance"));
    EXPECT_EQ(status->getObject("reload")->getValue<int>("failed"), 1);
    const auto cluster = status->getArray("clusters")->getObject(0);
    EXPECT_EQ(cluster->getValue<std::string>("own_member"), "p1");
    EXPECT_EQ(cluster->getValue<double>("answer_age"), 0.25);
    EXPECT_EQ(cluster->getObject("polls")->getValue<int>("good"), 100);
    const auto members = cluster->getArray("members");
    ASSERT_EQ(members->size(), 2U);
    EXPECT_TRUE(members->getObject(0)->isNull("lag"));
    EXPECT_EQ(members->getObject(1)->getValue<int>("lag"), 16'777'216);
    const auto listener = status->getArray("listeners")->getObject(1);
    EXPECT_TRUE(listener->getValue<bool>("by_request"));
    EXPECT_EQ(listener->getObject("replies")->getValue<int>("ready"), 12);
    const auto answers = listener->getArray("answers");
    ASSERT_EQ(answers->size(), 2U);
    EXPECT_EQ(answers->getObject(0)->getValue<double>("age"), 0.5);
    EXPECT_EQ(answers->getObject(1)->getValue<std::string>("reason"), "p2: role is replica");
    EXPECT_TRUE(answers->getObject(1)->isNull("age"));
}

TEST(AgentStatusTest, IsJsonWhateverTheNamesHold) {
    AgentReport report = sample_report();
    for (int byte = 0; byte < 256; ++byte)
        report.listeners[0].name += static_cast<char>(byte);
    report.clusters[0].name = report.listeners[0].name;
    EXPECT_EQ(read(status_json(report))->getArray("listeners")->size(), 2U);
    EXPECT_EQ(read(status_json({}))->getArray("clusters")->size(), 0U);
}

}  // namespace
}  // namespace agent
