#include "haproxy/grammar/words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "haproxy_text.h"

namespace haproxy {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> words(const std::string& line) {
    std::vector<Note> notes;
    std::vector<std::string> texts;
    for (const auto& word :
         split_words(line, {"h.cfg", 7}, known({{"X", "xval"}, {"Y", "a b"}}), notes))
        texts.push_back((word.symbolic ? "?" : "") + word.text);
    return texts;
}

// Each of them was given to HAProxy 2.6, which read the same.
TEST(Words, AreSplitAsHaproxyDoes) {
    EXPECT_THAT(words("  bind\t*:5000 # x"), ElementsAre("bind", "*:5000"));
    EXPECT_THAT(words("aa#b"), ElementsAre("aa"));
    EXPECT_THAT(words("aa\\#b"), ElementsAre("aa#b"));
    EXPECT_THAT(words("\"a b\"c"), ElementsAre("a bc"));
    EXPECT_THAT(words("'a\\ b${X}'"), ElementsAre("a\\ b${X}"));
    EXPECT_THAT(words("a\\ b"), ElementsAre("a b"));
    EXPECT_THAT(words("a\\x41b"), ElementsAre("aAb"));
    EXPECT_THAT(words("a\\nb"), ElementsAre("a\nb"));
    EXPECT_THAT(words("\"a\\\"b\""), ElementsAre("a\"b"));
    EXPECT_THAT(words("a\\qb \"a\\qb\""), ElementsAre("a\\qb", "a\\qb"));
    EXPECT_THAT(words("foo \\"), ElementsAre("foo", "\\"));
    EXPECT_THAT(words("\"\""), ElementsAre(""));
    EXPECT_THAT(words("   # only a comment"), IsEmpty());
}

TEST(Words, HaveVariablesInDoubleQuotesOnly) {
    EXPECT_THAT(words("\"a${X}b\" \"a$X-b\""), ElementsAre("axvalb", "axval-b"));
    EXPECT_THAT(words("a${X}b a$X '$X'"), ElementsAre("a${X}b", "a$X", "$X"));
    EXPECT_THAT(words("\"\\$X\""), ElementsAre("$X"));
    EXPECT_THAT(words("\"${Y}\" \"${Y[*]}\""), ElementsAre("a b", "a", "b"));
}

TEST(Words, ShowAVariableThatIsNotKnown) {
    EXPECT_THAT(words("\"${Z}:5432\" x"), ElementsAre("?${Z}:5432", "x"));
    EXPECT_THAT(words("\"$Z\""), ElementsAre("?$Z"));
}

TEST(Words, TakeTheDefaultOfAnUnknownVariableAndSaySo) {
    std::vector<Note> notes;
    const auto found =
        split_words("\"${Z-5000}\" \"${X-1}\"", {"h.cfg", 7}, known({{"X", "2"}}), notes);
    EXPECT_THAT(found, ElementsAre(Word{"5000", false}, Word{"2", false}));
    ASSERT_EQ(notes.size(), 1U);
    EXPECT_EQ(notes[0].kind, Note::Kind::assumed);
    EXPECT_THAT(notes[0].text, HasSubstr("variable Z"));
}

TEST(Words, AreRefusedWithTheirLine) {
    for (const auto& [line, reason] : std::vector<std::pair<std::string, std::string>>{
             {"a \"b", "h.cfg:7: unmatched quote \""},
             {"a 'b", "h.cfg:7: unmatched quote '"},
             {"\"${X\"", "h.cfg:7: '}' is missing after the variable X"},
             {"\"$\"", "h.cfg:7: a variable needs a name after '$'"},
             {"\\xZZ", R"(h.cfg:7: \x needs two hexadecimal digits)"},
             {std::string(kMaxLine + 1, 'a'), "h.cfg:7: the line has more than 65536 bytes"}}) {
        try {
            (void)words(line);
            ADD_FAILURE() << line;
        } catch (const ReadError& error) {
            EXPECT_EQ(error.what(), reason);
        }
    }
    std::string many;
    for (std::size_t count = 0; count <= kMaxWords; ++count)
        many += "a ";
    EXPECT_THROW((void)words(many), ReadError);
}

TEST(Words, OfAVariableThatIsTooLongAreRefused) {
    std::vector<Note> notes;
    std::string line = "\"";
    for (int count = 0; count < 100; ++count)
        line += "$BIG";
    EXPECT_THROW((void)split_words(line + "\"", {"h.cfg", 1},
                                   known({{"BIG", std::string(kMaxLine, 'x')}}), notes),
                 ReadError);
}

}  // namespace
}  // namespace haproxy
