// A relay whose owner looks at what passes.

#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <sys/socket.h>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "net/relay/relay.h"
#include "support/sockets/socket.h"
#include "support/sockets/test_client.h"
#include "unit/net/loop/loop_thread.h"

namespace net {
namespace {

using support::Closed;
using support::TestClient;

class RelayInspectionTest : public testing::Test, public RelayOwner {
  protected:
    RelayInspectionTest() {
        for (auto& [test, relay] : connections_) {
            support::ListeningSocket listener("127.0.0.1", 0, 0);
            listener.listen();
            test.emplace("127.0.0.1", listener.port());
            EXPECT_TRUE(support::wait_ready(listener.fd(), POLLIN,
                                            support::Clock::now() + support::default_timeout));
            relay =
                UniqueFd(::accept4(listener.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        }
    }
    void TearDown() override {
        thread_.call([this] { relay_.reset(); });
    }

    /// What becomes of the bytes that are shown, in turn; the last one stays.
    void start(std::deque<Inspection> inspections, const std::string& from_client = {}) {
        thread_.call([&] {
            inspections_ = std::move(inspections);
            relay_.emplace(thread_.loop(), buffer_, *this, std::move(connections_[0].relay),
                           std::move(connections_[1].relay));
            relay_->start(std::as_bytes(std::span(from_client)));
        });
    }
    /// The backend's end comes first, and the loop fetches both in one batch.
    void start_and_end_both(const std::function<void()>& end_client) {
        const int fds[] = {connections_[0].relay.get(), connections_[1].relay.get()};
        start({Inspection::enough});
        thread_.call([&] {
            backend().close();
            end_client();
            for (const int fd : fds)
                EXPECT_TRUE(support::wait_ready(fd, POLLIN,
                                                support::Clock::now() + support::default_timeout));
        });
    }
    [[nodiscard]] TestClient& client() { return *connections_[0].test; }
    [[nodiscard]] TestClient& backend() { return *connections_[1].test; }
    [[nodiscard]] std::vector<std::string> shown() {
        return thread_.call([this] { return shown_; });
    }
    void wait_for_shown(std::size_t count) {
        support::eventually([&] { return shown().size() >= count; }, "bytes to be shown");
    }

    LoopThread thread_;
    RelayBuffer buffer_;
    std::optional<Relay> relay_;
    std::optional<Relay::Sockets> taken_;
    int backend_ends_ = 0;
    std::size_t says_at_ = 100;  ///< which call of inspect() says what was kept
    std::optional<RelayEnd> end_;

  private:
    Inspection inspect(RelaySide from, std::span<const std::byte> bytes) noexcept override {
        const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        shown_.push_back((from == RelaySide::client ? "client:" : "backend:") + text);
        const Inspection inspection = inspections_.front();
        if (inspections_.size() > 1)
            inspections_.pop_front();
        if (shown_.size() == says_at_ + 1)
            relay_->say_to_client(std::as_bytes(std::span("one, ", 5)));
        if (inspection == Inspection::taken)
            taken_ = relay_->release();
        return inspection;
    }
    void on_backend_end() noexcept override { ++backend_ends_; }
    void on_relay_end(RelayEnd end) noexcept override { end_ = end; }

    struct Connection {
        std::optional<TestClient> test;
        UniqueFd relay;
    };
    Connection connections_[2];  ///< to the client, to the backend
    std::deque<Inspection> inspections_;
    std::vector<std::string> shown_;
};

using Strings = std::vector<std::string>;

TEST_F(RelayInspectionTest, ShowsWhatComesUntilTheOwnerHasSeenEnough) {
    start({Inspection::further, Inspection::further, Inspection::enough});
    client().send("one");
    EXPECT_EQ(backend().receive(3), "one");
    backend().send("two");
    EXPECT_EQ(client().receive(3), "two");
    client().send("three");
    EXPECT_EQ(backend().receive(5), "three");
    client().send("four");
    EXPECT_EQ(backend().receive(4), "four");
    EXPECT_EQ(shown(), (Strings{"client:one", "backend:two", "client:three"}));
}

TEST_F(RelayInspectionTest, WhatIsTakenIsNotPassedOnAndBothSocketsAreTheOwners) {
    start({Inspection::further, Inspection::taken});
    client().send("question");
    EXPECT_EQ(backend().receive(8), "question");
    backend().send("answer");
    wait_for_shown(2);
    EXPECT_FALSE(client().closed_now());
    EXPECT_FALSE(backend().closed_now());
    EXPECT_TRUE(thread_.sleeps()) << "nobody watches them any more";
    thread_.call([this] {
        EXPECT_EQ(::send(taken_->client.get(), "for you", 7, 0), 7);
        EXPECT_EQ(::send(taken_->backend.get(), "and you", 7, 0), 7);
        relay_->abort();
    });
    EXPECT_EQ(client().receive(7), "for you");
    EXPECT_EQ(backend().receive(7), "and you");
    EXPECT_FALSE(thread_.call([this] { return end_.has_value(); }));
}

TEST_F(RelayInspectionTest, WhatIsKeptIsNotPassedOnUntilTheOwnerSaysIt) {
    start({Inspection::kept, Inspection::kept, Inspection::enough});
    says_at_ = 2;
    backend().send("one");
    wait_for_shown(1);
    backend().send("two");
    wait_for_shown(2);
    EXPECT_EQ(client().closed_now(), std::nullopt);
    backend().send("three");
    EXPECT_EQ(client().receive(10), "one, three");
}

TEST_F(RelayInspectionTest, ShowsTheEndOfTheBackendBeforeTheClientSeesIt) {
    start({Inspection::taken});
    backend().close();
    wait_for_shown(1);
    EXPECT_EQ(shown(), (Strings{"backend:"}));
    EXPECT_FALSE(client().closed_now());
}

TEST_F(RelayInspectionTest, ShowsAResetAsAnEnd) {
    start({Inspection::further, Inspection::taken});
    client().send("question");
    EXPECT_EQ(backend().receive(8), "question");
    backend().reset();
    wait_for_shown(2);
    EXPECT_EQ(shown().back(), "backend:");
    EXPECT_FALSE(client().closed_now());
}

TEST_F(RelayInspectionTest, BeginsWithWhatTheClientSentBefore) {
    client().send(" and more");
    start({Inspection::enough}, "before");
    EXPECT_EQ(backend().receive(15), "before and more");
    EXPECT_EQ(shown(), (Strings{"client: and more"}));
    thread_.call([this] { EXPECT_EQ(relay_->bytes_from_client(), 15U); });
}

TEST_F(RelayInspectionTest, TellsOfABackendThatClosesFirst) {
    start({Inspection::enough});
    backend().half_close();
    client().wait_for_eof();
    thread_.call([this] {
        EXPECT_EQ(backend_ends_, 1);
        EXPECT_FALSE(end_);
    });
    client().send("still talking");
    EXPECT_EQ(backend().receive(13), "still talking");
}

TEST_F(RelayInspectionTest, AGoodbyeIsTheClientsThoughTheEndOfItsBackendIsReadFirst) {
    start_and_end_both([this] { client().close(); });
    thread_.call([this] {
        EXPECT_EQ(backend_ends_, 0);
        EXPECT_EQ(end_, RelayEnd::client_closed);
    });
}

TEST_F(RelayInspectionTest, SoIsOneThatItsClientFollowsWithAReset) {
    start_and_end_both([this] { client().reset(); });
    thread_.call([this] {
        EXPECT_EQ(backend_ends_, 0);
        EXPECT_EQ(end_, RelayEnd::client_closed);
    });
}

TEST_F(RelayInspectionTest, ABackendThatClosesAfterItsClientIsNoNews) {
    start({Inspection::enough});
    client().half_close();
    backend().wait_for_eof();
    backend().close();
    client().wait_for_eof();
    thread_.call([this] {
        EXPECT_EQ(backend_ends_, 0);
        EXPECT_EQ(end_, RelayEnd::client_closed);
    });
}

}  // namespace
}  // namespace net
