// Each file of tests/data/haproxy/doctor is named after what is wrong with it: ID.bad.cfg has that
// finding and no other, ID.good.cfg has something like it and no finding.

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <set>
#include <sstream>

#include <Poco/JSON/Array.h>
#include <Poco/JSON/Object.h>
#include <Poco/JSON/Parser.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/system/file.h"
#include "haproxy/grammar/reader.h"
#include "patroni_proxy/migrate/doctor/findings.h"

namespace proxy::migrate {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const std::string kDoctorCorpus = TEST_DATA "/haproxy/doctor";

std::vector<Finding> findings_in(const std::string& text) {
    return examine(haproxy::read({{"h.cfg", text}},
                                 [](const std::string&) { return std::optional<std::string>(); }));
}

std::vector<std::string> files() {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(kDoctorCorpus))
        names.push_back(entry.path().stem());
    std::sort(names.begin(), names.end());
    return names;
}

class Doctor : public testing::TestWithParam<std::string> {};

TEST_P(Doctor, FindsWhatIsWrongAndNothingElse) {
    const auto findings =
        findings_in(daemons::read_file(kDoctorCorpus + "/" + GetParam() + ".cfg"));
    const std::string id = GetParam().substr(0, GetParam().find('.'));
    if (!GetParam().ends_with(".bad")) {
        EXPECT_THAT(findings, IsEmpty()) << text_of(findings);
        return;
    }
    EXPECT_FALSE(findings.empty());
    for (const auto& finding : findings) {
        EXPECT_TRUE(id.starts_with(finding.id)) << text_of(findings);
        EXPECT_GT(finding.place.line, 0);
        EXPECT_FALSE(finding.consequence.empty());
        EXPECT_FALSE(finding.remedy.empty());
    }
    EXPECT_THAT(text_of(findings) + json_of(findings), Not(HasSubstr("hunter2")));
}

INSTANTIATE_TEST_SUITE_P(Corpus, Doctor, testing::ValuesIn(files()), [](const auto& file) {
    std::string name = file.param;
    std::replace_if(
        name.begin(), name.end(), [](char c) { return c == '.' || c == '-'; }, '_');
    return name;
});

TEST(DoctorCorpus, HasAGoodAndABadFileForEachFinding) {
    std::set<std::string> good;
    std::set<std::string> bad;
    for (const auto& file : files()) {
        const std::string id = file.substr(0, file.find('.'));
        (file.ends_with(".bad") ? bad : good).insert(id);
    }
    for (const auto* id : {"agent-without-disabled",
                           "bind-ssl",
                           "check-on-server-port",
                           "disabled-without-agent",
                           "early-promotion",
                           "mode-http",
                           "no-check",
                           "no-expose-fd",
                           "no-request",
                           "no-role",
                           "equal-names",
                           "not-read",
                           "overridden-check",
                           "reads-without-a-way-out",
                           "refused-by-3",
                           "secret",
                           "sessions-stay",
                           "short-timeout",
                           "slow-check",
                           "starts-up",
                           "unknown-role"}) {
        EXPECT_TRUE(good.contains(id)) << id;
        EXPECT_TRUE(bad.contains(id)) << id;
    }
}

/// The guide shows what doctor finds in the file that it begins with.
TEST(DoctorCorpus, GuideShowsWhatIsFound) {
    const std::string guide = daemons::read_file(DOCS "/migration.md");
    const auto configuration =
        haproxy::read({{"haproxy.cfg", daemons::read_file(CONTRIB_HAPROXY "/httpchk_only.cfg")}},
                      [](const std::string&) { return std::optional<std::string>(); });
    std::istringstream lines(text_of(examine(configuration)));
    for (std::string line; std::getline(lines, line);)
        EXPECT_THAT(guide, HasSubstr("    " + line + "\n"));
}

/// The guide promises that nothing is found after step 1.
TEST(DoctorCorpus, OurOwnFilesWithAnAgentAreClean) {
    for (const std::string file : {"agent_beside_haproxy.cfg", "agent_on_database_hosts.cfg"}) {
        const auto findings = findings_in(daemons::read_file(CONTRIB_HAPROXY "/" + file));
        EXPECT_THAT(findings, IsEmpty()) << text_of(findings);
    }
}

TEST(DoctorCorpus, EveryFindingIsDocumented) {
    const std::string documentation = daemons::read_file(DOCS "/import.md");
    for (const auto& file : files()) {
        if (!file.ends_with(".bad") || file.find("no-role-") != std::string::npos)
            continue;
        EXPECT_THAT(documentation, HasSubstr("`" + file.substr(0, file.find('.')) + "`"));
    }
}

