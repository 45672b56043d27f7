#include "patroni_proxy/workers/open_sessions.h"

#include <future>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/proxy/logged.h"
#include "unit/proxy/port/fake_postgres.h"
#include "unit/proxy/port/served_port.h"
#include "unit/proxy/port/talking_postgres.h"

namespace proxy {
namespace {

using namespace std::chrono_literals;
using support::TestClient;
using testing::HasSubstr;

constexpr PortId kMainRw = 1;
constexpr PortId kOtherRo = 2;

/// Two workers with two ports: main/rw leads to p1, other/ro to p2.
class OpenSessionsTest : public testing::Test {
  protected:
    OpenSessionsTest() {
        talk_as_postgres(p1_);
        talk_as_postgres(p2_);
        for (std::uint16_t i = 0; i < 2; ++i) {
            workers_.push_back(std::make_unique<Worker>(process_, i));
            workers_[i]->add(rw_, settings_of());
            workers_[i]->add(ro_, settings_of());
            workers_[i]->start();
            run_on(workers_[i]->loop(), [&] {
                workers_[i]->use(kMainRw, table_of({b1_}));
                workers_[i]->use(kOtherRo, table_of({b2_}));
            });
        }
        thread_ = std::thread([this] { loop_.run(); });
    }
    ~OpenSessionsTest() override {
        run_on(loop_, [this] { sessions_.stop(); });
        for (const auto& worker : workers_)
            worker->stop();
        loop_.stop();
        thread_.join();
    }

    TestClient connect(std::size_t worker, PortId port = kMainRw) {
        AcceptedClient pair;
        workers_[worker]->serve(port, std::move(pair.accepted), pair.address);
        return std::move(pair.client);
    }
    /// It is up, and between two queries.
    TestClient session(std::size_t worker, PortId port = kMainRw) {
        TestClient client = connect(worker, port);
        client.send(FakePostgres::startup());
        const std::string answer = accepted_by(port == kMainRw ? "p1" : "p2");
        EXPECT_EQ(client.receive(answer.size()), answer);
        return client;
    }
    SessionList list(const SessionFilter& filter = {}) {
        const auto listed = std::make_shared<std::promise<SessionList>>();
        run_on(loop_, [&] {
            sessions_.list(filter,
                           {"a form of its own: " + std::to_string(++lists_),
                            [listed](const SessionList& list) {
                                listed->set_value(list);
                                return std::string();
                            }},
                           [](const std::string& /*text*/) {});
        });
        return listed->get_future().get();
    }
    std::size_t close(const SessionFilter& filter) {
        const auto closed = std::make_shared<std::promise<std::size_t>>();
        run_on(loop_, [&] {
            sessions_.close(filter, "somebody",
                            [closed](std::size_t count) { closed->set_value(count); });
        });
        return closed->get_future().get();
    }
    void drain(const DrainPace& pace) {
        run_on(loop_, [&] { sessions_.drain("main", "p1", pace, "p1 is drained"); });
    }
    void wait_for_load(std::size_t load) {
        support::eventually([&] { return workers_[0]->load() + workers_[1]->load() == load; },
                            std::to_string(load) + " sessions");
    }

