#include "support/sockets/test_client.h"

#include <cerrno>
#include <stdexcept>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "support/fakes/fake_backend.h"

namespace support {
namespace {

TEST(TestClientTest, SpeaksIpv6AndMoves) {
    const FakeBackend backend({.name = "six", .ip = "::1"});
    TestClient first("::1", backend.port());
    TestClient client = std::move(first);
    EXPECT_EQ(client.receive_line(), "six");
    client.send("abc");
    EXPECT_EQ(client.receive(2), "ab");
    EXPECT_EQ(client.receive(1), "c");
    EXPECT_NE(client.local_port(), 0);
}

TEST(TestClientTest, TellsFinFromReset) {
    FakeBackend backend;
    TestClient one("127.0.0.1", backend.port());
    backend.wait_for_sessions(1);
    EXPECT_EQ(one.closed_now(), std::nullopt);
    backend.close_all();
    EXPECT_EQ(one.closed_now(), Closed::fin);  // though the greeting was not read yet
    EXPECT_EQ(one.receive_line(), "backend");
    one.wait_for_eof();

    TestClient other("127.0.0.1", backend.port());
    backend.wait_for_accepted(2);
    backend.reset_all();
    EXPECT_EQ(other.closed_now(), Closed::reset);
    EXPECT_EQ(other.wait_for_close(), Closed::reset);
    EXPECT_EQ(other.closed_now(), Closed::reset);
}

TEST(TestClientTest, SaysWhatItHadSeen) {
    FakeBackend backend({.name = "p1"});
    TestClient client("127.0.0.1", backend.port(), {.timeout = Milliseconds{30}});
    try {
        (void)client.receive(5);
        FAIL() << "should have thrown";
    } catch (const TimedOut& error) {
        EXPECT_NE(std::string(error.what()).find("3 bytes 'p1\n'"), std::string::npos)
            << error.what();
    }
    backend.close_all();
    EXPECT_THROW((void)client.receive(5), std::runtime_error);
}

TEST(TestClientTest, RefusedIsAnErrno) {
    const FakeBackend backend({.accept = BackendOptions::Accept::refuse});
    EXPECT_EQ(TestClient::connect_error(backend.ip(), backend.port()), ECONNREFUSED);
    EXPECT_THROW(TestClient(backend.ip(), backend.port()), std::system_error);
}

}  // namespace
}  // namespace support
