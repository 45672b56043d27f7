#include "support/fakes/fake_backend.h"

#include <cerrno>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/sockets/test_client.h"

namespace support {
namespace {

TestClient client_of(const FakeBackend& backend, int receive_buffer = 0) {
    return {backend.ip(), backend.port(), {.receive_buffer = receive_buffer}};
}

TEST(FakeBackendTest, GreetsThenEchoesMuch) {
    const FakeBackend backend({.name = "p1"});
    auto client = client_of(backend);
    EXPECT_EQ(client.receive_line(), "p1");
    const std::string bytes(3'000'000, 'x');
    for (std::size_t sent = 0; sent < bytes.size(); sent += 100'000) {
        client.send(bytes.substr(sent, 100'000));
        EXPECT_EQ(client.receive(100'000), bytes.substr(sent, 100'000));
    }
    client.send("last words");
    client.half_close();
    EXPECT_EQ(client.receive_to_eof(), "last words");
    backend.wait_for_sessions(0);
    EXPECT_EQ(backend.received(), bytes.size() + 10);
}

TEST(FakeBackendTest, SeveralShareOnePort) {
    const auto backends = FakeBackend::on_one_port(3);
    for (std::size_t i = 0; i < backends.size(); ++i) {
        TestClient client("127.0.0." + std::to_string(21 + i), backends[0]->port());
        EXPECT_EQ(client.receive_line(), "b" + std::to_string(i + 1));
        EXPECT_EQ(backends[i]->accepted(), 1U);
    }
}

TEST(FakeBackendTest, HalfCloseGoesOnReading) {
    FakeBackend backend;
    auto client = client_of(backend);
    backend.wait_for_sessions(1);
    backend.half_close_all();
    EXPECT_EQ(client.receive_to_eof(), "backend\n");
    client.send("still heard");
    backend.wait_for_received(11);
    EXPECT_EQ(backend.received_text(), "still heard");
    EXPECT_EQ(backend.sessions(), 1U);
    client.close();
    backend.wait_for_sessions(0);
    EXPECT_EQ(backend.eofs(), 1U);
}

TEST(FakeBackendTest, FinAfterGreeting) {
    const FakeBackend backend({.fin_after_greeting = true});
    auto client = client_of(backend);
    EXPECT_EQ(client.receive_to_eof(), "backend\n");
}

TEST(FakeBackendTest, SpeaksAfterTheClientsFin) {
    FakeBackend backend({.greeting = false, .close_on_eof = false});
    auto client = client_of(backend);
    client.half_close();
    backend.wait_for_eofs(1);
    EXPECT_EQ(backend.sessions(), 1U);
    backend.send_all("late");
    EXPECT_EQ(client.receive(4), "late");
    backend.close_all();
    client.wait_for_eof();
}

TEST(FakeBackendTest, CloseIsAFinEvenWithUnreadBytes) {
    FakeBackend backend({.greeting = false, .read = false});
    auto client = client_of(backend);
    client.send("never read");
    backend.wait_for_sessions(1);
    backend.close_all();
    EXPECT_EQ(client.wait_for_close(), Closed::fin);
}

TEST(FakeBackendTest, SeesResetsReadingOrNot) {
    FakeBackend backend;
    auto one = client_of(backend);
    one.send("heard");
    one.reset();
    backend.wait_for_resets(1);
    EXPECT_EQ(backend.received_text(), "heard");
    backend.pause_reading();
    auto two = client_of(backend);
    backend.wait_for_sessions(1);
    two.reset();
    backend.wait_for_resets(2);
    backend.wait_for_sessions(0);
}

TEST(FakeBackendTest, StopsReadingForBackPressure) {
    FakeBackend backend({.echo = false, .read = false, .receive_buffer = 4096});
    auto client = client_of(backend);
    const std::size_t limit = std::size_t{64} * 1024 * 1024;
    const std::size_t sent = client.send_until_blocked(limit, Milliseconds{50});
    EXPECT_LT(sent, limit);
    EXPECT_EQ(backend.received(), 0U);
    backend.resume_reading();
    backend.wait_for_received(sent);
    EXPECT_EQ(backend.received(), sent);
}

TEST(FakeBackendTest, NeverAccepts) {
    const FakeBackend backend({.accept = BackendOptions::Accept::never});
    EXPECT_EQ(TestClient::connect_error(backend.ip(), backend.port(), Milliseconds{50}), ETIMEDOUT);
}

TEST(FakeBackendTest, GoesAndComesBackOnItsPort) {
    FakeBackend backend;
    auto before = client_of(backend);
    EXPECT_EQ(before.receive_line(), "backend");
    backend.refuse();
    EXPECT_EQ(TestClient::connect_error(backend.ip(), backend.port()), ECONNREFUSED);
    before.send("x");
    EXPECT_EQ(before.receive(1), "x");
    backend.stop();
    before.wait_for_eof();
    EXPECT_EQ(backend.sessions(), 0U);
    backend.start();
    auto after = client_of(backend);
    EXPECT_EQ(after.receive_line(), "backend");
}

TEST(FakeBackendTest, AWaitSaysWhatWasSeen) {
    const FakeBackend backend({.name = "p1"});
    auto client = client_of(backend);
    backend.wait_for_sessions(1);
    try {
        backend.wait_for_sessions(2, Milliseconds{10});
        FAIL() << "should have thrown";
    } catch (const TimedOut& error) {
        EXPECT_EQ(std::string(error.what()), "not within 10 ms: 2 open sessions at backend p1 (" +
                                                 backend.address() + "); seen: 1");
    }
}

TEST(FakeBackendTest, HasManySessions) {
    FakeBackend backend;
    std::vector<TestClient> clients;
    clients.reserve(200);
    for (int i = 0; i < 200; ++i)
        clients.push_back(client_of(backend));
    backend.wait_for_sessions(200);
    backend.send_all("!");
    for (auto& client : clients)
        EXPECT_EQ(client.receive(9), "backend\n!");
}

}  // namespace
}  // namespace support
