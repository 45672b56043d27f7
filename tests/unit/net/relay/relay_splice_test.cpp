// A relay whose parties send much at once, so that bytes pass through a pipe.

#include <cstddef>
#include <fcntl.h>
#include <string>
#include <string_view>
#include <sys/socket.h>

#include <gtest/gtest.h>

#include "net/relay/relay.h"
#include "relay_fixture.h"

namespace net {
namespace {

using support::Closed;
using support::TestClient;
using namespace std::string_literals;

const std::string kReadyForQuery = "Z\0\0\0\5I"s;

class RelaySpliceTest : public RelayTest, public testing::WithParamInterface<Party> {
  protected:
    [[nodiscard]] TestClient& actor() { return *of(GetParam()).test; }
    [[nodiscard]] Connection& peer_connection() {
        return GetParam() == Party::client ? backend_ : client_;
    }
    [[nodiscard]] TestClient& peer() { return *peer_connection().test; }
    [[nodiscard]] std::size_t pipes_in_use() {
        return thread_.call([this] { return buffer_.pipes().in_use(); });
    }

    /// Sends as much of `bytes` as goes while the relay reads nothing, so that it finds much.
    std::size_t send_at_once(std::string_view bytes) {
        return thread_.call([&] {
            std::size_t sent = 0;
            while (sent < bytes.size()) {
                const ssize_t count = ::send(actor().fd(), bytes.data() + sent, bytes.size() - sent,
                                             MSG_NOSIGNAL | MSG_DONTWAIT);
                if (count < 0)
                    break;
                sent += static_cast<std::size_t>(count);
            }
            return sent;
        });
    }

    /// Sends until the peer takes nothing and bytes for it are in a pipe. Gives what the peer has
    /// not received yet.
    std::string stall_in_a_pipe() {
        const std::string bytes = pattern(64 * 1024 * 1024, 1);
        std::size_t sent = 0;
        std::size_t received = 0;
        // Whether what does not go out was spliced or copied is chance.
        support::eventually(
            [&] {
                sent += send_at_once(std::string_view(bytes).substr(sent));
                if (!stuck(of(GetParam()), peer_connection()))
                    return false;
                if (pipes_in_use() == 1)
                    return true;
                constexpr std::size_t kPiece = 200 * 1024;
                EXPECT_TRUE(peer().receive(kPiece) == bytes.substr(received, kPiece));
                received += kPiece;
                return false;
            },
            "bytes to wait in a pipe");
        EXPECT_LT(sent, bytes.size());
        sent_ = sent;
        return bytes.substr(received, sent - received);
    }

    [[nodiscard]] std::uint64_t counted() {
        return thread_.call([this] {
            return GetParam() == Party::client ? relay_->bytes_from_client()
                                               : relay_->bytes_from_backend();
        });
    }
    [[nodiscard]] static RelayEnd closed() {
        return GetParam() == Party::client ? RelayEnd::client_closed : RelayEnd::backend_closed;
    }
    [[nodiscard]] static RelayEnd failed(bool peer) {
        return (GetParam() == Party::client) != peer ? RelayEnd::client_failed
                                                     : RelayEnd::backend_failed;
    }
    /// From now on, the kernel refuses to splice to the peer.
    void forbid_splicing() const {
        const int fd = (GetParam() == Party::client ? backend_ : client_).relay_fd;
        ASSERT_EQ(::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_APPEND), 0);
    }

