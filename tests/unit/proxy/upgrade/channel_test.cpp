// The running process and its successor, both here, over a channel.

#include "patroni_proxy/upgrade/channel.h"

#include <chrono>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "patroni_proxy/upgrade/hand_over.h"
#include "patroni_proxy/upgrade/predecessor.h"

namespace proxy::upgrade {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

Channel::Deadline soon() {
    return std::chrono::steady_clock::now() + 10s;
}

template <typename Task>
std::string error_of(Task task) {
    try {
        task();
    } catch (const std::exception& error) {
        return error.what();
    }
    return "no error";
}

ino_t inode_of(int fd) {
    struct stat status {};
    EXPECT_EQ(::fstat(fd, &status), 0);
    return status.st_ino;
}

net::UniqueFd some_socket() {
    return net::UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

class ChannelTest : public testing::Test {
  protected:
    ChannelTest() {
        auto [own, its] = Channel::pair();
        running_ = std::move(own);
        successors_ = std::move(its);
    }
    void say(Kind kind, const std::string& fields = {}, const std::vector<int>& descriptors = {}) {
        running_.send(message(kind, fields), soon(), descriptors);
    }
    /// Once it has been told what it needs first.
    Predecessor successor() {
        say(Kind::hello, write(Hello{}));
        say(Kind::end, write(End{}));
        return Predecessor(std::move(successors_));
    }
    static PassedSession session() {
        PassedSession session{.label = "main/rw"};
        session.state.stage = SessionState::Stage::relaying;
        session.state.member = "p1";
        session.state.has_seat = true;
        return session;
    }

    Channel running_;
    Channel successors_;
    net::UniqueFd client_ = some_socket();
    net::UniqueFd backend_ = some_socket();
};

TEST_F(ChannelTest, MessagesComeWholeWithTheirDescriptors) {
    const std::string text(100'000, 'x');
    running_.send(text, soon(), std::vector{client_.get(), backend_.get()});
    const auto message = successors_.receive(soon());
    EXPECT_EQ(message.bytes, text);
    ASSERT_EQ(message.descriptors.size(), 2U);
    EXPECT_EQ(inode_of(message.descriptors[1].get()), inode_of(backend_.get()));
    EXPECT_FALSE(successors_.receive_now());
}

TEST_F(ChannelTest, NothingIsAwaitedForEver) {
    EXPECT_THAT(error_of([&] { (void)successors_.receive(std::chrono::steady_clock::now()); }),
                HasSubstr("does not answer in time"));
    EXPECT_THAT(error_of([&] {
                    for (;;)
                        running_.send(std::string(10'000, 'x'), std::chrono::steady_clock::now());
                }),
                HasSubstr("does not answer in time"));
    running_ = Channel();
    EXPECT_THAT(error_of([&] {
                    for (;;)
                        (void)successors_.receive(soon());
                }),
                HasSubstr("has ended"));
}

TEST_F(ChannelTest, WhoeverHearsNoMoreStillHasWhatWasSaidBefore) {
    successors_.send("before", soon());
    running_.hear_no_more();
    EXPECT_EQ(running_.receive(soon()).bytes, "before");
    EXPECT_THAT(error_of([&] { successors_.send("after", soon()); }), HasSubstr("has ended"));
}

TEST_F(ChannelTest, SessionsArriveWithTheirSocketsAndBytes) {
    Predecessor successor = this->successor();
    HandOver sender(running_, soon());
    LabelledTally tally{.label = "main/rw"};
    for (int i = 0; i < 150; ++i)
        tally.tally.members["p" + std::to_string(i)].sessions_total = 1;
    tally.tally.queued_total = 3;
    sender.add(tally);
    for (int i = 0; i < 300; ++i)  // more descriptors than one message takes
        sender.add(session(), client_.get(), backend_.get());
    auto late = session();
    late.state.relay.client.unsent.assign(40'000, std::byte{7});
    late.state.relay.backend.unsent.assign(3, std::byte{8});
    sender.add(std::move(late), client_.get(), backend_.get());
    PassedSession held{.label = "main/rw"};
    held.state.queued = true;
    sender.add(std::move(held), client_.get(), -1);
    sender.end(HandOver::Follows::nothing, 77);
    const Arrivals arrivals = successor.receive({"main/rw"});
    EXPECT_EQ(kind_of(running_.receive(soon()).bytes), Kind::ready);
    ASSERT_EQ(arrivals.sessions.size(), 302U);
    EXPECT_EQ(arrivals.last_id, 77U);
    EXPECT_EQ(inode_of(arrivals.sessions[299].client.get()), inode_of(client_.get()));
    EXPECT_EQ(inode_of(arrivals.sessions[299].backend.get()), inode_of(backend_.get()));
    EXPECT_EQ(arrivals.sessions[300].session.state.relay.client.unsent.size(), 40'000U);
    EXPECT_EQ(arrivals.sessions[300].session.state.relay.backend.unsent,
              std::vector(3, std::byte{8}));
    EXPECT_FALSE(arrivals.sessions[301].backend);
    PortTally sum;
    for (const auto& part : arrivals.tallies)
        add(sum, part.tally);
    EXPECT_EQ(sum.members.size(), 150U);
    EXPECT_EQ(sum.queued_total, 3U);
}

TEST_F(ChannelTest, TimesThatComeInPartsAddUpAndAFormerVersionSendsNone) {
    Predecessor successor = this->successor();
    const std::chrono::steady_clock::time_point at(7s);
    PortTimes times;
    times.connect.note(1);
    times.held.note(30);
    say(Kind::last_minute, write(PassedTimes{at + 10s, {}}));
    say(Kind::last_minute, write(PassedTimes{at, {{"c/p1", times}}}));
    say(Kind::last_minute, write(PassedTimes{at, {{"c/p2", times}}}));
    HandOver(running_, soon()).end(HandOver::Follows::batch);
    const Arrivals arrivals = successor.receive({});
    EXPECT_TRUE(arrivals.more);
    ASSERT_EQ(arrivals.times.size(), 2U);
    EXPECT_EQ(arrivals.times.begin()->first, at);
    EXPECT_EQ(arrivals.times.begin()->second.size(), 2U);
    EXPECT_EQ(arrivals.times.begin()->second.at("c/p1").connect, times.connect);
    EXPECT_EQ(arrivals.times.begin()->second.at("c/p2").held, times.held);
    EXPECT_FALSE(read_times(write(PassedTimes{at, {{"c/p1", times}}}).substr(0, 20)));
    HandOver(running_, soon()).end(HandOver::Follows::nothing);
    const Arrivals none = successor.receive_more({});
    EXPECT_FALSE(none.more);
    EXPECT_TRUE(none.times.empty());
}

TEST_F(ChannelTest, AFormatThatIsTooNewIsRefused) {
    say(Kind::hello, write(Hello{.format = kFormat + 1, .version = "9.9"}));
    EXPECT_THAT(error_of([&] { const Predecessor predecessor(std::move(successors_)); }),
                HasSubstr("version 9.9) hands over in format 3; this one understands formats up "
                          "to 2"));
    const auto refusal = running_.receive(soon());
    EXPECT_EQ(kind_of(refusal.bytes), Kind::refused);
    EXPECT_THAT(read_texts(fields_of(refusal.bytes))->at(0), HasSubstr("format 3"));
}

TEST_F(ChannelTest, MessagesOfANewerVersionAreSkipped) {
    say(Kind::hello, write(Hello{}));
    running_.send("\x7fnews", soon());
    say(Kind::end, write(End{}));
    Predecessor predecessor(std::move(successors_));
    running_.send("\x7fnews", soon());
    say(Kind::record, "of a kind that is not known");
    say(Kind::end, write(End{.last_id = 7}));
    EXPECT_EQ(predecessor.receive({}).last_id, 7U);
}

TEST_F(ChannelTest, WhatIsKnownOfAClusterAddsUp) {
    say(Kind::hello, write(Hello{}));
    const auto say_state = [&](FeedState state) {
        say(Kind::cluster, write(PassedCluster{"main", std::move(state)}));
    };
    ClusterMemory memory;
    memory.snapshot = std::make_shared<const patroni::ClusterSnapshot>();
    memory.leader = "p1";
    say_state({.memory = memory});
    say_state({.judges = {{"rw", false, {}}}});
    say_state({.judges = {{"ro", true, {}}}});
    SinceTimes since;
    since.note("leader", "p1", 5);
    say_state({.since = since});
    say(Kind::end, write(End{}));
    Predecessor predecessor(std::move(successors_));
    const FeedState known = predecessor.take_cluster("main");
    EXPECT_EQ(known.memory->leader, "p1");
    EXPECT_EQ(known.judges.size(), 2U);
    EXPECT_EQ(known.since.of("leader"), 5);
    EXPECT_FALSE(predecessor.take_cluster("other").memory);
}

TEST_F(ChannelTest, WhatDoesNotFitIsNotTakenOver) {
    const auto batch = [](const PassedSession& one) { return write(std::vector{write(one)}); };
    PassedSession with_backend = session();
    with_backend.has_backend_socket = true;
    const auto refused = [&](const std::vector<std::pair<std::string, std::vector<int>>>& said,
                             const std::string& label = "main/rw") {
        auto [own, its] = Channel::pair();
        running_ = std::move(own);
        successors_ = std::move(its);
        Predecessor successor = this->successor();
        for (const auto& [text, descriptors] : said)
            running_.send(text, soon(), descriptors);
        say(Kind::end, write(End{.sessions = 1}));
        return error_of([&] { (void)successor.receive({label}); });
    };
    const std::string good = message(Kind::sessions, batch(with_backend));
    const std::vector<int> both{client_.get(), backend_.get()};
    EXPECT_EQ(refused({{good, both}}), "no error");
    const auto not_understood = HasSubstr("does not understand");
    EXPECT_THAT(refused({{good, both}}, "main/ro"), not_understood);  // not asked for
    EXPECT_THAT(refused({{good, {client_.get()}}}), not_understood);  // too few sockets
    EXPECT_THAT(refused({{good, {both[0], both[1], both[0]}}}), not_understood);
    EXPECT_THAT(refused({}), not_understood);  // fewer than were said
    EXPECT_THAT(refused({{good, both}, {message(Kind::unsent, write(Unsent{1})), {}}}),
                not_understood);
    EXPECT_THAT(refused({{message(Kind::took_over), {}}}), not_understood);
    EXPECT_THAT(refused({{"\x7f", {}}}), not_understood);
}

}  // namespace
}  // namespace proxy::upgrade
