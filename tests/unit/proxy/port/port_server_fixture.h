#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "served_port.h"

namespace proxy {

/// Three members, b1 to b3, with a backend for each, and one that never answers a connect.
class PortServerTest : public testing::Test {
  protected:
    support::FakeBackend& fake(std::size_t number) { return *fakes_[number - 1]; }
    /// One that has its place before this returns, so that the next comes after it.
    static support::TestClient held_client(const ServedPort& port) {
        const std::uint64_t before = port.port().queued;
        support::TestClient client = port.connect();
        port.wait_for_queued(before + 1);
        return client;
    }

    std::vector<std::unique_ptr<support::FakeBackend>> fakes_ =
        support::FakeBackend::on_one_port(3);
    BackendPtr b1_ = backend_for(fake(1));
    BackendPtr b2_ = backend_for(fake(2));
    BackendPtr b3_ = backend_for(fake(3));
    const support::FakeBackend silent_{
        {.name = "silent", .accept = support::BackendOptions::Accept::never}};
    const BackendPtr hangs_ = backend_for(silent_);
};

/// A session that is up, by the name of the member it is on.
inline std::string member_of(support::TestClient& client) {
    return client.receive_line();
}

inline void expect_alive(support::TestClient& client) {
    client.send("ping");
    EXPECT_EQ(client.receive(4), "ping");
}

}  // namespace proxy
