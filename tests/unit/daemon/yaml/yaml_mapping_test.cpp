#include "daemon/yaml/yaml_mapping.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/text/units.h"

namespace daemons {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

const SourcePtr kFile = std::make_shared<const Source>("f.yaml");

/// One mapping read from a text, named "port 'master'" in a file named "f.yaml".
class YamlMappingTest : public testing::Test {
  protected:
    YamlMapping read(const std::string& text) {
        return {parse_yaml(text, kFile, problems_), "port 'master'", problems_};
    }
    [[nodiscard]] const std::vector<std::string>& lines() const { return problems_.lines(); }

    Problems problems_;
};

TEST_F(YamlMappingTest, ReadsValuesOfEveryKind) {
    YamlMapping mapping = read(
        "name: db1\nquoted: 'true'\non: true\noff: false\nlag: 16MB\nperiod: 1.5s\nport: 5432\n"
        "roles: [leader, 'sync']\n");
    EXPECT_EQ(mapping.text("name"), "db1");
    EXPECT_EQ(mapping.text("quoted"), "true");
    EXPECT_EQ(mapping.boolean("on"), true);
    EXPECT_EQ(mapping.boolean("off"), false);
    EXPECT_EQ(mapping.size("lag"), 16'777'216U);
    EXPECT_EQ(mapping.duration("period"), 1500ms);
    EXPECT_EQ(mapping.number("port", 1, 65535), 5432U);
    const auto roles = mapping.texts("roles");
    ASSERT_EQ(roles.size(), 2U);
    EXPECT_EQ(roles[0].first, "leader");
    EXPECT_EQ(roles[1].first, "sync");
    EXPECT_EQ(roles[1].second.place().line, 8);
    mapping.reject_unknown();
    EXPECT_THAT(lines(), IsEmpty());
}

TEST_F(YamlMappingTest, FlagsMayBeCapitalized) {
    YamlMapping mapping = read("a: True\nb: TRUE\nc: False\nd: FALSE\n");
    EXPECT_EQ(mapping.boolean("a"), true);
    EXPECT_EQ(mapping.boolean("b"), true);
    EXPECT_EQ(mapping.boolean("c"), false);
    EXPECT_EQ(mapping.boolean("d"), false);
    EXPECT_THAT(lines(), IsEmpty());
}

TEST_F(YamlMappingTest, MergesOtherMappingsWhereItHasNoKeyOfItsOwn) {
    const auto root = parse_yaml(
        "a: &a {x: 1, y: 1}\nb: &b {<<: *a, y: 2, z: 2}\n"
        "c: {<<: [*b, *a], z: 3}\n",
        kFile, problems_);
    YamlMapping b(root.entries().at(1).second, "b", problems_);
    EXPECT_EQ(b.text("x"), "1");
    EXPECT_EQ(b.text("y"), "2");
    YamlMapping c(root.entries().at(2).second, "c", problems_);
    EXPECT_EQ(c.text("x"), "1");
    EXPECT_EQ(c.text("y"), "2");
    EXPECT_EQ(c.text("z"), "3");
    c.reject_unknown();
    EXPECT_THAT(lines(), IsEmpty());
}

TEST_F(YamlMappingTest, AMergeKeyTakesMappingsAndAQuotedOneIsNone) {
    read("<<: 5\n");
    read("<<: [{a: 1}, 6]\n");
    YamlMapping mapping = read("'<<': {a: 1}\n");
    EXPECT_EQ(mapping.text("a"), std::nullopt);
    mapping.reject_unknown();
    ASSERT_EQ(lines().size(), 3U);
    EXPECT_EQ(lines()[0],
              "f.yaml:1: the value of '<<' in port 'master' must be a mapping of keys to values");
    EXPECT_EQ(lines()[1], lines()[0]);
    EXPECT_THAT(lines()[2], testing::HasSubstr("unknown key '<<'"));
}

TEST_F(YamlMappingTest, GivesNothingForWhatIsAbsentOrNull) {
    YamlMapping mapping = read("a:\nb: ~\nc: null\n");
    for (const std::string key : {"a", "b", "c", "d"}) {
        EXPECT_EQ(mapping.find(key), std::nullopt);
        EXPECT_EQ(mapping.text(key), std::nullopt);
        EXPECT_EQ(mapping.boolean(key), std::nullopt);
        EXPECT_EQ(mapping.number(key, 0, 1), std::nullopt);
        EXPECT_EQ(mapping.size(key), std::nullopt);
        EXPECT_EQ(mapping.duration(key), std::nullopt);
    }
    mapping.reject_unknown();
    EXPECT_THAT(lines(), IsEmpty());
}

TEST_F(YamlMappingTest, ReportsWhatIsRequiredAndAbsentOrNull) {
    YamlMapping mapping = read("\n\na: 1\nb:\n");
    EXPECT_TRUE(mapping.require("a"));
    EXPECT_FALSE(mapping.require("b"));
    EXPECT_THAT(mapping.texts("c"), IsEmpty());
    EXPECT_THAT(lines(), ElementsAre("f.yaml:3: port 'master' needs 'b'",
                                     "f.yaml:3: port 'master' needs 'c'"));
}

TEST_F(YamlMappingTest, ReportsAnUnknownKeyWithTheNearestAndAllKnownOnes) {
    YamlMapping mapping = read("listen: x\nrole: leader\n");
    mapping.find("listen");
    mapping.find("roles");
    mapping.find("max_lag");
    mapping.reject_unknown();
    EXPECT_THAT(lines(),
                ElementsAre("f.yaml:2: unknown key 'role' in port 'master'; did you mean 'roles'? "
                            "Known: listen, roles, max_lag"));
}

TEST_F(YamlMappingTest, FindsTheNearestKeyByLettersDroppedAddedAndChanged) {
    const std::pair<const char*, const char*> cases[] = {
        {"perod", "period"},
        {"periood", "period"},
        {"peniod", "period"},
        {"liste", "listen"},
        {"tsl", ""},
        {"x", ""},
        {"", ""},
    };
    for (const auto& [given, expected] : cases) {
        Problems problems;
        YamlMapping mapping(parse_yaml("'" + std::string(given) + "': 1\n", kFile, problems), "it",
                            problems);
        for (const char* key : {"listen", "period", "tls"})
            mapping.find(key);
        mapping.reject_unknown();
        ASSERT_EQ(problems.lines().size(), 1U);
        const std::string near =
            *expected == '\0' ? "it. Known: " : "; did you mean '" + std::string(expected) + "'?";
        EXPECT_THAT(problems.lines()[0], testing::HasSubstr(near)) << given;
    }
}

TEST_F(YamlMappingTest, SaysWhatTakesThePlaceOfAKeywordOfHaproxy) {
    YamlMapping mapping = read("backup: true\nweight: 100\n");
    mapping.find("roles");
    mapping.reject_unknown();
    EXPECT_THAT(
        lines(),
        ElementsAre("f.yaml:1: unknown key 'backup' in port 'master'; it is HAProxy's; here "
                    "fallback_roles of a proxy's port says who serves while nobody does by roles. "
                    "Known: roles",
                    "f.yaml:2: unknown key 'weight' in port 'master'; it is HAProxy's; here "
                    "members have no weights. Known: roles"));
}

TEST_F(YamlMappingTest, ReportsEveryUnknownKeyWhateverItsValue) {
    YamlMapping mapping = read("a: 1\nb: ~\nc: [1]\nd: {e: 1}\n");
    mapping.find("a");
    mapping.reject_unknown();
    EXPECT_EQ(lines().size(), 3U);
}

TEST_F(YamlMappingTest, ReportsAValueOfTheWrongFormWithTheFormItTakes) {
    YamlMapping mapping =
        read("text: ''\non: yes\nperiod: 5 minutes\nlag: 1 mb\nport: 70000\nlow: 0\n");
    EXPECT_EQ(mapping.text("text"), std::nullopt);
    EXPECT_EQ(mapping.boolean("on"), std::nullopt);
    EXPECT_EQ(mapping.duration("period"), std::nullopt);
    EXPECT_EQ(mapping.size("lag"), std::nullopt);
    EXPECT_EQ(mapping.number("port", 1, 65535), std::nullopt);
    EXPECT_EQ(mapping.number("low", 1, 65535), std::nullopt);
    EXPECT_THAT(
        lines(),
        ElementsAre("f.yaml:1: port 'master': text '' is not allowed; it takes text",
                    "f.yaml:2: port 'master': on 'yes' is not allowed; it takes true or false",
                    "f.yaml:3: port 'master': period '5 minutes' is not allowed; it takes " +
                        std::string(kDurationForm),
                    "f.yaml:4: port 'master': lag '1 mb' is not allowed; it takes " +
                        std::string(kSizeForm),
                    "f.yaml:5: port 'master': port '70000' is not allowed; it takes a whole number "
                    "from 1 to 65535",
                    "f.yaml:6: port 'master': low '0' is not allowed; it takes a whole number from "
                    "1 to 65535"));
}

TEST_F(YamlMappingTest, ReportsListsAndMappingsWhereAScalarBelongs) {
    YamlMapping mapping = read("a: [1]\nb: {c: 1}\n");
    EXPECT_EQ(mapping.text("a"), std::nullopt);
    EXPECT_EQ(mapping.number("b", 0, 9), std::nullopt);
    EXPECT_THAT(lines(),
                ElementsAre("f.yaml:1: port 'master': a is not allowed; it takes text",
                            "f.yaml:2: port 'master': b is not allowed; it takes a whole number "
                            "from 0 to 9"));
}

TEST_F(YamlMappingTest, RefusesTheOctal010InsteadOfReadingIt) {
    YamlMapping mapping = read("a: 010\nb: 10\n");
    EXPECT_EQ(mapping.number("a", 0, 100), std::nullopt);
    EXPECT_EQ(mapping.number("b", 0, 100), 10U);
    EXPECT_EQ(lines().size(), 1U);
}

TEST_F(YamlMappingTest, TakesTheEndsOfARange) {
    YamlMapping mapping = read("a: 1\nb: 65535\n");
    EXPECT_EQ(mapping.number("a", 1, 65535), 1U);
    EXPECT_EQ(mapping.number("b", 1, 65535), 65535U);
}

TEST_F(YamlMappingTest, TakesAScalarForAListOfOne) {
    YamlMapping mapping = read("a:\n  leader\n");
    const auto values = mapping.texts("a");
    ASSERT_EQ(values.size(), 1U);
    EXPECT_EQ(values[0].first, "leader");
    EXPECT_EQ(values[0].second.place().line, 2);
    EXPECT_THAT(lines(), IsEmpty());
}

TEST_F(YamlMappingTest, ReportsAListThatIsNoneOrEmpty) {
    YamlMapping mapping = read("a: ''\nb: []\nc: {d: 1}\n");
    for (const std::string key : {"a", "b", "c"})
        EXPECT_THAT(mapping.texts(key), IsEmpty());
    EXPECT_THAT(lines(),
                ElementsAre("f.yaml:1: port 'master': a must be a list with at least one element",
                            "f.yaml:2: port 'master': b must be a list with at least one element",
                            "f.yaml:3: port 'master': c must be a list with at least one element"));
}

TEST_F(YamlMappingTest, ReportsElementsOfAListThatAreNotText) {
    YamlMapping mapping = read("a:\n  - x\n  - [y]\n  - {z: 1}\n  - ~\n");
    const auto values = mapping.texts("a");
    ASSERT_EQ(values.size(), 1U);
    EXPECT_EQ(values[0].first, "x");
    EXPECT_THAT(lines(), ElementsAre("f.yaml:3: port 'master': an element of a must be text",
                                     "f.yaml:4: port 'master': an element of a must be text",
                                     "f.yaml:5: port 'master': an element of a must be text"));
}

TEST_F(YamlMappingTest, ReportsWhatIsNotAMapping) {
    for (const std::string text : {"[a, b]\n", "word\n", "~\n"}) {
        Problems problems;
        YamlMapping mapping(parse_yaml(text, kFile, problems), "the file", problems);
        EXPECT_THAT(problems.lines(),
                    ElementsAre("f.yaml:1: the file must be a mapping of keys to values"))
            << text;
        EXPECT_THAT(mapping.entries(), IsEmpty());
        EXPECT_EQ(mapping.find("a"), std::nullopt);
    }
}

TEST_F(YamlMappingTest, GivesItsEntriesInTheOrderOfTheFile) {
    const YamlMapping mapping = read("b: 1\na: 2\n'010': 3\n");
    std::vector<std::string> keys;
    for (const auto& entry : mapping.entries())
        keys.push_back(entry.key);
    EXPECT_THAT(keys, ElementsAre("b", "a", "010"));
    EXPECT_EQ(mapping.entries()[1].key_node.place().line, 2);
    EXPECT_EQ(mapping.entries()[1].value.text(), "2");
}

TEST(Problems, AreNamedByFileAndLine) {
    Problems problems;
    EXPECT_TRUE(problems.empty());
    problems.add(Place{kFile, 7}, "a line");
    problems.add(parse_yaml("\na:\n  b", kFile, problems), "a node");
    EXPECT_FALSE(problems.empty());
    EXPECT_THAT(problems.lines(), ElementsAre("f.yaml:7: a line", "f.yaml:2: a node"));
}

}  // namespace
}  // namespace daemons