    int lists_ = 0;
    support::FakeBackend p1_{{.name = "p1", .greeting = false, .echo = false}};
    support::FakeBackend p2_{{.name = "p2", .greeting = false, .echo = false}};
    const BackendPtr b1_ = backend_for(p1_);
    const BackendPtr b2_ = backend_for(p2_);
    const PortPtr rw_ = make_port(kMainRw, "main/rw");
    const PortPtr ro_ = make_port(kOtherRo, "other/ro");
    ProcessSessions process_;
    std::vector<std::unique_ptr<Worker>> workers_;
    net::EventLoop loop_;
    OpenSessions sessions_{loop_, workers_, [] {
                               return OpenSessions::PortNames{{kMainRw, {"main", "rw"}},
                                                              {kOtherRo, {"other", "ro"}},
                                                              {99, {"gone", "rw"}}};
                           }};
    std::thread thread_;
};

TEST_F(OpenSessionsTest, ListsThoseOfAllWorkersOnce) {
    EXPECT_EQ(list().total, 0U);
    std::vector<TestClient> clients;
    for (int i = 0; i < 3; ++i) {
        clients.push_back(session(0));
        clients.push_back(session(1));
        clients.push_back(session(1, kOtherRo));
    }
    const SessionList all = list();
    EXPECT_EQ(all.total, 9U);
    ASSERT_EQ(all.sessions.size(), 9U);
    std::set<std::string> ids;
    for (const auto& each : all.sessions) {
        ids.insert(each.id.text());
        EXPECT_EQ(each.cluster + "/" + each.port, each.backend == b1_ ? "main/rw" : "other/ro");
        EXPECT_EQ(each.user, "app");
    }
    EXPECT_EQ(ids, (std::set<std::string>{"w0-1", "w0-2", "w0-3", "w1-1", "w1-2", "w1-3", "w1-4",
                                          "w1-5", "w1-6"}));
    EXPECT_EQ(all.sessions.front().id.text(), "w0-1") << "in the order of their ids";
}

TEST_F(OpenSessionsTest, ListsWhatTheFilterSelects) {
    auto first = session(0);
    auto second = session(1);
    auto third = session(1, kOtherRo);
    EXPECT_EQ(list({.cluster = "main"}).total, 2U);
    EXPECT_EQ(list({.port = "ro"}).total, 1U);
    EXPECT_EQ(list({.cluster = "gone"}).total, 0U);
    EXPECT_EQ(list({.member = "p2"}).sessions.at(0).port, "ro");
    EXPECT_EQ(list({.id = SessionId(1, 1)}).total, 1U);
    EXPECT_EQ(list({.user = "nobody"}).total, 0U);
    const SessionList limited = list({.limit = 2});
    EXPECT_EQ(limited.sessions.size(), 2U);
    EXPECT_EQ(limited.total, 3U);
}

TEST_F(OpenSessionsTest, ListsThatAreAskedForAtOnceAreGatheredOnceAndWrittenOnceInEachForm) {
    auto client = session(0);
    std::promise<void> all;
    std::vector<const SessionList*> lists;  // in the order in which they are written
    const auto note = [&](const SessionList& list) {
        EXPECT_EQ(list.total, 1U);
        lists.push_back(&list);
        return std::to_string(lists.size());
    };
    std::vector<std::string> texts;
    const auto keep = [&](std::string text) { texts.push_back(std::move(text)); };
    run_on(loop_, [&] {
        sessions_.list({}, {"table", note}, keep);
        sessions_.list({}, {"json", note}, keep);
        sessions_.list({}, {"table", note}, keep);
        sessions_.list({.member = "p1"}, {"table", note}, [&](std::string text) {
            keep(std::move(text));
            all.set_value();
        });
    });
    all.get_future().wait();
    EXPECT_EQ(texts, (std::vector<std::string>{"1", "2", "1", "3"}));
    ASSERT_EQ(lists.size(), 3U);
    EXPECT_EQ(lists[0], lists[1]);
    EXPECT_NE(lists[0], lists[2]) << "another filter";
}

TEST_F(OpenSessionsTest, AListDoesNotHaveWhatWasClosed) {
    std::vector<TestClient> clients;
    for (std::size_t i = 0; i < 400; ++i)  // so many that a list is shared for a while
        clients.push_back(session(0));
    for (auto& client : clients) {
        client.send("begin");
        EXPECT_EQ(client.receive(6), ready_for_query('T'));
    }
    EXPECT_EQ(list().total, 400U);
    EXPECT_EQ(close({.member = "p1"}), 400U) << "in transactions: they end at once";
    EXPECT_EQ(list().total, 0U);
}

TEST_F(OpenSessionsTest, TheLoopGoesOnWhileAListIsWritten) {
    auto client = session(0);
    std::promise<void> loop_went_on;
    const auto text = std::make_shared<std::promise<std::string>>();
    run_on(loop_, [&] {
        sessions_.list({},
                       {"table",
                        [&](const SessionList& list) {
                            loop_went_on.get_future().wait();
                            return std::to_string(list.total);
                        }},
                       [text](std::string written) { text->set_value(std::move(written)); });
    });
    run_on(loop_, [&] { loop_went_on.set_value(); });
    EXPECT_EQ(text->get_future().get(), "1");
}

TEST_F(OpenSessionsTest, OnesThatComeAndGoMeanwhileAreListedOnceAtMost) {
    std::vector<TestClient> staying;
    for (std::size_t i = 0; i < 200; ++i)
        staying.push_back(session(i % 2));
    std::atomic<bool> done{false};
    std::thread others([&] {
        while (!done) {
            auto client = session(0);
            client.send(std::string(kTerminate));
            client.wait_for_close();
        }
    });
    for (int i = 0; i < 50; ++i) {
        const SessionList all = list();
        std::set<SessionId> ids;
        for (const auto& each : all.sessions)
            EXPECT_TRUE(ids.insert(each.id).second);
        EXPECT_EQ(all.total, ids.size());
        EXPECT_GE(ids.size(), staying.size());
    }
    done = true;
    others.join();
}

TEST_F(OpenSessionsTest, ClosesWhatTheFilterSelects) {
    auto first = session(0);
    auto second = session(1);
    auto third = session(1, kOtherRo);
    EXPECT_EQ(close({.member = "p1"}), 2U);
    for (TestClient* client : {&first, &second}) {
        EXPECT_EQ(read_answer(client->receive_to_eof()).sqlstate, "57P01");
        client->close();
    }
    wait_for_load(1);
    EXPECT_EQ(close({.member = "p1"}), 0U);
    third.send("still there?");
    EXPECT_EQ(third.receive(6), ready_for_query('I'));
}

TEST_F(OpenSessionsTest, ClosesEverySessionThatWasOpenWhileOthersComeAndGo) {
    std::vector<TestClient> staying;
    for (std::size_t i = 0; i < 100; ++i)
        staying.push_back(session(i % 2));
    std::atomic<bool> done{false};
    std::thread coming_and_going([&] {
        for (std::size_t i = 0; i < 200 && !done; ++i) {
            AcceptedClient pair;
            pair.client.send(FakePostgres::startup());
            workers_[i % 2]->serve(kMainRw, std::move(pair.accepted), pair.address);
        }
    });
    EXPECT_GE(close({.member = "p1"}), staying.size());
    done = true;
    coming_and_going.join();
    for (auto& client : staying)
        EXPECT_EQ(read_answer(client.receive_to_eof()).sqlstate, "57P01");
}

TEST_F(OpenSessionsTest, ClosesNoMoreThanTheLimit) {
    std::vector<TestClient> clients;
    for (std::size_t i = 0; i < 6; ++i)
        clients.push_back(session(i % 2));
    EXPECT_EQ(close({.cluster = "main", .limit = 4}), 4U);
    // Each stays for a moment, until its server has ended.
    support::eventually([&] { return list({.state = "relaying"}).total == 2; }, "two sessions");
}

TEST_F(OpenSessionsTest, ADrainEndsThoseBetweenQueriesAndLeavesTheOthers) {
    auto idle = session(0);
    auto other_idle = session(1);
    auto busy = session(1);
    auto elsewhere = session(0, kOtherRo);
    busy.send("begin");
    EXPECT_EQ(busy.receive(6), ready_for_query('T'));
    drain({.rate = 1000});
    for (TestClient* client : {&idle, &other_idle}) {
        EXPECT_EQ(read_answer(client->receive_to_eof()).sqlstate, "57P01");
        client->close();
    }
    wait_for_load(2);
    // It goes on working, and ends with its transaction.
    busy.send("select");
    EXPECT_EQ(busy.receive(6), ready_for_query('I'));
    EXPECT_EQ(read_answer(busy.receive_to_eof()).sqlstate, "57P01");
    busy.close();
    wait_for_load(1);
    elsewhere.send("select");
    EXPECT_EQ(elsewhere.receive(6), ready_for_query('I'));
    support::eventually([&] { return count_of(std::string(kTerminate), p1_.received_text()) == 3; },
                        "a Terminate from each");
}

TEST_F(OpenSessionsTest, ADrainWhoseTimeIsOverEndsTheOthersToo) {
    auto busy = session(0);
    busy.send("begin");
    EXPECT_EQ(busy.receive(6), ready_for_query('T'));
    auto encrypted = connect(1);
    encrypted.send("\x16\x03\x01");
    p1_.wait_for_received(FakePostgres::startup().size() + 5 + 3);
    const auto log = logged_during([&] {
        drain({.rate = 1000, .within = 0s});
        busy.wait_for_close();
        encrypted.wait_for_close();
        p1_.wait_for_resets(2);
        wait_for_load(0);
    });
    EXPECT_EQ(count_of("session ended: closed by an operator: p1 is drained client=", log), 2U)
        << log;
}

TEST_F(OpenSessionsTest, ADrainKeepsItsPaceOverAllWorkers) {
    std::vector<TestClient> clients;
    for (std::size_t i = 0; i < 12; ++i)
        clients.push_back(session(i % 2));
    const auto begin = support::Clock::now();
    drain({.rate = 20});
    for (auto& client : clients)
        EXPECT_EQ(read_answer(client.receive_to_eof()).sqlstate, "57P01");
    // The first tick comes after a quarter of a second, and each ends five.
    EXPECT_GE(support::Clock::now() - begin, 600ms);
}

TEST_F(OpenSessionsTest, AStopEndsIdleSessionsOfAllMembersAndLeavesTheOthers) {
    auto idle = session(0);
    auto idle_elsewhere = session(1, kOtherRo);
    auto busy = session(1);
    busy.send("begin");
    EXPECT_EQ(busy.receive(6), ready_for_query('T'));
    auto encrypted = connect(0);
    encrypted.send("\x16\x03\x01");
    const auto log = logged_during([&] {
        run_on(loop_, [&] { sessions_.end_idle(1000); });
        for (TestClient* client : {&idle, &idle_elsewhere}) {
            const Answer answer = read_answer(client->receive_to_eof());
            EXPECT_EQ(answer.sqlstate, "57P01");
            EXPECT_EQ(answer.message, "terminating connection: patroni_proxy is stopping");
            client->close();
        }
        wait_for_load(2);
        // It goes on working, and ends with its transaction.
        busy.send("select");
        EXPECT_EQ(busy.receive(6), ready_for_query('I'));
        EXPECT_EQ(read_answer(busy.receive_to_eof()).sqlstate, "57P01");
        busy.close();
        wait_for_load(1);
    });
    EXPECT_FALSE(encrypted.closed_now()) << "it may be in a transaction";
    EXPECT_EQ(count_of("session ended: the proxy is stopping client=", log), 3U) << log;
}

TEST_F(OpenSessionsTest, ADrainThatIsLiftedEndsNobody) {
    auto client = session(0);
    run_on(loop_, [&] {
        sessions_.drain("main", "p1", {.rate = 1000}, "p1 is drained");
        sessions_.keep("main", "p1");
    });
    run_on(loop_, [&] { sessions_.drain("main", "p2", {.rate = 1000}, "p2 is drained"); });
    auto other = session(0, kOtherRo);
    client.send("select");
    EXPECT_EQ(client.receive(6), ready_for_query('I'));
    other.send("select");
    EXPECT_EQ(other.receive(6), ready_for_query('I')) << "p2 of another cluster is not meant";
}

}  // namespace
}  // namespace proxy
