// docs/log_events.md and docs/operations.md have each event of the code, and no other.

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace daemons {
namespace {

const std::filesystem::path kRoot = std::filesystem::path(TEST_DATA) / "../..";

std::string content_of(const std::filesystem::path& file) {
    std::ifstream in(file);
    return {std::istreambuf_iterator<char>(in), {}};
}

std::set<std::string> found_in(const std::string& text, const std::regex& pattern) {
    std::set<std::string> found;
    for (std::sregex_iterator match(text.begin(), text.end(), pattern), end; match != end; ++match)
        found.insert(match->str(1));
    return found;
}

/// The first string in the call whose arguments begin at `at`, if `is_event` accepts what stands
/// before it. Empty otherwise.
template <typename IsEvent>
std::string first_string(const std::string& text, std::size_t at, IsEvent is_event) {
    const auto quote = text.find_first_of("\";", at);
    if (quote == std::string::npos || text[quote] == ';' ||
        !is_event(std::string_view(text).substr(at, quote - at)))
        return {};
    return text.substr(quote + 1, text.find('"', quote + 1) - quote - 1);
}

/// An event is named in the braces of About, or in the call of a helper of the same file.
std::set<std::string> find_events() {
    const auto in_braces = [](std::string_view before) {
        const auto last = before.find_last_not_of(" \n");
        return last != std::string_view::npos && before[last] == '{';
    };
    const auto after_level = [](std::string_view before) {
        return before.find("Level::") != std::string_view::npos;
    };
    std::set<std::string> events{"log_lines_lost", "log_target_failed"};  // the log's own
    for (const char* const room : {"apps", "libs"})
        for (const auto& file : std::filesystem::recursive_directory_iterator(kRoot / room)) {
            if (file.path().extension() != ".cpp" || file.path().parent_path().filename() == "log")
                continue;
            const std::string text = content_of(file);
            const auto collect = [&](const std::string& call, auto is_event) {
                for (auto at = text.find(call); at != std::string::npos; at = text.find(call, at)) {
                    at += call.size();
                    events.insert(first_string(text, at, is_event));
                }
            };
            for (const char* const call : {"log::error(", "log::warning(", "log::info(",
                                           "log::debug(", "log::write(", ".log(", "About about"})
                collect(call, in_braces);
            for (const char* const helper : {" say(", " tell("})
                collect(helper, after_level);
        }
    events.erase("");
    return events;
}

const std::set<std::string>& events_of_the_code() {
    static const std::set<std::string> events = find_events();
    return events;
}

TEST(LogEventsDocTest, NamesExactlyTheEventsOfTheCode) {
    const std::string page = content_of(kRoot / "docs/log_events.md");
    EXPECT_EQ(found_in(page, std::regex(R"(\| `([a-z_]+)` \| (?:error|warning|info|debug))")),
              events_of_the_code());
}

TEST(LogEventsDocTest, OperationsSaysWhatToDoAboutEach) {
    const std::string page = content_of(kRoot / "docs/operations.md");
    const auto start = page.find("\n## What the log says\n");
    ASSERT_NE(start, std::string::npos);
    const auto end = page.find("\n## ", start + 1);
    EXPECT_EQ(
        found_in(page.substr(start, end - start), std::regex(R"(\n\| `([a-z_]+)` \| `[^`\n]+`)")),
        events_of_the_code());
}

TEST(LogEventsDocTest, NamesAreNoLongerThanAMsgidOfSyslog) {
    for (const auto& event : events_of_the_code())
        EXPECT_LE(event.size(), 32U) << event;
}

}  // namespace
}  // namespace daemons
