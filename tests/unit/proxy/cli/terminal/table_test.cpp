#include "patroni_proxy/cli/terminal/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace proxy::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

using Kind = Column::Kind;

Table sample() {
    Table table;
    table.title = "Cluster: main";
    table.columns = {{"Member"}, {"TL", Kind::number}, {"Why", Kind::prose}};
    table.rows = {{"p1", "7", "it leads"}, {"p20", "12", "role is replica"}};
    return table;
}

TEST(TableTest, LooksLikePatronictl) {
    Table table = sample();
    table.notes.push_back("Maintenance mode: on");
    EXPECT_EQ(render(table, {}),
              "+ Cluster: main ----------------+\n"
              "| Member | TL | Why             |\n"
              "+--------+----+-----------------+\n"
              "| p1     |  7 | it leads        |\n"
              "| p20    | 12 | role is replica |\n"
              "+--------+----+-----------------+\n"
              " Maintenance mode: on\n");
}

TEST(TableTest, WithoutRowsOrTitle) {
    Table table = sample();
    table.rows.clear();
    table.title.clear();
    EXPECT_EQ(render(table, {}),
              "+--------+----+-----+\n"
              "| Member | TL | Why |\n"
              "+--------+----+-----+\n");
}

TEST(TableTest, ATitleMayBeLongerThanTheTable) {
    Table table = sample();
    table.rows.clear();
    table.title = "Cluster: a-name-that-is-longer";
    EXPECT_THAT(render(table, {}), HasSubstr("+ Cluster: a-name-that-is-longer +\n"));
}

TEST(TableTest, ProseIsBrokenAtSpacesToFitTheScreen) {
    Table table = sample();
    table.rows[0][2] = "lag of 20 bytes is over max_lag, thirty";
    EXPECT_EQ(render(table, {.width = 40}),
              "+ Cluster: main -----------------------+\n"
              "| Member | TL | Why                    |\n"
              "+--------+----+------------------------+\n"
              "| p1     |  7 | lag of 20 bytes is     |\n"
              "|        |    | over max_lag, thirty   |\n"
              "| p20    | 12 | role is replica        |\n"
              "+--------+----+------------------------+\n");
}

TEST(TableTest, AWordThatIsLongerThanItsLineIsBroken) {
    Table table = sample();
    table.rows = {{"p1", "7", std::string(30, 'x')}};
    EXPECT_THAT(render(table, {.width = 38}),
                HasSubstr("| p1     |  7 | xxxxxxxxxxxxxxxxxxxx |\n"
                          "|        |    | xxxxxxxxxx           |\n"));
}

TEST(TableTest, IsOneBlockARowWhereTheScreenIsTooNarrow) {
    EXPECT_EQ(render(sample(), {.width = 24}),
              "Cluster: main\n"
              "-[ 1 ]-+-\n"
              "Member | p1\n"
              "TL     | 7\n"
              "Why    | it leads\n"
              "-[ 2 ]-+-\n"
              "Member | p20\n"
              "TL     | 12\n"
              "Why    | role is replica\n");
}

TEST(TableTest, EveryLineOfAGridIsAsWideAsTheOthers) {
    Table table = sample();
    // A wide character, a combining one, an emoji; none of them is one byte for one column.
    table.rows = {{"\xE6\x97\xA5\xE6\x9C\xAC", "1", "a\xCC\x88"},
                  {"\xF0\x9F\x90\x98", "2", "plain"},
                  {"p1", "3", "\xD1\x8F"}};
    const std::string text = render(table, {});
    std::string_view rest = text;
    while (!rest.empty()) {
        const auto end = rest.find('\n');
        EXPECT_EQ(width_of(rest.substr(0, end)), 23U) << rest.substr(0, end);
        rest.remove_prefix(end + 1);
    }
}

TEST(TableTest, HostileTextIsHarmless) {
    std::string hostile =
        "\033[2J\x9B"
        "31m\xC2\x9B"
        "31m\r\n\a\xE2\x80\xAE";
    for (int byte = 1; byte < 256; ++byte)
        hostile += static_cast<char>(byte);
    Table table = sample();
    table.title = table.rows[0][0].text = table.rows[1][2].text = hostile;
    table.notes.push_back(hostile);
    for (const std::size_t width : {0U, 40U}) {
        const std::string text = render(table, {.width = width});
        for (const char c : text)
            EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= ' ') << int{c};
        EXPECT_THAT(text, Not(HasSubstr("\x7F")));
        EXPECT_THAT(text, Not(HasSubstr("\xC2\x9B")));
        EXPECT_THAT(text, Not(HasSubstr("\xE2\x80\xAE")));
        EXPECT_THAT(text, HasSubstr("\\u001b[2J"));
    }
}

TEST(TableTest, ACellIsNotEndless) {
    Table table = sample();
    table.rows = {{std::string(1'000'000, 'x'), "", ""}};
    EXPECT_LT(render(table, {}).size(), 20'000U);
}

TEST(TableTest, ColoursOnlyWhereTheScreenHasThem) {
    Table table = sample();
    table.rows[0][0].colour = Colour::good;
    table.notes.push_back({"no leader", Colour::bad});
    EXPECT_THAT(render(table, {}), Not(HasSubstr("\033")));
    const std::string coloured = render(table, {.colour = true});
    EXPECT_THAT(coloured, HasSubstr("| \033[32mp1    \033[0m |  7 |"));
    EXPECT_THAT(coloured, HasSubstr(" \033[31mno leader\033[0m\n"));
}

}  // namespace
}  // namespace proxy::cli
