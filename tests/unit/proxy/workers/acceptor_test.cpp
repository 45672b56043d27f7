#include "patroni_proxy/workers/acceptor.h"

#include <cerrno>
#include <memory>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "unit/proxy/port/served_port.h"

namespace proxy {
namespace {

using support::FakeBackend;
using support::TestClient;

/// Two workers that serve two ports, each port with an acceptor and a backend of its own.
class AcceptorTest : public testing::Test {
  protected:
    AcceptorTest() {
        for (int i = 0; i < 2; ++i) {
            workers_.push_back(std::make_unique<Worker>(process_));
            Worker& worker = *workers_.back();
            for (const auto& port : ports_)
                worker.add(port, settings_of());
            worker.use(ports_[0]->id, table_of({backend_for(rw_)}));
            worker.use(ports_[1]->id, table_of({backend_for(ro_)}));
            worker.start();
        }
        run_on(workers_[0]->loop(), [this] {
            for (std::size_t i = 0; i < 2; ++i)
                acceptors_.push_back(std::make_unique<Acceptor>(workers_, ports_[i], sockets_[i]));
        });
    }
    ~AcceptorTest() override {
        for (const auto& worker : workers_)
            worker->stop();
        acceptors_.clear();
    }

    static Acceptor::Socket bound() {
        return std::make_shared<const net::ListeningSocket>(
            net::bind_listening_socket(*net::ListenAddress::parse("127.0.0.1:0")));
    }
    TestClient connect(std::size_t port) { return {"127.0.0.1", sockets_[port]->address().port()}; }
    [[nodiscard]] std::vector<std::size_t> loads() const {
        return {workers_[0]->load(), workers_[1]->load()};
    }

    FakeBackend rw_{{.name = "rw"}};
    FakeBackend ro_{{.name = "ro"}};
    ProcessSessions process_;
    const std::vector<PortPtr> ports_{make_port(7, "c/rw"), make_port(9, "c/ro")};
    std::vector<std::unique_ptr<Worker>> workers_;
    std::vector<Acceptor::Socket> sockets_{bound(), bound()};
    std::vector<std::unique_ptr<Acceptor>> acceptors_;
    std::vector<TestClient> clients_;
};

using Loads = std::vector<std::size_t>;

TEST_F(AcceptorTest, AHundredConnectionsAreSpreadExactlyEvenly) {
    for (int i = 0; i < 100; ++i)
        clients_.push_back(connect(0));
    rw_.wait_for_sessions(100);
    EXPECT_EQ(loads(), (Loads{50, 50}));
}

TEST_F(AcceptorTest, LeadsToItsOwnPort) {
    EXPECT_EQ(connect(0).receive_line(), "rw");
    EXPECT_EQ(connect(1).receive_line(), "ro");
}

TEST_F(AcceptorTest, AllPortsTogetherAreSpreadEvenly) {
    for (std::size_t i = 0; i < 20; ++i)
        clients_.push_back(connect(i % 2));
    rw_.wait_for_sessions(10);
    ro_.wait_for_sessions(10);
    EXPECT_EQ(loads(), (Loads{10, 10}));
}

TEST_F(AcceptorTest, TheLeastLoadedWorkerGetsTheNext) {
    // Six sessions on the second worker that no acceptor gave it.
    for (int i = 0; i < 6; ++i) {
        AcceptedClient pair;
        workers_[1]->serve(ports_[0]->id, std::move(pair.accepted), pair.address);
        clients_.push_back(std::move(pair.client));
    }
    for (int i = 0; i < 6; ++i)
        clients_.push_back(connect(0));
    rw_.wait_for_sessions(12);
    EXPECT_EQ(loads(), (Loads{6, 6}));
}

TEST_F(AcceptorTest, LeavesItsSocketToTheNext) {
    run_on(workers_[0]->loop(), [this] { acceptors_[0].reset(); });
    TestClient client = connect(0);
    run_on(workers_[0]->loop(), [this] {
        acceptors_[0] = std::make_unique<Acceptor>(workers_, ports_[1], sockets_[0]);
    });
    EXPECT_EQ(client.receive_line(), "ro") << "the next may be another port's";
    EXPECT_EQ(&acceptors_[0]->port(), ports_[1].get());
    EXPECT_EQ(acceptors_[0]->socket(), sockets_[0]);
}

TEST_F(AcceptorTest, SharesItsSocketForAsLongAsItAccepts) {
    const auto port = sockets_[0]->address().port();
    sockets_[0].reset();
    TestClient client("127.0.0.1", port);
    EXPECT_EQ(client.receive_line(), "rw");
    run_on(workers_[0]->loop(), [this] { acceptors_[0].reset(); });
    EXPECT_EQ(TestClient::connect_error("127.0.0.1", port), ECONNREFUSED);
}

TEST_F(AcceptorTest, ClosesWhatComesForAPortThatIsGone) {
    for (const auto& worker : workers_)
        run_on(worker->loop(), [&] { worker->remove(ports_[0]->id, SessionEnd::port_removed); });
    for (int i = 0; i < 4; ++i)
        EXPECT_EQ(connect(0).wait_for_close(), support::Closed::fin);
    EXPECT_EQ(connect(1).receive_line(), "ro");
}

}  // namespace
}  // namespace proxy
