#include "patroni_proxy/state/state_text.h"

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "patroni_proxy/state/state_file.h"
#include "support/process/temp_dir.h"

namespace proxy {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const Moment kSaved{patroni::Clock::time_point(1000s), 1'800'000'000, 5'000};

/// Another process that much later; its steady clock has a zero of its own.
Moment later(double seconds) {
    return {patroni::Clock::time_point(77s), kSaved.unix_time + seconds,
            kSaved.since_boot + seconds};
}

State sample() {
    patroni::Member leader;
    leader.name = "p1";
    leader.role = patroni::Role::leader;
    leader.role_name = "leader";
    leader.state = patroni::State::running;
    leader.state_name = "running";
    leader.host = "10.0.0.1";
    leader.port = 5432;
    leader.timeline = 7;
    leader.api_url = "http://10.0.0.1:8008/patroni";
    patroni::Member replica = leader;
    replica.name = "p2";
    replica.role = patroni::Role::replica;
    replica.role_name = "replica";
    replica.lag = 9'000'000'000'000'000'000U;
    replica.tells_replay_lag = true;
    replica.tags = {{"zone", "a\"b"}, {"nofailover", "true"}};
    patroni::ClusterSnapshot snapshot;
    snapshot.members = {leader, replica};
    snapshot.paused = true;
    snapshot.scope = "main";
    ClusterMemory memory;
    memory.cluster = "main";
    memory.hosts = {"http://10.0.0.1:8008"};
    memory.identity = {"main", "7710415257899169791"};
    memory.snapshot = std::make_shared<const patroni::ClusterSnapshot>(snapshot);
    memory.leader = "p1";
    memory.answered_at = kSaved.steady - 2s;
    memory.confirmed_at = kSaved.steady - 3s;
    State state;
    state.clusters = {memory};
    state.settings = {{.subject = {Operation::drain, "main", "p2", "rw"},
                       .why = "kernel",
                       .by = "uid 0, pid 42",
                       .since = kSaved.unix_time - 60,
                       .maintenance = true},
                      {.subject = {Operation::cap, "main", "p1", ""},
                       .since = kSaved.unix_time,
                       .until = kSaved.unix_time + 100,
                       .sessions = 7}};
    return state;
}

std::string problem_of(const std::string& text, const Moment& now = later(1)) {
    const auto state = parse_state(text, now);
    if (!state)
        return state.reason();
    return state.value().doubts.empty() ? "" : state.value().doubts.front();
}

TEST(StateTextTest, ReadsBackWhatWasWritten) {
    const State before = sample();
    const auto read = parse_state(state_text(before, kSaved), later(10));
    ASSERT_TRUE(read) << read.reason();
    const State& after = read.value();
    EXPECT_THAT(after.doubts, IsEmpty());
    ASSERT_EQ(after.clusters.size(), 1U);
    const ClusterMemory& memory = after.clusters[0];
    EXPECT_EQ(memory.cluster, "main");
    EXPECT_EQ(memory.hosts, before.clusters[0].hosts);
    EXPECT_EQ(memory.identity, before.clusters[0].identity);
    EXPECT_EQ(memory.leader, "p1");
    EXPECT_EQ(*memory.snapshot, *before.clusters[0].snapshot);
    EXPECT_EQ(later(10).steady - memory.answered_at, 12s);
    EXPECT_EQ(later(10).steady - memory.confirmed_at, 13s);
    EXPECT_TRUE(memory.ages_are_sure);
    EXPECT_EQ(memory.as_of, "2027-01-15 07:59:58 UTC");
    ASSERT_EQ(after.settings.size(), 2U);
    EXPECT_EQ(after.settings[0].subject, before.settings[0].subject);
    EXPECT_EQ(after.settings[0].reason(), "drained for maintenance by uid 0, pid 42: kernel");
    EXPECT_FALSE(after.settings[0].expires);
    EXPECT_EQ(after.settings[1].sessions, 7U);
    EXPECT_EQ(*after.settings[1].expires - later(10).steady, 90s);
    EXPECT_EQ(state_without_times(after), state_without_times(before));
}

TEST(StateTextTest, ReadsBackAnyNumberOfClusters) {
    State before = sample();
    while (before.clusters.size() < 2'000) {
        before.clusters.push_back(before.clusters.front());
        before.clusters.back().cluster = "c" + std::to_string(before.clusters.size());
    }
    const std::string text = state_text(before, kSaved);
    ASSERT_LT(text.size(), daemons::kMaxFileSize);
    const auto after = parse_state(text, later(10));
    ASSERT_TRUE(after) << after.reason();
    EXPECT_EQ(after.value().clusters.size(), 2'000U);
    EXPECT_EQ(after.value().settings.size(), before.settings.size());
}

TEST(StateTextTest, AgesAreSureOnlyIfBothClocksSayTheSame) {
    const std::string text = state_text(sample(), kSaved);
    const auto sure = [&](double by_day, double by_boot) {
        const Moment now{later(0).steady, kSaved.unix_time + by_day, kSaved.since_boot + by_boot};
        return parse_state(text, now).value().clusters.at(0).ages_are_sure;
    };
    EXPECT_TRUE(sure(60, 62));
    EXPECT_FALSE(sure(60, 66)) << "the clock was set back";
    EXPECT_FALSE(sure(66, 60)) << "it was set on";
    EXPECT_FALSE(sure(60, -4'900)) << "the host was restarted";
}

TEST(StateTextTest, WhatIsTooOldOrOfTheFutureIsLeftOut) {
    const std::string text = state_text(sample(), kSaved);
    EXPECT_EQ(problem_of(text, later(-60)),
              "cluster main: it is from the future: the clock was set back");
    const State old = parse_state(text, later(90'000)).value();
    EXPECT_THAT(old.clusters, IsEmpty());
    EXPECT_THAT(old.doubts, ElementsAre("cluster main: it is older than a day"));
    ASSERT_EQ(old.settings.size(), 2U);
    EXPECT_FALSE(old.settings[0].expires) << "a drain without an end stays";
    EXPECT_LT(*old.settings[1].expires, later(90'000).steady) << "that of a cap is told";
}

TEST(StateTextTest, NoByteMayBeChangedOrMissing) {
    const std::string text = state_text(sample(), kSaved);
    ASSERT_EQ(problem_of(text), "");
    for (std::size_t i = 0; i < text.size(); ++i) {
        std::string changed = text;
        changed[i] = static_cast<char>(changed[i] ^ 1);
        // The byte behind the checksum alone means nothing.
        if (text[i] != '\n' || text.find('\n') != i) {
            EXPECT_NE(problem_of(changed), "") << i;
        }
        EXPECT_NE(problem_of(text.substr(0, i)), "") << i;
    }
    EXPECT_EQ(problem_of(""), "it is no state file of this version of patroni_proxy");
    EXPECT_NE(problem_of(text + "x"), "");
}

TEST(StateFileTest, IsReplacedWholeAndForItsOwnerOnly) {
    const support::TempDir directory;
    const std::string path = directory.path() / "state";
    EXPECT_THAT(read_state(path, daemons::read_file, later(1)).doubts, IsEmpty())
        << "the first start";
    StateWriter writer(path);
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(writer.write(state_text(sample(), kSaved)), "");
        const State state = read_state(path, daemons::read_file, later(1));
        EXPECT_THAT(state.doubts, IsEmpty());
        EXPECT_EQ(state.clusters.size(), 1U);
    }
    EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms(0600));
    EXPECT_FALSE(std::filesystem::exists(path + ".new"));
    EXPECT_THAT(StateWriter("/nowhere/state").write(""),
                "/nowhere/state.new: cannot be written: No such file or directory");
}

TEST(StateFileTest, ThatNoStartWouldReadIsNotWritten) {
    const support::TempDir directory;
    const std::string path = directory.path() / "state";
    StateWriter writer(path);
    EXPECT_EQ(writer.write("small"), "");
    EXPECT_EQ(writer.write(std::string(daemons::kMaxFileSize + 1, 'x')),
              path + ": cannot be written: it would be larger than 4 MiB");
    EXPECT_EQ(daemons::read_file(path), "small");
    EXPECT_EQ(writer.write(std::string(daemons::kMaxFileSize, 'x')), "");
    EXPECT_EQ(daemons::read_file(path).size(), daemons::kMaxFileSize);
}

TEST(StateFileTest, OfAnUpgradeIsWrittenByTheProcessThatServes) {
    const support::TempDir directory;
    const std::string path = directory.path() / "state";
    StateWriter former(path);
    StateWriter next(path);
    EXPECT_EQ(former.write("former"), "");
    former.allow(false);
    EXPECT_EQ(next.write("next"), "");
    EXPECT_EQ(former.write("former again"), "");
    EXPECT_EQ(daemons::read_file(path), "next");
    former.allow(true);  // the upgrade has failed after all
    EXPECT_EQ(former.write("former again"), "");
    EXPECT_EQ(daemons::read_file(path), "former again");
}

TEST(StateFileTest, AProcessThatDrainsLeavesItToTheNextOne) {
    const support::TempDir directory;
    const std::string path = directory.path() / "state";
    StateWriter draining(path);
    EXPECT_EQ(draining.write("draining"), "");
    draining.keep_out();
    EXPECT_EQ(draining.write("still draining"), "");
    EXPECT_EQ(daemons::read_file(path), "still draining");
    EXPECT_EQ(StateWriter(path).write("next"), "");
    EXPECT_EQ(draining.write("draining again"), "");
    EXPECT_EQ(daemons::read_file(path), "next");
    EXPECT_TRUE(draining.is_left_to_another());
}

TEST(StateFileTest, WritersWaitForEachOther) {
    const support::TempDir directory;
    const std::string path = directory.path() / "state";
    const auto write_many = [&](char letter) {
        StateWriter writer(path);
        for (int i = 0; i < 50; ++i)
            EXPECT_EQ(writer.write(std::string(100'000, letter)), "");
    };
    {
        const std::jthread a(write_many, 'a');
        const std::jthread b(write_many, 'b');
        for (int i = 0; i < 50; ++i)
            if (std::filesystem::exists(path)) {
                const std::string content = daemons::read_file(path);
                EXPECT_EQ(content, std::string(100'000, content.at(0)));
            }
    }
    // A process that was killed while it wrote has left this; the file is whole.
    std::ofstream(path + ".new") << "half";
    EXPECT_EQ(daemons::read_file(path).size(), 100'000U);
    EXPECT_EQ(StateWriter(path).write("next"), "");
    EXPECT_EQ(daemons::read_file(path), "next");
}

TEST(StateFileTest, ThatOthersMayWriteOrThatIsHugeIsNotUsed) {
    const support::TempDir directory;
    const std::string path = directory.write("state", state_text(sample(), kSaved));
    const auto doubt = [&] { return read_state(path, daemons::read_file, later(1)).doubts.at(0); };
    std::filesystem::permissions(path, std::filesystem::perms(0622));
    EXPECT_EQ(doubt(), path + ": other users may write it");
    std::filesystem::permissions(path, std::filesystem::perms(0600));
    std::filesystem::resize_file(path, daemons::kMaxFileSize + 1);
    EXPECT_EQ(doubt(), path + ": is larger than 4 MiB");
    std::filesystem::remove(path);
    std::filesystem::create_directory(path);
    EXPECT_THAT(doubt(), HasSubstr("is a directory"));
}

}  // namespace
}  // namespace proxy
