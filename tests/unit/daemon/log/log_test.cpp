#include "daemon/log/log.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>
#include <stdexcept>
#include <sys/resource.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <utility>

#include <Poco/JSON/Object.h>
#include <Poco/JSON/Parser.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/process/temp_dir.h"
#include "support/wait.h"

namespace daemons {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;

constexpr char kTime[] =
    "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9] "
    "[0-9][0-9]:[0-9][0-9]:[0-9][0-9]\\.[0-9][0-9][0-9] ";

std::vector<std::string> lines_in(const std::string& file) {
    EXPECT_TRUE(log::flush(support::default_timeout));
    std::ifstream in(file);
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);)
        lines.push_back(line);
    return lines;
}

/// Without what differs from one run to the next.
std::vector<std::string> messages_in(const std::string& file) {
    auto lines = lines_in(file);
    for (auto& line : lines)
        line.erase(0, std::string("2026-11-21 05:03:24.123 ").size());
    return lines;
}

/// Logs into a file of its own, and leaves things as they are in a process that begins.
class LogTest : public testing::Test {
  protected:
    LogTest() { log::configure({.file = file_}); }
    ~LogTest() override {
        log::configure({});
        EXPECT_TRUE(log::flush(support::default_timeout));
    }

    void use_json() { log::configure({.format = log::Format::json, .file = file_}); }
    void use_level(log::Level level) { log::configure({.level = level, .file = file_}); }

    support::TempDir directory_;
    std::string file_ = directory_.path() / "log";
};

TEST_F(LogTest, WritesALineAnEventWithTimeLevelAndMessage) {
    use_level(log::Level::debug);
    log::error({"test"}, "bad");
    log::warning({"test"}, "odd");
    log::info({"test"}, "up");
    log::debug({"test"}, "detail");
    const std::string time = kTime;
    EXPECT_THAT(lines_in(file_),
                ElementsAre(MatchesRegex(time + "ERROR bad"), MatchesRegex(time + "WARNING odd"),
                            MatchesRegex(time + "INFO up"), MatchesRegex(time + "DEBUG detail")));
}

TEST_F(LogTest, TakesAMessageAsItIs) {
    log::info({"test"}, "100% %s %d \"%t\" a=b");
    EXPECT_THAT(messages_in(file_), ElementsAre("INFO 100% %s %d \"%t\" a=b"));
}

TEST_F(LogTest, FieldsFollowTheMessageAndAreQuotedWhereTheyCouldBeMisread) {
    log::info({"test"}, "main/rw: session ended",
              {{"client", "127.0.0.1:5000"}, {"reason", "closed by the client"}});
    log::warning({"test"}, "w", {{"empty", ""}, {"equals", "a=b"}, {"quote", "say \"no\""}});
    log::error({"test"}, "e",
               {{"backslash", "a\\b"}, {"control", "a\tb\x1b"}, {"word", "gr\u00fc\u00dfe"}});
    EXPECT_THAT(messages_in(file_),
                ElementsAre("INFO main/rw: session ended client=127.0.0.1:5000 "
                            "reason=\"closed by the client\"",
                            R"(WARNING w empty="" equals="a=b" quote="say \"no\"")",
                            "ERROR e backslash=\"a\\\\b\" control=\"a\\tb\\u001b\" "
                            "word=gr\u00fc\u00dfe"));
}

TEST_F(LogTest, OneEventIsOneLineWhateverAPeerSends) {
    const std::string forged = "odd\r\n2026-11-21 05:03:24.123 INFO all is well\\n";
    log::info({"test"}, forged, {{"answer", forged}});
    // Some take these for ends of lines or obey them: NEL, CSI, LINE SEPARATOR, an override of
    // the direction, DEL, and the NUL that ends a string.
    log::info({"test"}, std::string("a\u0085b\u009bc\u2028d\u202ee\x7f") + '\0' + "f");
    EXPECT_THAT(messages_in(file_),
                ElementsAre(R"(INFO odd\r\n2026-11-21 05:03:24.123 INFO all is well\\n )"
                            R"(answer="odd\r\n2026-11-21 05:03:24.123 INFO all is well\\n")",
                            R"(INFO a\u0085b\u009bc\u2028d\u202ee\u007f\u0000f)"));
}

