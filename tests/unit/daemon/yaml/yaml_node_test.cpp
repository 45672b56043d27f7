#include "daemon/yaml/yaml_node.h"

#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace daemons {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const SourcePtr kNodeFile = std::make_shared<const Source>("f.yaml");

/// The problems of a file named "f.yaml", of which nothing must be left when there are any.
std::vector<std::string> problems_of(const std::string& text) {
    Problems problems;
    const YamlNode node = parse_yaml(text, kNodeFile, problems);
    EXPECT_TRUE(problems.empty() || node.is_null()) << text;
    return problems.lines();
}

/// The value of a mapping's key; null if it has no such key.
YamlNode value_of(const YamlNode& mapping, const std::string& key) {
    for (const auto& [each, value] : mapping.entries())
        if (each.text() == key)
            return value;
    return {};
}

std::string repeated(const std::string& text, std::size_t times) {
    std::string all;
    while (times-- > 0)
        all += text;
    return all;
}

/// Each level holds the one before nine times.
std::string alias_bomb(int levels) {
    std::string text = "a0: &a0 x\n";
    for (int level = 1; level <= levels; ++level) {
        const std::string before = "*a" + std::to_string(level - 1);
        const std::string name = "a" + std::to_string(level);
        text += name + ": &" + name + " [" + repeated(before + ", ", 8) + before + "]\n";
    }
    return text;
}

TEST(ParseYaml, GivesTheTreeOfAGoodFile) {
    Problems problems;
    const YamlNode node = parse_yaml("a: 1\nb: [x, y]\nc: {d: null}\n", kNodeFile, problems);
    EXPECT_THAT(problems.lines(), IsEmpty());
    ASSERT_EQ(node.entries().size(), 3U);
    EXPECT_EQ(value_of(node, "a").text(), "1");
    EXPECT_EQ(value_of(node, "b").elements().at(1).text(), "y");
    EXPECT_TRUE(value_of(value_of(node, "c"), "d").is_null());
    EXPECT_EQ(value_of(value_of(node, "c"), "d").place().line, 3);
}

TEST(ParseYaml, TellsPlainScalarsFromThoseWithQuotesOrATag) {
    Problems problems;
    const YamlNode node = parse_yaml("a: 1\nb: '1'\nc: \"1\"\nd: !!str 1\n", kNodeFile, problems);
    EXPECT_TRUE(value_of(node, "a").is_plain());
    for (const std::string key : {"b", "c", "d"})
        EXPECT_FALSE(value_of(node, key).is_plain()) << key;
}

TEST(ParseYaml, RefusesAnEmptyFile) {
    for (const std::string text : {"", "\n", "# nothing but a comment\n"})
        EXPECT_THAT(problems_of(text), ElementsAre("f.yaml:1: the file is empty")) << text;
}

TEST(ParseYaml, RefusesASecondDocument) {
    for (const std::string text : {"a: 1\n---\nb: 1\n", "a: 1\n...\nb: 1\n", "a: 1\n---\n"})
        EXPECT_THAT(problems_of(text),
                    ElementsAre("f.yaml:1: the file holds more than one YAML document"))
            << text;
    EXPECT_THAT(problems_of("---\na: 1\n...\n"), IsEmpty());
}

TEST(ParseYaml, NamesTheLineOfASyntaxError) {
    EXPECT_THAT(problems_of("a: 1\nb: 2\n c: 3\n"), ElementsAre("f.yaml:3: illegal map value"));
    EXPECT_THAT(problems_of("a: 1\nb: [1,\n"), ElementsAre("f.yaml:3: end of sequence flow not "
                                                           "found"));
    EXPECT_THAT(problems_of("a: 1\n\nb: *c\n"),
                ElementsAre(testing::StartsWith("f.yaml:3: the referenced anchor is not defined")));
}