TEST(DoctorOutput, RanksByWhatAFlawCosts) {
    const auto findings = findings_in(
        "global\n setenv MY_PASSWORD x\ndefaults\n timeout client 50s\n timeout server 50s\n"
        "listen a\n bind *:5000\n server p 10.0.0.1:5432 check\n");
    std::vector<Severity> severities;
    for (const auto& finding : findings)
        severities.push_back(finding.severity);
    EXPECT_TRUE(std::is_sorted(severities.begin(), severities.end()));
    ASSERT_FALSE(findings.empty());
    EXPECT_EQ(findings.front().id, "no-role");
    EXPECT_EQ(exit_code_of(findings), 6);
    EXPECT_THAT(text_of(findings),
                AllOf(HasSubstr("h.cfg:6: critical in listen a: no role is asked for"),
                      HasSubstr("\n    consequence: "), HasSubstr("\n    remedy: "),
                      HasSubstr("1 critical, 2 high, 1 medium, 1 low")));
}

TEST(DoctorOutput, SaysThatNothingWasFound) {
    EXPECT_EQ(text_of(std::vector<Finding>{}), "nothing found\n");
    EXPECT_EQ(exit_code_of({}), 0);
    Poco::JSON::Parser parser;
    const auto json = parser.parse(json_of({})).extract<Poco::JSON::Object::Ptr>();
    EXPECT_TRUE(json->isNull("worst"));
    EXPECT_EQ(json->getArray("findings")->size(), 0U);
}

TEST(DoctorOutput, IsJsonForPrograms) {
    Poco::JSON::Parser parser;
    const auto json =
        parser
            .parse(json_of(findings_in("listen a\n bind *:1 ssl\n option httpchk GET /primary\n"
                                       " server p 10.0.0.1:5432 check port 8008\n")))
            .extract<Poco::JSON::Object::Ptr>();
    EXPECT_EQ(json->getValue<std::string>("worst"), "high");
    const auto first = json->getArray("findings")->getObject(0);
    EXPECT_EQ(first->getValue<int>("line"), 4);
    EXPECT_EQ(first->getValue<std::string>("file"), "h.cfg");
}

TEST(DoctorOutput, HasAnExitCodeForEachSeverity) {
    const auto code = [](Severity severity) {
        return exit_code_of({{"x", severity, {"f", 1}, "", "", "", ""}});
    };
    EXPECT_EQ(code(Severity::low), 0);
    EXPECT_EQ(code(Severity::medium), 4);
    EXPECT_EQ(code(Severity::high), 5);
    EXPECT_EQ(code(Severity::critical), 6);
}

TEST(DoctorOutput, LeavesAloneWhatIsNotPostgres) {
    const auto findings = findings_in(
        "defaults\n mode http\n timeout client 10s\nfrontend web\n bind *:80\n"
        " default_backend site\nbackend site\n server a 10.0.0.1:80\n");
    ASSERT_EQ(findings.size(), 1U) << text_of(findings);
    EXPECT_EQ(findings.front().id, "nothing-examined");
    EXPECT_EQ(exit_code_of(findings), 0);
}

TEST(DoctorOutput, SaysWhetherReadsOrWritesAreMeant) {
    const auto consequence = [](const std::string& path) {
        for (const auto& finding :
             findings_in("listen a\n bind *:1\n option httpchk GET " + path +
                         "\n server s 10.0.0.1:5432 check port 8008 agent-check agent-port 1 "
                         "on-marked-down shutdown-sessions\n"))
            if (finding.id == "agent-without-disabled")
                return finding.consequence;
        return std::string();
    };
    EXPECT_THAT(consequence("/primary"), HasSubstr("so writes reach standbys"));
    EXPECT_THAT(consequence("/replica"), HasSubstr("so sessions reach members without the role"));
}

TEST(DoctorOutput, AScriptMustLookAtTheAnswer) {
    const auto ids = [](const std::string& expect) {
        std::set<std::string> found;
        for (const auto& finding :
             findings_in("listen a\n bind *:1\n option tcp-check\n tcp-check connect port 8008\n"
                         " tcp-check send GET\\ /primary\\ HTTP/1.0\\r\\n\\r\\n\n" +
                         expect + " server s 10.0.0.1:5432 check\n"))
            found.insert(finding.id);
        return found;
    };
    EXPECT_TRUE(ids("").contains("no-role")) << "it passes whatever Patroni answers";
    EXPECT_TRUE(ids(" tcp-check expect string HTTP/1.0\n").contains("no-role"));
    const auto status = ids(" tcp-check expect rstring ^HTTP/1..\\ 200\n");
    EXPECT_FALSE(status.contains("no-role"));
    EXPECT_TRUE(status.contains("early-promotion")) << "the status alone counts";
    EXPECT_FALSE(ids(" tcp-check expect rstring \"role\\\": \\\"primary\"\n").contains("no-role"));
}

TEST(DoctorOutput, TakesSecondsForThousandsOfSections) {
    std::string text;
    for (int i = 0; i < 5'000; ++i)
        text +=
            "listen a" + std::to_string(i) +
            "\n bind *:5000\n option httpchk /primary\n server s 10.0.0.1:5432 check port 8008\n";
    const auto begin = std::chrono::steady_clock::now();
    (void)findings_in(text);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
}

}  // namespace
}  // namespace proxy::migrate
