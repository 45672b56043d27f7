// What the proxy records of each kind of failure of a real cluster, beside what clients saw of it.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <iostream>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <Poco/JSON/Array.h>
#include <Poco/JSON/Object.h>
#include <Poco/JSON/Parser.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/process/psql_session.h"
#include "testbed.h"

using support::psql_once;
using testing::AllOf;
using testing::AnyOf;
using testing::Ge;
using testing::HasSubstr;
using testing::Le;
using testing::StartsWith;
using namespace std::chrono_literals;

namespace {

using Clock = std::chrono::steady_clock;
using Record = Poco::JSON::Object::Ptr;

/// What one client saw since it was asked last.
struct Seen {
    double outage = 0;  ///< the longest time without a row, in seconds
    int errors = 0;
    double slowest = 0;  ///< the longest psql, in seconds
};

/// A client that writes one row after the other at its own pace, each over a new connection.
class Writer {
  public:
    explicit Writer(std::string conninfo)
        : thread_([this, conninfo = std::move(conninfo)] {
              while (!done_) {
                  const auto begin = Clock::now();
                  const auto result = psql_once(conninfo, "INSERT INTO t VALUES (1)", 90s);
                  note(result.status.code == 0, Clock::now() - begin);
                  std::this_thread::sleep_for(50ms);
              }
          }) {}
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;
    ~Writer() {
        done_ = true;
        thread_.join();
    }

    void wait_for_rows(int more) const {
        const int before = rows_;
        support::eventually([&] { return rows_ >= before + more; }, 90s, "rows to be written");
    }
    Seen take() {
        const std::lock_guard lock(mutex_);
        return std::exchange(seen_, {});
    }

  private:
    void note(bool good, std::chrono::duration<double> took) {
        {
            const std::lock_guard lock(mutex_);
            seen_.slowest = std::max(seen_.slowest, took.count());
            const auto now = Clock::now();
            if (good && last_)
                seen_.outage =
                    std::max(seen_.outage, std::chrono::duration<double>(now - *last_).count());
            if (good)
                last_ = now;
            else
                ++seen_.errors;
        }
        if (good)
            ++rows_;
    }

    std::mutex mutex_;
    Seen seen_;
    std::optional<Clock::time_point> last_;
    std::atomic<int> rows_{0};
    std::atomic<bool> done_{false};
    std::thread thread_;
};

std::string text(const Record& record, const std::string& key) {
    return record->isNull(key) ? "" : record->getValue<std::string>(key);
}
double number(const Record& record, const std::string& key) {
    return record->getValue<double>(key);
}

class RealHistory : public testing::Test {
  protected:
    RealHistory() {
        EXPECT_EQ(psql_once(conninfo(proxy_, "master"), "CREATE TABLE t (n int)").status.code, 0);
        writer_.emplace(conninfo(proxy_, "master"));
        waiting_writer_.emplace(conninfo(proxy_, "held") + " connect_timeout=90");
        settle();
    }