TEST(ParseYaml, RefusesAKeyThatStandsTwice) {
    EXPECT_THAT(problems_of("a: 1\nb: 2\na: 3\n"),
                ElementsAre("f.yaml:3: 'a' stands twice in one mapping"));
    EXPECT_THAT(problems_of("a: {b: 1,\n    'b': 2}\n"),
                ElementsAre("f.yaml:2: 'b' stands twice in one mapping"));
    EXPECT_THAT(problems_of("l:\n  - a: 1\n    a: 2\n"),
                ElementsAre("f.yaml:3: 'a' stands twice in one mapping"));
    // After a value of any kind it is a key's turn again.
    EXPECT_THAT(problems_of("x: [1]\ny: {z: 1}\nw: ~\nv: &v 1\nu: *v\nx: 1\n"),
                ElementsAre("f.yaml:6: 'x' stands twice in one mapping"));
}

TEST(ParseYaml, AllowsAKeyTwiceInTwoMappings) {
    EXPECT_THAT(problems_of("a: {b: 1}\nc: {b: 1}\nb: [{b: 1}, {b: b}]\n"), IsEmpty());
    // Not a key at all, though it stands where one would in a mapping.
    EXPECT_THAT(problems_of("a: [b, b]\n"), IsEmpty());
}

TEST(ParseYaml, RefusesKeysThatAreNotWords) {
    EXPECT_THAT(problems_of("a: 1\n? [b]\n: 1\n"), ElementsAre("f.yaml:2: a key must be a plain "
                                                               "word"));
    EXPECT_THAT(problems_of("a: 1\n{b: 1}: 1\n"), ElementsAre("f.yaml:2: a key must be a plain "
                                                              "word"));
    EXPECT_THAT(problems_of("a: &x b\n*x : 1\n"), ElementsAre("f.yaml:2: a key must be a plain "
                                                              "word"));
}

TEST(ParseYaml, AllowsAliases) {
    Problems problems;
    const YamlNode node =
        parse_yaml("a: &x {b: 1}\nc: *x\nd: [*x, *x]\ne: &x 2\nf: *x\n", kNodeFile, problems);
    EXPECT_THAT(problems.lines(), IsEmpty());
    EXPECT_EQ(value_of(value_of(node, "c"), "b").text(), "1");
    EXPECT_EQ(value_of(value_of(node, "d").elements().at(1), "b").text(), "1");
    EXPECT_EQ(value_of(node, "f").text(), "2");
}

TEST(ParseYaml, RefusesAnAliasBomb) {
    // Expanded it would be 9^5 values and the levels below: 75,000, which still is no harm.
    EXPECT_THAT(problems_of(alias_bomb(5)), IsEmpty());
    EXPECT_THAT(problems_of(alias_bomb(6)), ElementsAre("f.yaml:7: too many values"));
    EXPECT_THAT(problems_of(alias_bomb(40)), ElementsAre("f.yaml:7: too many values"));
}

TEST(ParseYaml, RefusesMoreValuesThanAnyConfigurationHas) {
    EXPECT_THAT(problems_of("[" + repeated("x,", 250'000) + "]\n"),
                ElementsAre("f.yaml:1: too many values"));
}

TEST(ParseYaml, RefusesAnAliasThatContainsItself) {
    EXPECT_THAT(problems_of("a: 1\nb: &x [*x]\n"),
                ElementsAre("f.yaml:2: an alias that contains itself"));
    EXPECT_THAT(problems_of("a: &x\n  b:\n    c: *x\n"),
                ElementsAre("f.yaml:3: an alias that contains itself"));
}

TEST(ParseYaml, RefusesWhatIsNestedTooDeeply) {
    const auto nested = [](std::size_t depth) {
        return repeated("[", depth) + repeated("]", depth) + "\n";
    };
    EXPECT_THAT(problems_of(nested(32)), IsEmpty());
    EXPECT_THAT(problems_of(nested(33)), ElementsAre("f.yaml:1: nested too deeply"));
    EXPECT_THAT(problems_of(repeated("- ", 1'000) + "x"),
                ElementsAre("f.yaml:1: nested too deeply"));
    // yaml-cpp takes brackets that nobody closes for something else, so the reason may be another.
    EXPECT_EQ(problems_of(repeated("[", 10'000)).size(), 1U);
    EXPECT_EQ(problems_of(repeated("{a: ", 10'000)).size(), 1U);
}

}  // namespace
}  // namespace daemons