    std::size_t sent_ = 0;
};

INSTANTIATE_TEST_SUITE_P(From, RelaySpliceTest, testing::Values(Party::client, Party::backend),
                         [](const auto& instance) -> std::string {
                             return instance.param == Party::client ? "Client" : "Backend";
                         });

TEST_P(RelaySpliceTest, DeliversAndCountsEveryByteAndKeepsNoPipe) {
    start();
    const std::string rest = stall_in_a_pipe();
    EXPECT_TRUE(peer().receive(rest.size()) == rest);
    EXPECT_EQ(counted(), sent_);
    EXPECT_EQ(pipes_in_use(), 0U);
    EXPECT_TRUE(thread_.sleeps());
    actor().send("little");
    EXPECT_EQ(peer().receive(6), "little");
    peer().send("and back");
    EXPECT_EQ(actor().receive(8), "and back");
}

TEST_P(RelaySpliceTest, LetsTheOtherDirectionGoOn) {
    start();
    stall_in_a_pipe();
    const std::string answer = pattern(256 * 1024, 2);
    peer().send(answer.substr(0, 64 * 1024));
    EXPECT_TRUE(actor().receive(64 * 1024) == answer.substr(0, 64 * 1024));
}

TEST_P(RelaySpliceTest, PassesFinOnlyAfterWhatIsInThePipe) {
    start();
    const std::string rest = stall_in_a_pipe();
    actor().half_close();
    EXPECT_TRUE(thread_.sleeps());
    EXPECT_TRUE(peer().receive_to_eof() == rest);
    peer().half_close();
    EXPECT_EQ(ends_.take(), closed());
}

TEST_P(RelaySpliceTest, PassesAResetOnlyAfterWhatIsInThePipe) {
    start();
    const std::string rest = stall_in_a_pipe();
    actor().reset();
    EXPECT_TRUE(thread_.sleeps());
    EXPECT_TRUE(ends_.empty());
    EXPECT_EQ(peer().wait_for_close(), Closed::reset);
    EXPECT_EQ(ends_.take(), failed(false));
}

TEST_P(RelaySpliceTest, APeerThatBreaksLosesWhatIsInThePipeAndNobodyElseGetsIt) {
    start();
    stall_in_a_pipe();
    peer().reset();
    EXPECT_EQ(ends_.take(), failed(true));
    EXPECT_EQ(actor().wait_for_close(), Closed::reset);
    thread_.call([this] {
        EXPECT_EQ(buffer_.pipes().in_use(), 0U);
        const auto next = buffer_.pipes().borrow();
        ASSERT_TRUE(next);
        EXPECT_EQ(next->size(), 0U);
    });
}

TEST_P(RelaySpliceTest, AnAbortGivesThePipeBack) {
    start();
    stall_in_a_pipe();
    thread_.call([this] { relay_->abort(); });
    EXPECT_EQ(pipes_in_use(), 0U);
}

TEST_P(RelaySpliceTest, CopiesWhenThereIsNoPipe) {
    take_all_pipes();
    EXPECT_EQ(taken_pipes_.size(), RelayBuffer::kPipes);
    start();
    const std::string bytes = pattern(8 * 1024 * 1024, 1);
    for (std::size_t sent = 0, received = 0; received < bytes.size();) {
        sent += send_at_once(std::string_view(bytes).substr(sent));
        EXPECT_TRUE(peer().receive(sent - received) == bytes.substr(received, sent - received));
        received = sent;
    }
    EXPECT_EQ(counted(), bytes.size());
}

TEST_P(RelaySpliceTest, CopiesWhereTheKernelDoesNotSplice) {
    forbid_splicing();
    start();
    const std::string bytes = pattern(2 * 1024 * 1024, 1);
    for (std::size_t sent = 0, received = 0; received < bytes.size();) {
        sent += send_at_once(std::string_view(bytes).substr(sent));
        EXPECT_TRUE(peer().receive(sent - received) == bytes.substr(received, sent - received));
        received = sent;
    }
    EXPECT_EQ(pipes_in_use(), 0U);
}

TEST_P(RelaySpliceTest, BringsIntoMemoryWhatTheKernelNoLongerSplices) {
    start();
    const std::string rest = stall_in_a_pipe();
    forbid_splicing();
    EXPECT_TRUE(peer().receive(rest.size()) == rest);
    EXPECT_EQ(counted(), sent_);
    EXPECT_EQ(pipes_in_use(), 0U);
}

using RelaySpliceQueryTest = RelaySpliceTest;
INSTANTIATE_TEST_SUITE_P(From, RelaySpliceQueryTest, testing::Values(Party::backend),
                         [](const auto& /*instance*/) -> std::string { return "Backend"; });

TEST_P(RelaySpliceQueryTest, SeesTheEndOfALongAnswer) {
    start();
    for (const std::size_t size : {50'000U, 65'530U, 65'536U, 65'600U, 90'001U, 150'000U}) {
        const std::string answer = pattern(size, 1) + kReadyForQuery;
        client().send("a question");
        EXPECT_EQ(backend().receive(10), "a question");
        ASSERT_EQ(send_at_once(answer), answer.size());
        EXPECT_TRUE(client().receive(answer.size()) == answer);
        EXPECT_TRUE(thread_.call([this] { return relay_->awaits_query(); })) << size;
    }
}

TEST_P(RelaySpliceQueryTest, TakesALongAnswerForNoEnd) {
    start();
    exchange("a question", kReadyForQuery);
    const std::string part = pattern(150'000, 1);
    ASSERT_EQ(send_at_once(part), part.size());
    EXPECT_TRUE(client().receive(part.size()) == part);
    EXPECT_FALSE(thread_.call([this] { return relay_->awaits_query(); }));
}

}  // namespace
}  // namespace net