TEST_F(LogTest, BytesThatAreNotUtf8AreReplaced) {
    const std::string r = "\ufffd";
    const std::vector<std::pair<std::string, std::string>> table{
        {"\x80", r},
        {"\xff\xfe", r + r},
        {"\xc3", r},
        {"\xc3(", r + "("},
        {"\xc0\xaf", r + r},
        {"\xe2\x82", r + r},
        {"\xe0\x80\x80", r + r + r},
        {"\xed\xa0\x80", r + r + r},
        {"\xf0\x9f", r + r},
        {"\xf0\x80\x80\x80", r + r + r + r},
        {"\xf4\x90\x80\x80", r + r + r + r},
        {"\xf5", r},
        {"\u00fc\u20ac\uffff\U0001f600\U0010ffff", "\u00fc\u20ac\uffff\U0001f600\U0010ffff"},
    };
    std::vector<std::string> wanted;
    for (const auto& [bytes, replaced] : table) {
        log::info({"test"}, bytes);
        wanted.push_back("INFO " + replaced);
    }
    EXPECT_EQ(messages_in(file_), wanted);
}

TEST_F(LogTest, CutsWhatIsTooLongForALine) {
    const std::string just_fits(16384, 'x');
    log::info({"test"}, just_fits + "y", {{"long", just_fits + "y"}, {"fits", just_fits}});
    EXPECT_THAT(messages_in(file_), ElementsAre("INFO " + just_fits + "... long=" + just_fits +
                                                "... fits=" + just_fits));
}

TEST_F(LogTest, DoesNotMakeADebugMessageThatNobodyWants) {
    int made = 0;
    const auto tell = [&] {
        log::debug({"test"}, [&] {
            ++made;
            return "costly";
        });
        log::debug({"test"}, "cheap");
    };
    tell();
    EXPECT_FALSE(log::debug_enabled());
    EXPECT_EQ(made, 0);
    EXPECT_THAT(lines_in(file_), IsEmpty());
    use_level(log::Level::debug);
    tell();
    EXPECT_TRUE(log::debug_enabled());
    EXPECT_EQ(made, 1);
    EXPECT_THAT(messages_in(file_), ElementsAre("DEBUG costly", "DEBUG cheap"));
}

TEST_F(LogTest, LeavesOutWhatIsBelowItsLevel) {
    using log::Level;
    for (const auto level : {Level::error, Level::warning, Level::info, Level::debug}) {
        use_level(level);
        for (const auto event : {Level::error, Level::warning, Level::info, Level::debug})
            EXPECT_EQ(log::enabled(event), event <= level);
        log::error({"test"}, "1");
        log::warning({"test"}, "2");
        log::info({"test"}, "3");
        log::debug({"test"}, "4");
    }
    EXPECT_THAT(messages_in(file_),
                ElementsAre("ERROR 1", "ERROR 1", "WARNING 2", "ERROR 1", "WARNING 2", "INFO 3",
                            "ERROR 1", "WARNING 2", "INFO 3", "DEBUG 4"));
}

TEST_F(LogTest, AJsonLineIsOneObject) {
    use_json();
    log::warning({"test"}, "main/rw: odd",
                 {{"client", "127.0.0.1:5000"}, {"reason", "said \"no\"\n"}});
    log::info({"test"}, "up");
    EXPECT_THAT(
        lines_in(file_),
        ElementsAre(MatchesRegex("\\{\"time\":\"[0-9]+-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]"
                                 ":[0-9][0-9]\\.[0-9][0-9][0-9][+-][0-9][0-9]:[0-9][0-9]\","
                                 "\"level\":\"warning\",\"event\":\"test\","
                                 "\"message\":\"main/rw: odd\","
                                 "\"client\":\"127.0.0.1:5000\","
                                 "\"reason\":\"said ..no....\"\\}"),
                    EndsWith(R"("level":"info","event":"test","message":"up"})")));
}

TEST_F(LogTest, JsonSaysWhatAMessageIsAboutAndHasNumbersAsNumbers) {
    use_json();
    log::info({"session_ended", "main/rw", "p1", "10.0.0.7:5000"}, "m",
              {{"count", std::uint64_t{18'446'744'073'709'551'615U}},
               {"seconds", 1.5},
               {"user", std::optional<std::string>{}},
               {"nothing", std::numeric_limits<double>::quiet_NaN()},
               {"id", "12"}});
    log::info({"cluster_leader", "main"}, "m");
    EXPECT_THAT(
        lines_in(file_),
        ElementsAre(
            EndsWith(R"("event":"session_ended","cluster":"main","port":"rw","member":"p1",)"
                     R"("client":"10.0.0.7:5000","message":"m","count":18446744073709551615,)"
                     R"("seconds":1.500000,"user":null,"nothing":"nan","id":"12"})"),
            EndsWith(R"("event":"cluster_leader","cluster":"main","message":"m"})")));
}