    [[nodiscard]] std::vector<Record> records() const {
        const auto root =
            Poco::JSON::Parser().parse(proxy_.get("/history")).extract<Poco::JSON::Object::Ptr>();
        const auto list = root->getArray("records");
        std::vector<Record> records;
        for (unsigned i = 0; i < list->size(); ++i)
            records.push_back(list->getObject(i));
        return records;
    }
    [[nodiscard]] bool is_new(const Record& record) const {
        return !record->isNull("id") && record->getValue<unsigned>("id") > last_id_;
    }
    template <typename Predicate>
    void wait_for(const std::string& what, const Predicate& predicate) const {
        try {
            support::eventually(predicate, 40s, what);
        } catch (const std::exception& error) {
            throw std::runtime_error(error.what() + (" in" + story()) + testbed_.status());
        }
    }
    /// Every record in a line, and the steps of the last one.
    [[nodiscard]] std::string story() const {
        std::string story;
        const auto all = records();
        for (const auto& record : all)
            story += "\n" + std::string(record->isNull("id") ? "open: " : "") +
                     text(record, "began_iso") + " " + text(record, "kind") + " " +
                     text(record, "cause") + ": " + text(record, "summary");
        if (!all.empty()) {
            const auto steps = all.back()->getArray("steps");
            for (unsigned i = 0; i < steps->size(); ++i) {
                const auto step = steps->getObject(i);
                for (const auto* key : {"at_iso", "step", "member", "port", "detail"})
                    story += (key == std::string("at_iso") ? "\n  " : " ") + text(step, key);
            }
        }
        return story + "\n";
    }
    void wait_for_open(const std::string& cause) const {
        wait_for("an open record of " + cause, [&] {
            const auto all = records();
            return !all.empty() && all.back()->isNull("id") && text(all.back(), "cause") == cause;
        });
    }
    /// What both clients do goes on as before, and what happened until now is over. A record stays
    /// open until it has been calm for a while.
    void settle() {
        wait_for("all records to be complete", [&] {
            const auto all = records();
            return std::none_of(all.begin(), all.end(),
                                [](const auto& record) { return record->isNull("id"); });
        });
        writer_->wait_for_rows(5);
        waiting_writer_->wait_for_rows(5);
        (void)writer_->take();
        (void)waiting_writer_->take();
        for (const auto& record : records())
            if (is_new(record))
                last_id_ = record->getValue<unsigned>("id");
    }
    /// The one record that came of what was done. Members that come back have records of their own,
    /// and may come back late: those of another cause than `cause` do not count, if it is given.
    /// Nor do those of a Patroni that is too busy to answer.
    Record only_record(const std::string& kind, const std::string& cause = {}) {
        const auto is_wanted = [&](const Record& record) {
            return text(record, "kind") == kind &&
                   (cause.empty() || text(record, "cause") == cause);
        };
        std::vector<Record> found;
        wait_for("a record of " + kind, [&] {
            found = records();
            std::erase_if(found, [&](const auto& record) { return !is_new(record); });
            return std::any_of(found.begin(), found.end(), is_wanted);
        });
        Record only;
        for (const auto& record : found) {
            std::cout << "  " << text(record, "kind") << " " << text(record, "cause") << ": "
                      << text(record, "summary") << "\n";
            if (is_wanted(record)) {
                EXPECT_TRUE(only.isNull()) << "two records: " << proxy_.get("/history");
                only = record;
            } else {
                EXPECT_THAT(text(record, "kind"), AnyOf("members", "patroni"))
                    << proxy_.get("/history");
            }
        }
        return only;
    }
    /// The record of a change of leader is what the clients saw. The leader may have told clients
    /// for `unknown` seconds more that it takes no writes, which the proxy does not see.
    void expect_as_seen(const Record& record, double unknown = 0) {
        writer_->wait_for_rows(5);
        waiting_writer_->wait_for_rows(5);
        const Seen seen = writer_->take();
        const Seen waited = waiting_writer_->take();
        std::cout << "  clients: " << seen.outage << " s, " << seen.errors << " errors; "
                  << waited.outage << " s, " << waited.errors << " errors\n";
        // Who is refused may be so a psql earlier or later, and that is slow on a busy machine.
        const double tolerance = 1.5 + std::min(seen.slowest, 3.0);
        const auto is_seen = [&](double seconds) {
            return AllOf(Ge(seconds - tolerance - unknown), Le(seconds + tolerance));
        };
        EXPECT_THAT(number(record, "no_leader_seconds"), is_seen(seen.outage))
            << proxy_.get("/history");
        EXPECT_THAT(number(record, "longest_held"), is_seen(waited.outage));
        EXPECT_LE(number(record, "refused"), 3 + 1.1 * seen.errors);
        if (unknown == 0) {  // a leader that shuts down refuses some itself
            EXPECT_GE(number(record, "refused"), 0.7 * seen.errors - 3);
        }
    }
    template <typename Cause>
    Record expect_leader(const Cause& cause, const std::string& from, const std::string& to,
                         double unknown = 0) {
        const Record record = only_record("leader");
        EXPECT_THAT(text(record, "cause"), cause) << proxy_.get("/history");
        EXPECT_EQ(text(record, "leader_before"), from);
        EXPECT_EQ(text(record, "leader_after"), to);
        expect_as_seen(record, unknown);
        return record;
    }

