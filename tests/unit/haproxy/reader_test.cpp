#include "haproxy/grammar/reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "haproxy_text.h"

namespace haproxy {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Reader, GivesEveryStatementItsSectionAndLine) {
    const auto configuration = read_text(
        "global\n maxconn 100\n\n"
        "defaults one\n mode tcp\n"
        "listen a from one # comment\n bind :5000\n"
        "backend b\n");
    EXPECT_THAT(
        lines_of(configuration),
        ElementsAre("2 global: maxconn 100", "5 defaults: mode tcp", "7 listen: bind :5000"));
    ASSERT_EQ(configuration.sections.size(), 4U);
    EXPECT_EQ(configuration.sections[1].name.text, "one");
    EXPECT_EQ(configuration.sections[2].from, "one");
    EXPECT_EQ(configuration.sections[2].place.text(), "h.cfg:6");
}

TEST(Reader, KeepsWhatStandsBeforeAnySection) {
    EXPECT_THAT(lines_of(read_text("maxconn 5\nglobal\n")), ElementsAre("1 : maxconn 5"));
    // HAProxy too begins anew with each file.
    const auto configuration =
        read({{"a.cfg", "listen x\n bind :1\n"}, {"b.cfg", " bind :2\n"}}, known());
    EXPECT_THAT(lines_of(configuration), ElementsAre("2 listen: bind :1", "1 : bind :2"));
}

TEST(Reader, SaysWhatItDoesNotReadOfAHeader) {
    // HAProxy before 1.7 took an address here.
    const auto configuration = read_text("defaults d\nlisten a from d 10.0.0.1:5432\n");
    ASSERT_EQ(configuration.notes.size(), 1U);
    EXPECT_EQ(configuration.notes[0].kind, Note::Kind::not_read);
    EXPECT_THAT(configuration.notes[0].text, HasSubstr("'10.0.0.1:5432'"));
}

TEST(Reader, ReadsTheBranchThatCounts) {
    EXPECT_THAT(lines_of(read_text("global\n.if streq(a,b)\n a\n.elif 1\n b\n .if 0\n c\n .endif\n"
                                   ".else\n d\n.endif\n e\n")),
                ElementsAre("5 global: b", "12 global: e"));
    // What is skipped need not be readable.
    EXPECT_THAT(lines_of(read_text("global\n.if 0\n.if bogus(1)\n.endif\n \"open\n.endif\n")),
                IsEmpty());
}

TEST(Reader, ReadsAnUnknownConditionAsTrueAndSaysSo) {
    const auto configuration =
        read_text("global\n.if version_atleast(2.4) # new\n a\n.else\n b\n.endif\n");
    EXPECT_THAT(lines_of(configuration), ElementsAre("3 global: a"));
    ASSERT_EQ(configuration.notes.size(), 1U);
    EXPECT_EQ(configuration.notes[0].place.line, 2);
    EXPECT_THAT(configuration.notes[0].text, HasSubstr("version_atleast(2.4)"));
}

TEST(Reader, TakesVariablesThatTheFileItselfSets) {
    EXPECT_THAT(lines_of(read_text("global\n setenv P 5000\n presetenv X 7\n presetenv Q 8\n"
                                   "listen a\n bind \":$P\" \"$X\" \"$Q\"\n",
                                   {{"X", "x"}})),
                testing::Contains("6 listen: bind :5000 x 8"));
}

TEST(Reader, RefusesWhatIsNoSuchFile) {
    EXPECT_EQ(refusal_of("global\n.if 1\n"), "h.cfg:2: '.if' without '.endif'");
    EXPECT_EQ(refusal_of(".else\n"), "h.cfg:1: '.else' without '.if'");
    EXPECT_EQ(refusal_of(std::string("a\n\0b", 4)),
              "h.cfg:2: a NUL character: this is no text file");
    EXPECT_EQ(refusal_of("a\n\x01"),
              "h.cfg:2: a control character: this is no configuration of HAProxy");
    std::string deep;
    for (int depth = 0; depth < 17; ++depth)
        deep += ".if 1\n";
    EXPECT_EQ(refusal_of(deep), "h.cfg:17: more than 16 conditions within each other");
}

TEST(Reader, RefusesMoreThanItsLimits) {
    EXPECT_THAT(refusal_of(std::string(kMaxLines + 1, '\n')), HasSubstr("more than 200000 lines"));
    std::string sections;
    for (std::size_t count = 0; count <= kMaxSections; ++count)
        sections += "backend b\n";
    EXPECT_THAT(refusal_of(sections), HasSubstr("more than 10000 sections"));
    EXPECT_THROW((void)read({{"a", std::string(kMaxText, ' ')}, {"b", " "}}, known()), ReadError);
}

TEST(ReaderTest, AByteOrderMarkIsNamed) {
    EXPECT_EQ(
        refusal_of("\xef\xbb\xbflisten a\n"),
        "h.cfg:1: a byte order mark (BOM) before the first word, which HAProxy takes for a part "
        "of that word: save the file without it");
}

}  // namespace
}  // namespace haproxy
