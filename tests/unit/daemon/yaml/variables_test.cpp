#include "daemon/yaml/variables.h"

#include <map>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/yaml/yaml_mapping.h"

namespace daemons {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::optional<std::string> variable(const std::string& name) {
    static const std::map<std::string, std::string> all{
        {"HOST", "10.0.0.1"},
        {"EMPTY", ""},
        {"ROLES", "[leader, sync]"},
        {"BRACES", "${HOST}"},
        {"_x1", "y"},
        {"SECRET", "hunter2"},
        {"LONG", std::string(3'000, 'x')},
    };
    const auto found = all.find(name);
    return found == all.end() ? std::nullopt : std::optional(found->second);
}

std::string expanded(const std::string& written) {
    const auto result = expand_variables(written, variable);
    EXPECT_EQ(result.problem, "") << written;
    return result.text;
}

std::string problem_of(const std::string& written) {
    return expand_variables(written, variable).problem;
}

TEST(ExpandVariables, PutsTheValueInItsPlace) {
    EXPECT_EQ(expanded("http://${HOST}:8008"), "http://10.0.0.1:8008");
    EXPECT_EQ(expanded("${HOST}${_x1}"), "10.0.0.1y");
    EXPECT_EQ(expanded("${EMPTY}"), "");
}

TEST(ExpandVariables, TakesTheDefaultIfTheVariableIsNotSetOrEmpty) {
    EXPECT_EQ(expanded("${NONE:-a:-b}"), "a:-b");
    EXPECT_EQ(expanded("${EMPTY:-x}"), "x");
    EXPECT_EQ(expanded("${HOST:-x}"), "10.0.0.1");
    EXPECT_EQ(expanded("${NONE:-}"), "");
}

TEST(ExpandVariables, ADollarStandsForItselfUnlessABraceFollows) {
    EXPECT_EQ(expanded("$HOST costs 5$ or $$"), "$HOST costs 5$ or $$");
    EXPECT_EQ(expanded("$${HOST}"), "${HOST}");
    EXPECT_EQ(expanded("a$${b}${HOST}"), "a${b}10.0.0.1");
}

TEST(ExpandVariables, DoesNotLookAtAValueAgain) {
    EXPECT_EQ(expanded("${BRACES}"), "${HOST}");
}

TEST(ExpandVariables, SaysWhatIsWrong) {
    EXPECT_EQ(problem_of("x${NONE}"),
              "the variable NONE is not set in the environment; set it, or give a default: "
              "${NONE:-default}");
    EXPECT_THAT(problem_of("${HOST"), HasSubstr("'${' has no '}' behind it"));
    for (const std::string wrong : {"${}", "${1A}", "${a b}", "${HOST:x}", "${:-x}"})
        EXPECT_THAT(problem_of(wrong), HasSubstr("names no variable")) << wrong;
    EXPECT_THAT(problem_of("${LONG}${LONG}"), HasSubstr("longer than 4096 bytes"));
}

TEST(ExpandVariables, ReadsTheEnvironmentOfTheProcess) {
    EXPECT_TRUE(environment_variable("PATH"));
    EXPECT_FALSE(environment_variable("NO_SUCH_VARIABLE_ANYWHERE"));
}

/// Variables in a file named "f.yaml".
class VariablesInAFileTest : public testing::Test {
  protected:
    YamlMapping read(const std::string& text) {
        return {parse_yaml(text, std::make_shared<const Source>("f.yaml"), problems_, variable),
                "port 'p'", problems_};
    }
    Problems problems_;
};

TEST_F(VariablesInAFileTest, ArePutIntoValuesAndNeverIntoKeys) {
    YamlMapping mapping = read("a: ${HOST}\nb: ['${HOST}', \"${_x1}\"]\n${HOST}: 1\n");
    EXPECT_EQ(mapping.text("a"), "10.0.0.1");
    EXPECT_EQ(mapping.texts("b").at(0).first, "10.0.0.1");
    EXPECT_EQ(mapping.texts("b").at(1).first, "y");
    EXPECT_EQ(mapping.text("${HOST}"), "1");
    EXPECT_THAT(problems_.lines(), IsEmpty());
}

TEST_F(VariablesInAFileTest, CannotAddStructure) {
    YamlMapping mapping = read("roles: ${ROLES}\n");
    const auto roles = mapping.texts("roles");
    ASSERT_EQ(roles.size(), 1U);
    EXPECT_EQ(roles[0].first, "[leader, sync]");
}

TEST_F(VariablesInAFileTest, AnEmptyOneWithoutQuotesIsNoValue) {
    YamlMapping mapping = read("a: ${EMPTY}\nb: '${EMPTY}'\n");
    EXPECT_EQ(mapping.find("a"), std::nullopt);
    EXPECT_EQ(mapping.text("b"), std::nullopt);
    EXPECT_THAT(problems_.lines(),
                ElementsAre("f.yaml:2: port 'p': b '${EMPTY}' is not allowed; it takes text"));
}

TEST_F(VariablesInAFileTest, EachThatIsNotSetIsAProblemWithItsLine) {
    read("a: ${ONE}\nb:\n  c: ${TWO}\n");
    ASSERT_GE(problems_.lines().size(), 2U);
    EXPECT_THAT(problems_.lines()[0], HasSubstr("f.yaml:1: the variable ONE is not set"));
    EXPECT_THAT(problems_.lines()[1], HasSubstr("f.yaml:3: the variable TWO is not set"));
}

TEST_F(VariablesInAFileTest, MessagesDoNotShowTheirValues) {
    YamlMapping mapping = read("period: ${SECRET}\n");
    EXPECT_EQ(mapping.duration("period"), std::nullopt);
    ASSERT_EQ(problems_.lines().size(), 1U);
    EXPECT_THAT(problems_.lines()[0],
                HasSubstr("f.yaml:1: port 'p': period '${SECRET}' is not allowed"));
}

}  // namespace
}  // namespace daemons