    Testbed testbed_{{"--tags", "p3:nofailover=true"}};
    ProxyUnderTest proxy_{real_config(
        "      held: {listen: \"127.0.0.1:0\", roles: [leader], queue_timeout: 80s}\n"
        "      fresh: {listen: \"127.0.0.1:0\", roles: [replica], max_lag_in_bytes: 8MB,\n"
        "              lag_source: live, lag_window: 1s}\n")};
    std::optional<Writer> writer_;
    std::optional<Writer> waiting_writer_;
    unsigned last_id_ = 0;
};

TEST_F(RealHistory, ASwitchoverALagWaveAFrozenApiAndACleanStop) {
    const support::PsqlSession idle(conninfo(proxy_, "master"));  // ends with p1's PostgreSQL
    testbed_.run({"switchover", "--to", "p2"});
    Record record = expect_leader("switchover", "p1", "p2");
    EXPECT_EQ(text(record, "words"), "planned switchover");
    EXPECT_GT(number(record, "sessions_ended"), 0);
    testbed_.run({"start", "p1"});  // waits until it follows
    settle();

    testbed_.run({"hold", "p3"});
    testbed_.run({"write-wal", "40"});
    wait_for_open("lag");
    testbed_.run({"release", "p3"});
    record = only_record("members", "lag");
    EXPECT_THAT(text(record, "words"), HasSubstr("p3 left fresh: replication lag: lag of "));
    EXPECT_THAT(text(record, "words"), HasSubstr("; back after "));
    settle();

    testbed_.run({"freeze", "p2"});
    wait_for_open("api_silent");
    record = expect_leader("leader_frozen", "p2", "p1");
    EXPECT_THAT(text(record, "words"),
                StartsWith("the leader's API froze: its lock ran out after "));
    // Thawed, Patroni 3.0 would overwrite the lock of p1, and p1 be rewound when it is to lead.
    testbed_.run({"kill", "p2"});
    testbed_.run({"start", "p2"});
    settle();

    testbed_.run({"stop", "p1"});
    // Where the next leader takes over before the other's Patroni has ended, both look alike.
    record = expect_leader(AnyOf("leader_stopped", "switchover"), "p1", "p2");
    EXPECT_THAT(text(record, "words"), AnyOf(StartsWith("leader stopped: "), "planned switchover"));
}

TEST_F(RealHistory, AnOutageOfEtcdAndAKill) {
    testbed_.run({"stop", "etcd"});
    wait_for_open("store_down");
    support::eventually(
        [&] { return proxy_.metric(R"(cluster_leader_known{cluster="real"})") == 0; }, 40s,
        "p1 to step down");
    testbed_.run({"start", "etcd"});
    // Patroni makes its PostgreSQL read-only before its API says so: 4.5 s before, for example.
    Record record = expect_leader("store_down", "p1", "p1", 8);
    EXPECT_THAT(text(record, "words"), HasSubstr("is its store (etcd) down? p1 stopped taking"));
    settle();

    const auto failsafe =
        support::run({"curl", "-sS", "-X", "PATCH", "-d", "{\"failsafe_mode\": true}",
                      "http://127.0.0.11:8008/config"});
    ASSERT_THAT(failsafe.out, HasSubstr("failsafe_mode")) << failsafe.err;
    support::eventually(
        [&] {
            return support::run({"curl", "-sS", "http://127.0.0.11:8008/failsafe"})
                       .out.find("p2") != std::string::npos;
        },
        20s, "Patroni to use failsafe_mode");
    testbed_.run({"stop", "etcd"});
    wait_for_open("store_down");
    testbed_.run({"start", "etcd"});
    record = only_record("patroni");
    EXPECT_EQ(text(record, "cause"), "store_down");
    EXPECT_THAT(text(record, "words"), HasSubstr("is its store (etcd) down? p1 went on as leader"));
    expect_as_seen(record);
    settle();

    testbed_.run({"kill", "p1"});
    record = expect_leader("leader_died", "p1", "p2");
    EXPECT_THAT(text(record, "words"), StartsWith("leader died: its lock ran out after "));
}

}  // namespace
