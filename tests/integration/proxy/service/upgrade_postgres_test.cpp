// Upgrades under a real PostgreSQL and its clients, over TLS, of which the proxy sees nothing.

#include <future>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integration/postgres_test.h"
#include "support/process/daemon_process.h"
#include "support/process/psql_session.h"

using support::PsqlSession;
using support::RunResult;
using testing::HasSubstr;

namespace {

class UpgradePostgres : public PostgresTest {
  protected:
    static std::future<RunResult> started(const std::vector<std::string>& argv) {
        return std::async(std::launch::async,
                          [argv] { return support::run(argv, {}, std::chrono::seconds(60)); });
    }
};

TEST_F(UpgradePostgres, TransactionsCopiesAndBenchmarksGoOn) {
    constexpr int kUpgrades = 3;
    PsqlSession encrypted(conninfo());
    PsqlSession clear(conninfo("disable"));
    for (auto* session : {&encrypted, &clear})
        EXPECT_EQ(session
                      ->query("begin; create temp table kept (i int); insert into kept values "
                              "(1)")
                      .error,
                  "");
    const auto initialized =
        support::run({"pgbench", "-i", "-q", "-s", "1", conninfo()}, {}, std::chrono::seconds(60));
    ASSERT_EQ(initialized.status.code, 0) << initialized.err;
    auto bench = started({"pgbench", "-n", "-c", "4", "-t", "300", conninfo()});
    const std::string rows = "select i, repeat(md5(i::text), 10) from generate_series(1, 200000) i";
    auto out =
        started({"bash", "-c",
                 "psql -X -d '" + conninfo() + "' -c \"copy (" + rows + ") to stdout\" | md5sum"});
    auto in = started({"bash", "-c",
                       "psql -X -d '" + conninfo() +
                           "' -c 'create table copied (i int, t text)' && seq 300000 | "
                           "awk '{print $1 \"\\t\" $1 * 7}' | psql -X -d '" +
                           conninfo() + "' -c 'copy copied from stdin'"});
    for (int i = 0; i < kUpgrades; ++i) {
        proxy_->upgrade();
        for (auto* session : {&encrypted, &clear})
            EXPECT_EQ(session->query("insert into kept values (1)").error, "");
    }
    for (auto* session : {&encrypted, &clear})
        EXPECT_EQ(session->query("commit; select count(*) from kept").value(),
                  std::to_string(1 + kUpgrades));
    const RunResult benched = bench.get();
    EXPECT_EQ(benched.status.code, 0) << benched.err;
    EXPECT_THAT(benched.out, HasSubstr("number of failed transactions: 0"));
    EXPECT_THAT(benched.out, HasSubstr("number of transactions actually processed: 1200/1200"));
    const RunResult copied_out = out.get();
    const auto expected = support::run(
        {"bash", "-c",
         "psql -X -d '" + conninfo() + "' -c \"copy (" + rows + ") to stdout\" | md5sum"},
        {}, std::chrono::seconds(60));
    EXPECT_EQ(copied_out.out, expected.out) << copied_out.err;
    const RunResult copied_in = in.get();
    EXPECT_EQ(copied_in.status.code, 0) << copied_in.err;
    EXPECT_EQ(encrypted.query("select count(*), sum(i), sum(t::int) from copied").value(),
              "300000|45000150000|315001050000");
}

}  // namespace
