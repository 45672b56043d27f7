#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "fake_postgres.h"
#include "served_port.h"

namespace proxy {

/// Two members with a PostgreSQL each, which accept sessions at first.
class PortStartupTest : public testing::Test {
  protected:
    support::FakeBackend& fake(std::size_t number) { return *fakes_[number - 1]; }

    static std::string answer_to(support::TestClient& client) {
        return client.receive(FakePostgres::welcome("b1").size());
    }
    static std::string message_to(support::TestClient& client) {
        return read_answer(client.receive_to_eof()).message;
    }
    /// A session that is up on the only eligible backend.
    static support::TestClient session(const ServedPort& port) {
        support::TestClient client = port.connect();
        client.send(FakePostgres::startup());
        answer_to(client);
        return client;
    }
    static void wait_for_cancel(const support::FakeBackend& backend, const std::string& request) {
        support::eventually(
            [&] { return backend.received_text().find(request) != std::string::npos; },
            "a cancel request at " + backend.name());
    }

    std::vector<std::unique_ptr<support::FakeBackend>> fakes_ =
        support::FakeBackend::on_one_port(2, {.greeting = false, .echo = false});
    BackendPtr b1_ = backend_for(fake(1));
    BackendPtr b2_ = backend_for(fake(2));
    FakePostgres postgres1_{fake(1), FakePostgres::State::accepts};
    FakePostgres postgres2_{fake(2), FakePostgres::State::accepts};
    const PortSettings holding_{.queue_timeout = std::chrono::hours(1)};
};

}  // namespace proxy
