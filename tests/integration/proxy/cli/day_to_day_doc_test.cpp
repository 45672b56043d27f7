// docs/day-to-day.md shows commands that exist, and output in the form that they have.

#include <fstream>
#include <regex>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/fakes/fake_patroni.h"
#include "support/process/daemon_process.h"

using support::run;
using support::RunResult;
using testing::HasSubstr;

namespace {

struct Example {
    std::string command;
    std::vector<std::string> output;
};

/// What stands behind "    $ patroni_proxy ", and the lines below it.
std::vector<Example> examples_of_the_page() {
    std::ifstream page(CONTRIB_PATRONI "/../../docs/day-to-day.md");
    std::vector<Example> examples;
    bool ours = false;
    for (std::string line; std::getline(page, line);) {
        static const std::string prompt = "    $ ";
        static const std::string program = "patroni_proxy ";
        if (line.starts_with(prompt)) {
            ours = line.compare(prompt.size(), program.size(), program) == 0;
            if (ours)
                examples.push_back({line.substr(prompt.size() + program.size()), {}});
        } else if (!line.starts_with("    ")) {
            ours = false;
        } else if (ours) {
            examples.back().output.push_back(line.substr(4));
        }
    }
    return examples;
}

/// Without what differs from one run to the next: numbers, and how wide columns are.
std::string form_of(const std::string& text) {
    static const std::regex duration("[0-9.]+ (ms|s|min)\\b");
    static const std::regex number("[0-9]+");
    static const std::regex spaces(" +");
    const std::string durations = std::regex_replace(text, duration, "N s");
    return std::regex_replace(std::regex_replace(durations, number, "N"), spaces, " ");
}

class DayToDayDoc : public testing::Test {
  protected:
    DayToDayDoc() {
        daemon_.answer("/status", {.body = R"({"clusters": [{
            "name": "main", "leader": "p1", "table_age": 1,
            "members": [{"name": "p1", "role": "leader", "leads": true}, {"name": "p2"}, {"name": "p3"}],
            "ports": [
                {"name": "master", "roles": ["leader"], "max_queued": 10000,
                 "members": [{"member": "p1", "standing": "eligible"}]},
                {"name": "replicas", "roles": ["sync"], "allow": ["127.0.0.0/8", "10.0.0.0/8"],
                 "members": [{"member": "p2", "standing": "eligible"}]}]}]})"});
        daemon_.answer("/sessions", {.body = R"({"sessions": [
            {"id": "w0-3", "client": "127.0.0.1:36160", "state": "relaying"},
            {"id": "w0-4", "client": "127.0.0.1:36161", "state": "relaying"}], "total": 2})"});
        daemon_.answer("/history", {.body = R"({"records": [
            {"id": 6, "cluster": "main", "kind": "leader", "began": 1000, "ended": 1003,
             "no_leader_seconds": 3, "summary": "leader p1 -> p2; no leader for 3.0 s",
             "steps": [{"at": 1001, "step": "doubted", "member": "p1"}]},
            {"id": 10, "cluster": "main", "kind": "leader", "began": 2000, "ended": 2020,
             "no_leader_seconds": 20, "summary": "leader p2 -> p1; no leader for 20.0 s"}]})"});
    }

    [[nodiscard]] RunResult run_command(const std::string& command) const {
        return run({"bash", "-c", PROXY_BINARY " " + command + " --control " + daemon_.address()});
    }
    /// The daemon answers as the page says; what it is asked for is not looked at here.
    [[nodiscard]] RunResult run_change(const Example& example) {
        (void)run_command(example.command);
        daemon_.answer(daemon_.request_log().back().path,
                       {.body = R"({"message": ")" + example.output.front() + "\"}"});
        return run_command(example.command);
    }

    support::FakePatroni daemon_;
};

TEST_F(DayToDayDoc, CommandsRunAndAnswerInTheFormThatIsShown) {
    const auto examples = examples_of_the_page();
    EXPECT_GE(examples.size(), 15U);
    for (const auto& example : examples) {
        ASSERT_FALSE(example.output.empty()) << example.command;
        RunResult result = run_command(example.command);
        if (result.status.code == 1)
            result = run_change(example);
        EXPECT_EQ(result.status.code, 0) << example.command << ": " << result.err;
        const bool table = example.output.front().starts_with("+");
        const std::string shown = table ? example.output[1] + "\n" : example.output.front() + "\n";
        EXPECT_THAT(form_of(result.out), HasSubstr(form_of(shown))) << example.command;
        EXPECT_THAT(form_of(result.out), HasSubstr(form_of(example.output.back()).substr(0, 12)))
            << example.command;
    }
}

TEST(CheckHelp, ListsTheExitCodesOfThePage) {
    static const std::regex row("\\| ([0-3]) `([A-Z]+)` \\| (.*) \\|");
    static const std::regex blanks("\\s+");
    const RunResult result = run({PROXY_BINARY, "check", "--help"});
    EXPECT_EQ(result.status.code, 0) << result.err;
    const std::string help = std::regex_replace(result.out, blanks, " ");
    std::ifstream page(CONTRIB_PATRONI "/../../docs/day-to-day.md");
    unsigned rows = 0;
    for (std::string line; std::getline(page, line);) {
        std::smatch found;
        if (!std::regex_match(line, found, row))
            continue;
        ++rows;
        std::string text = found.format("$1 $2 $3");
        std::erase(text, '`');
        EXPECT_THAT(help, HasSubstr(text));
    }
    EXPECT_EQ(rows, 4U);
}

}  // namespace
