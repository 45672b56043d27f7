#include "patroni_proxy/history/history.h"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <Poco/JSON/Object.h>
#include <Poco/JSON/Parser.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "patroni_proxy/history/history_json.h"
#include "patroni_proxy/page/history_section.h"
#include "unit/proxy/logged.h"

namespace proxy::history {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

/// Clients of one cluster that are refused, and nothing more.
void refuse_some(History& history, Clock::time_point& now, int number) {
    static std::uint64_t refused = 0;
    const auto between = ClusterStory::kBetweenWaves + std::chrono::seconds(1);
    const std::vector<std::pair<std::chrono::seconds, int>> beats{
        {between, 0}, {1s, number}, {between, 0}};
    for (const auto& [time, more] : beats) {
        refused += static_cast<std::uint64_t>(more);
        CountsSeen counts{now += time, {}};
        counts.ports["rw"].refused["port_full"] = refused;
        history.see("main", std::move(counts));
    }
}

TEST(HistoryTest, KeepsTheLatestRecords) {
    History history;
    for (std::size_t i = 0; i < History::kMostRecords + 30; ++i)
        history.note({"main", "main/p1", "drained by uid " + std::to_string(i), "uid 0"});
    const auto records = history.records();
    ASSERT_EQ(records.size(), History::kMostRecords);
    EXPECT_EQ(records.front()->words, "main/p1: drained by uid 30");
    EXPECT_EQ(records.back()->id, History::kMostRecords + 30);
}

TEST(HistoryTest, GoesOnInAnotherProcess) {
    History before;
    for (int i = 0; i < 3; ++i)
        before.note({"main", "main/p1", "drained " + std::to_string(i), "uid 0"});
    Clock::time_point now{1h};
    CountsSeen counts{now, {}};
    counts.ports["rw"].refused["port_full"] = 0;
    before.see("main", counts);
    counts.at += ClusterStory::kBetweenWaves;
    counts.ports["rw"].refused["port_full"] = 7;
    before.see("main", counts);
    ASSERT_EQ(before.records().size(), 4U);
    EXPECT_FALSE(before.records().back()->ended);
    std::vector<Record> passed;
    for (const auto& record : before.records_for_successor())
        passed.push_back(*record);
    ASSERT_EQ(passed.size(), 4U);
    EXPECT_EQ(passed.back().id, 4U);
    EXPECT_TRUE(passed.back().ended);
    EXPECT_THAT(passed.back().summary, HasSubstr("still open when the program was upgraded"));
    EXPECT_FALSE(before.records().back()->ended) << "the upgrade may still fail";

    History after;
    after.note({"main", "main/p1", "what the process before has kept as well", "uid 0"});
    after.go_on_with(passed);
    after.note({{}, {}, "upgraded", {}});
    const auto records = after.records();
    ASSERT_EQ(records.size(), 5U);
    EXPECT_EQ(records.front()->words, "main/p1: drained 0");
    EXPECT_EQ(records.back()->id, 5U);
    EXPECT_EQ(records.back()->words, "upgraded");
}

TEST(HistoryTest, WavesOfClientsDoNotPushTheRestOut) {
    History history;
    history.note({"main", "main/p1", "drained by uid 0", "uid 0"});
    Clock::time_point now{std::chrono::hours(1)};
    const auto log = logged_during([&] {
        for (std::size_t i = 0; i < History::kMostRecords; ++i)
            refuse_some(history, now, 3);
    });
    EXPECT_EQ(history.records().size(), 1 + History::kMostRecords / 2);
    EXPECT_EQ(history.records().front()->kind, Kind::operator_action);
    // They come again and again, so only the first is logged at once.
    EXPECT_THAT(log, MatchesRegex("[-0-9:. ]+ INFO main: clients of rw were refused: port_full; 0 "
                                  "sessions ended, 0 clients held, 3 refused\n"));
}

TEST(HistoryTest, IsValidJsonWhateverTheNames) {
    History history;
    history.note({"ma\"in", "\xff", std::string(5'000, 'x'), "uid 0"});
    const auto root = Poco::JSON::Parser()
                          .parse(history_json(history.records()))
                          .extract<Poco::JSON::Object::Ptr>();
    const auto record = root->getArray("records")->getObject(0);
    EXPECT_EQ(record->getValue<std::string>("cluster"), "ma\"in");
    EXPECT_LE(record->getValue<std::string>("words").size(), Record::kLongestText);
    EXPECT_TRUE(record->isNull("leader_before"));
    EXPECT_TRUE(record->has("began_iso"));
}

TEST(HistorySectionTest, TextFromElsewhereIsNoMarkup) {
    History history;
    history.note({"main", "main/<b>", "drained by <script>", "uid 0"});
    EXPECT_EQ(page::history_section({}), "");
    const std::string html = page::history_section(history.records());
    EXPECT_THAT(html, HasSubstr("main/&lt;b&gt;: drained by &lt;script&gt;"));
    EXPECT_THAT(html, Not(HasSubstr("<script>")));
}

}  // namespace
}  // namespace proxy::history
