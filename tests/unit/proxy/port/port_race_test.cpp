// If a backend does not answer, the session tries the next one as well.

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <future>
#include <iterator>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <memory>
#include <netinet/in.h>
#include <string>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <system_error>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_postgres.h"
#include "port_server_fixture.h"
#include "unit/proxy/logged.h"

namespace proxy {
namespace {

using namespace std::chrono_literals;
using support::BackendOptions;
using support::Closed;
using support::FakeBackend;
using testing::HasSubstr;

class PortRaceTest : public PortServerTest {
  protected:
    static MemberTally of(ServedPort& port, const std::string& member) {
        return port.tally().members.at(member);
    }

    const PortSettings patient_{.connect_timeout = 1h};
};

TEST_F(PortRaceTest, OnlyOneClientWaitsForAMemberThatHangs) {
    b1_->connections = 10;
    ServedPort port(table_of({hangs_, b1_}), patient_);
    auto first = port.connect();
    EXPECT_EQ(member_of(first), "b1");
    EXPECT_EQ(hangs_->reachability.state(), BackendState::hangs);
    EXPECT_EQ(hangs_->connections, 0U);
    EXPECT_EQ(b1_->connections, 11U);
    auto fastest = support::Clock::duration::max();
    for (int i = 0; i < 5; ++i) {
        const auto start = support::Clock::now();
        auto client = port.connect();
        EXPECT_EQ(member_of(client), "b1");
        fastest = std::min(fastest, support::Clock::now() - start);
        EXPECT_EQ(hangs_->connections, 0U) << "nobody tries it first any more";
    }
    EXPECT_LT(fastest, 250ms) << "it has no head start either";
}

TEST_F(PortRaceTest, ALostConnectIsNotCounted) {
    b1_->connections = 10;
    ServedPort port(table_of({hangs_, b1_}), patient_);
    auto client = port.connect();
    EXPECT_EQ(member_of(client), "b1");
    const auto lost = of(port, "silent");
    EXPECT_EQ(lost.sessions, 0U);
    EXPECT_EQ(lost.sessions_total, 0U);
    EXPECT_EQ(lost.connect_failures, 0U);
    EXPECT_EQ(lost.ended, SessionEndCounts{});
    EXPECT_EQ(of(port, "b1").sessions, 1U);
    EXPECT_EQ(of(port, "b1").sessions_total, 1U);
    client.close();
    port.wait_for_sessions(0);
    EXPECT_EQ(b1_->connections, 10U);
    EXPECT_EQ(of(port, "silent").ended, SessionEndCounts{});
}

TEST_F(PortRaceTest, OnlyTheWinnerGetsTheClientsBytes) {
    b1_->connections = 10;
    ServedPort port(table_of({hangs_, b1_}), patient_);
    auto client = port.connect();
    client.send("startup packet");
    EXPECT_EQ(member_of(client), "b1");
    EXPECT_EQ(client.receive(14), "startup packet");
    EXPECT_EQ(fake(1).accepted(), 1U);
    EXPECT_EQ(silent_.received_text(), "");
}

TEST_F(PortRaceTest, SeveralThatHangAreTriedAtOnce) {
    const FakeBackend other({.name = "other", .accept = BackendOptions::Accept::never});
    const auto hangs_too = backend_for(other);
    b1_->connections = 10;
    ServedPort port(table_of({hangs_, hangs_too, b1_}), patient_);
    auto client = port.connect();
    EXPECT_EQ(member_of(client), "b1");
    EXPECT_EQ(hangs_->connections + hangs_too->connections, 0U);
}

TEST_F(PortRaceTest, TheLastBackendIsWaitedFor) {
    ServedPort port(table_of({hangs_}), {.connect_timeout = 400ms});
    const auto start = support::Clock::now();
    EXPECT_EQ(port.connect().wait_for_close(), Closed::fin);
    EXPECT_GE(support::Clock::now() - start, 400ms);
    EXPECT_EQ(of(port, "silent").connect_failures, 1U);
}

TEST_F(PortRaceTest, ABackendThatAppearsMeanwhileJoinsTheRace) {
    ServedPort port(table_of({hangs_}), patient_);
    auto client = port.connect();
    wait_for_connections(hangs_, 1);
    port.use(table_of({hangs_, b1_}));
    EXPECT_EQ(member_of(client), "b1");
}

TEST_F(PortRaceTest, AMemberThatHasLeftTheTableCannotWin) {
    const FakeBackend other({.name = "other", .accept = BackendOptions::Accept::never});
    const auto hangs_too = backend_for(other);
    ServedPort port(table_of({hangs_, hangs_too}), patient_);
    auto client = port.connect();
    wait_for_connections(hangs_, 1);
    wait_for_connections(hangs_too, 1);
    port.use(table_of({hangs_}));
    wait_for_connections(hangs_too, 0);
    EXPECT_EQ(hangs_->connections, 1U);
    EXPECT_EQ(client.closed_now(), std::nullopt);
    port.use(table_of({}));
    EXPECT_EQ(client.wait_for_close(), Closed::fin);
    EXPECT_EQ(hangs_->connections, 0U);
}

TEST_F(PortRaceTest, ARaceRespectsTheLimitOfEachBackend) {
    b1_->connections = 2;
    ServedPort port(table_of({hangs_, b1_}),
                    {.connect_timeout = 400ms, .max_connections_per_backend = 2});
    EXPECT_EQ(port.connect().wait_for_close(), Closed::fin) << "b1 is full";
    EXPECT_EQ(fake(1).accepted(), 0U);
    EXPECT_EQ(b1_->connections, 2U);
}

TEST_F(PortRaceTest, EndsWithItsPort) {
    const FakeBackend other({.name = "other", .accept = BackendOptions::Accept::never});
    const auto hangs_too = backend_for(other);
    ServedPort port(table_of({hangs_, hangs_too}), patient_);
    auto client = port.connect();
    wait_for_connections(hangs_, 1);
    wait_for_connections(hangs_too, 1);
    port.end_sessions(SessionEnd::port_removed);
    EXPECT_EQ(client.wait_for_close(), Closed::fin);
    EXPECT_EQ(hangs_->connections + hangs_too->connections, 0U);
    const auto ended = [&](const std::string& member) {
        return of(port, member).ended[static_cast<std::size_t>(SessionEnd::port_removed)];
    };
    EXPECT_EQ(ended("silent") + ended("other"), 1U);
}

TEST_F(PortRaceTest, ABackendThatRefusesComesLastUntilItAnswers) {
    fake(1).refuse();
    b2_->connections = 10;
    ServedPort port(table_of({b1_, b2_}));
    for (int i = 0; i < 3; ++i) {
        auto client = port.connect();
        EXPECT_EQ(member_of(client), "b2");
    }
    EXPECT_EQ(of(port, "b1").connect_failures, 1U);
    fake(1).start();
    let_accept(b1_);
    auto client = port.connect();
    EXPECT_EQ(member_of(client), "b1");
}

/// From here on the host has no IPv6 address, for this thread and those that it starts.
void take_ipv6_addresses_away() {
    constexpr auto kAddressSize =
        static_cast<std::uint32_t>(offsetof(seccomp_data, args) + 2 * sizeof(std::uint64_t));
    sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_connect, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kAddressSize),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, sizeof(sockaddr_in6), 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EADDRNOTAVAIL),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog filter{std::size(steps), steps};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
        throw std::system_error(errno, std::generic_category(), "seccomp");
}