TEST_F(LogTest, TextHasTheFieldsButNotWhatTheMessageSaysAnyway) {
    log::info({"session_ended", "main/rw", "p1"}, "main/rw: ended",
              {{"count", 7}, {"user", std::optional<std::string>{}}});
    EXPECT_THAT(messages_in(file_), ElementsAre("INFO main/rw: ended count=7 user=-"));
}

TEST_F(LogTest, JsonIsValidWhateverBytesComeIn) {
    use_json();
    std::string all;
    for (int i = 0; i < 256; ++i)
        all += static_cast<char>(i);
    const std::string text = "tab\t quote\" back\\slash \u00fc \u20ac \U0001f600 \x01 end";
    log::info({"test"}, text, {{"all", all}, {"cut", "\xe2\x82"}});
    log::info({"test"}, all + std::string(20'000, '\xff'));
    const auto lines = lines_in(file_);
    ASSERT_EQ(lines.size(), 2U);
    const auto event = Poco::JSON::Parser().parse(lines[0]).extract<Poco::JSON::Object::Ptr>();
    EXPECT_EQ(event->getValue<std::string>("message"), text);
    EXPECT_EQ(event->getValue<std::string>("cut"), "\ufffd\ufffd");
    std::string ascii = all.substr(0, 128);
    EXPECT_EQ(event->getValue<std::string>("all").substr(0, 128), ascii);
    for (const auto& line : lines) {
        EXPECT_NO_THROW(Poco::JSON::Parser().parse(line));
        EXPECT_TRUE(
            std::none_of(line.begin(), line.end(), [](char c) { return c >= '\0' && c < ' '; }));
    }
}

/// With the zone of the process set to one that is not UTC.
class LogZoneTest : public LogTest {
  protected:
    // NOLINTBEGIN(concurrency-mt-unsafe): the thread that writes asks no environment
    LogZoneTest() {
        ::setenv("TZ", "XYZ-05:30", 1);
        ::tzset();
    }
    ~LogZoneTest() override {
        ::unsetenv("TZ");
        ::tzset();
    }
    // NOLINTEND(concurrency-mt-unsafe)
};

TEST_F(LogZoneTest, TellsTheOffsetOfLocalTime) {
    use_json();
    std::thread([] {
        log::info({"test"}, "there");
    }).join();  // this one may have made the second already
    EXPECT_THAT(lines_in(file_), ElementsAre(HasSubstr("+05:30\"")));
}

TEST_F(LogTest, KeepsLinesOfSeveralThreadsApart) {
    constexpr std::size_t kThreads = 4;
    constexpr std::size_t kEach = 500;
    {
        std::vector<std::jthread> threads;
        for (std::size_t i = 0; i < kThreads; ++i)
            threads.emplace_back([i] {
                for (std::size_t line = 0; line < kEach; ++line)
                    log::info({"test"}, "a line of its own", {{"thread", std::to_string(i)}});
            });
        for (int i = 0; i < 20; ++i)
            log::configure({.file = file_});
    }
    const auto messages = messages_in(file_);
    EXPECT_EQ(messages.size(), kThreads * kEach);
    for (std::size_t i = 0; i < kThreads; ++i)
        EXPECT_EQ(std::count(messages.begin(), messages.end(),
                             "INFO a line of its own thread=" + std::to_string(i)),
                  kEach);
}

TEST_F(LogTest, GoesOnInANewFileOnceTheOldOneIsRotated) {
    log::info({"test"}, "first");
    EXPECT_TRUE(log::flush(support::default_timeout));
    const std::string rotated = file_ + ".1";
    std::filesystem::rename(file_, rotated);
    log::info({"test"}, "still into the old one");
    log::configure({.file = file_});
    log::info({"test"}, "into the new one");
    EXPECT_THAT(messages_in(rotated), ElementsAre("INFO first", "INFO still into the old one"));
    EXPECT_THAT(messages_in(file_), ElementsAre("INFO into the new one"));
}

TEST_F(LogTest, AppendsToAFile) {
    log::info({"test"}, "one");
    log::configure({.file = file_});
    log::info({"test"}, "two");
    EXPECT_THAT(messages_in(file_), ElementsAre("INFO one", "INFO two"));
}

TEST_F(LogTest, AFileThatCannotBeOpenedChangesNothing) {
    for (const std::string& bad :
         {directory_.path().string(), directory_.path().string() + "/missing/log"}) {
        try {
            log::configure({.level = log::Level::debug, .format = log::Format::json, .file = bad});
            FAIL() << bad;
        } catch (const std::runtime_error& error) {
            EXPECT_THAT(error.what(), HasSubstr("'" + bad + "': "));
        }
        EXPECT_FALSE(log::debug_enabled());
        log::info({"test"}, "as before");
    }
    EXPECT_THAT(messages_in(file_), ElementsAre("INFO as before", "INFO as before"));
}

/// What `function` writes to stderr.
template <typename Function>
std::string stderr_of(Function function) {
    EXPECT_TRUE(log::flush(support::default_timeout));
    testing::internal::CaptureStderr();
    function();
    EXPECT_TRUE(log::flush(support::default_timeout));
    return testing::internal::GetCapturedStderr();
}

/// What a disk does that fills up in the middle of a line.
class FileSizeLimit {
  public:
    explicit FileSizeLimit(rlim_t size) {
        ::getrlimit(RLIMIT_FSIZE, &before_);
        const rlimit limit{size, before_.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &limit);
    }
    ~FileSizeLimit() { ::setrlimit(RLIMIT_FSIZE, &before_); }
    FileSizeLimit(const FileSizeLimit&) = delete;
    FileSizeLimit& operator=(const FileSizeLimit&) = delete;

  private:
    rlimit before_{};
};

TEST_F(LogTest, ALineCutByAFullDiskIsLostAndTheNextStartsAnew) {
    const auto dropped_before = log::dropped();
    {
        const FileSizeLimit limit(66);  // a line of 34, and 32 of the next
        log::info({"test"}, "fits");
        log::info({"test"}, "does not fit");
        log::info({"test"}, "nor does this");
        EXPECT_TRUE(log::flush(support::default_timeout));
    }
    EXPECT_EQ(log::dropped() - dropped_before, 2U);
    EXPECT_EQ(log::problem(), "the log file '" + file_ + "': File too large");
    log::info({"test"}, "room again");
    EXPECT_TRUE(log::flush(support::default_timeout));
    EXPECT_EQ(log::problem(), "");
    EXPECT_THAT(messages_in(file_), ElementsAre("INFO fits", "INFO doe", "INFO room again",
                                                "WARNING log: events were lost count=2"));
}

TEST(LogSettings, AreToldApart) {
    const log::Settings settings{.level = log::Level::debug, .file = "f"};
    EXPECT_EQ(settings, settings);
    EXPECT_NE(settings, log::Settings{});
}

TEST(LogTargetTest, IsStderrUnlessAFileIsNamed) {
    const std::string time = kTime;
    EXPECT_THAT(stderr_of([] { log::info({"test"}, "up"); }), MatchesRegex(time + "INFO up\n"));
    EXPECT_THAT(stderr_of([] {
                    log::configure({.format = log::Format::json});
                    log::info({"test"}, "up");
                    log::configure({});
                }),
                EndsWith("\"up\"}\n"));
}

/// As systemd sets it for a service, with what stderr is at that moment.
class JournalStream {
  public:
    // NOLINTBEGIN(concurrency-mt-unsafe): nobody else asks
    explicit JournalStream(const std::string& value) {
        ::setenv("JOURNAL_STREAM", value.c_str(), 1);
    }
    ~JournalStream() { ::unsetenv("JOURNAL_STREAM"); }
    // NOLINTEND(concurrency-mt-unsafe)
    JournalStream(const JournalStream&) = delete;
    JournalStream& operator=(const JournalStream&) = delete;

    static std::string of_stderr() {
        struct stat status {};
        EXPECT_EQ(::fstat(STDERR_FILENO, &status), 0);
        return std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
    }
};

TEST(LogTargetTest, GivesTheJournalPriorities) {
    const std::string told = stderr_of([] {
        const JournalStream journal(JournalStream::of_stderr());
        log::configure({.level = log::Level::debug});
        log::error({"test"}, "e");
        log::warning({"test"}, "w");
        log::info({"test"}, "i");
        log::debug({"test"}, "d");
    });
    const std::string time = kTime;
    EXPECT_THAT(told, MatchesRegex("<3>" + time + "ERROR e\n<4>" + time + "WARNING w\n<6>" + time +
                                   "INFO i\n<7>" + time + "DEBUG d\n"));
    // stderr has been redirected since.
    EXPECT_THAT(stderr_of([] {
                    const JournalStream journal("1:1");
                    log::configure({});
                    log::info({"test"}, "i");
                }),
                MatchesRegex(time + "INFO i\n"));
    log::configure({});
}

}  // namespace
}  // namespace daemons
