// docs/history.md and its schema name every word that a record can have.

#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "patroni_proxy/history/story/record.h"

namespace proxy::history {
namespace {

using testing::HasSubstr;

std::string doc(const std::string& name) {
    std::ifstream file(TEST_DATA "/../../docs/" + name);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

/// Its name, for every value of the enumeration.
template <typename Word>
void expect_documented() {
    const std::string page = doc("history.md");
    const std::string schema = doc("history.schema.json");
    int words = 0;
    for (; words < 100; ++words) {
        const std::string_view name = name_of(static_cast<Word>(words));
        if (name == "?")
            break;
        EXPECT_THAT(page, HasSubstr("`" + std::string(name) + "`"));
        EXPECT_THAT(schema, HasSubstr("\"" + std::string(name) + "\""));
    }
    EXPECT_GE(words, 5);
}

TEST(HistoryDocTest, NamesEveryKindCauseAndStep) {
    expect_documented<Kind>();
    expect_documented<Cause>();
    expect_documented<StepKind>();
}

}  // namespace
}  // namespace proxy::history