TEST_F(PortRaceTest, WhereThisHostHasNoAddressTowardsAMemberTheNextOneIsTried) {
    const BackendPtr v6(
        new Backend{"v6", net::SocketAddress::from_ip("2001:db8::5", 5432).value()});
    b1_->connections = 10;
    const auto test = [&] {
        take_ipv6_addresses_away();
        ServedPort port(table_of({v6, b1_}));
        for (int i = 0; i < 3; ++i) {
            auto client = port.connect();
            EXPECT_EQ(member_of(client), "b1");
        }
        EXPECT_EQ(of(port, "v6").connect_failures, 0U);
        EXPECT_EQ(v6->reachability.state(), BackendState::unknown);
        port.use(table_of({v6}));
        EXPECT_EQ(port.connect().wait_for_close(), Closed::fin);
        EXPECT_EQ(port.refused(SessionEnd::no_resources), 1U);
    };
    std::async(std::launch::async, test).get();
}

TEST_F(PortRaceTest, BytesOfAFailedAttemptAreNotCounted) {
    FakeBackend first({.name = "first", .greeting = false, .echo = false});
    FakePostgres postgres(first, FakePostgres::State::starts);
    const auto starts = backend_for(first);
    let_accept(starts);
    let_accept(hangs_);
    hangs_->connections = 10;
    ServedPort port(table_of({starts, hangs_}), {.connect_timeout = 1h, .queue_timeout = 1h});
    auto client = port.connect();
    client.send(FakePostgres::startup());
    wait_for_connections(hangs_, 11);  // it was refused by the first, and tries the second
    const auto log = logged_during([&] {
        port.end_sessions(SessionEnd::port_removed);
        EXPECT_EQ(client.wait_for_close(), Closed::fin);
        port.wait_for_sessions(0);
    });
    for (const auto* member : {"first", "silent"}) {
        EXPECT_EQ(of(port, member).bytes_from_client, 0U) << member;
        EXPECT_EQ(of(port, member).bytes_from_backend, 0U) << member;
    }
    EXPECT_THAT(log, HasSubstr("from_client=0 from_backend=0"));
}

}  // namespace
}  // namespace proxy
