// Real clients of a real PostgreSQL, with TLS: what their ends are taken for.

#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integration/postgres_test.h"
#include "support/process/daemon_process.h"
#include "support/process/psql_session.h"

using support::PsqlSession;

namespace {

constexpr int kSessions = 20;
constexpr const char* kQuery = "select version from pg_stat_ssl where pid = pg_backend_pid()";

class TlsClients : public PostgresTest {
  protected:
    void run(const std::vector<std::string>& argv) {
        const auto result = support::run(argv, {}, std::chrono::seconds(60));
        EXPECT_EQ(result.status.code, 0) << result.out << result.err;
        EXPECT_THAT(result.out, testing::HasSubstr("TLS")) << result.err;
    }
    [[nodiscard]] std::map<std::string, double> ended() const {
        std::map<std::string, double> counts;
        for (const char* reason :
             {"client_closed", "client_failed", "backend_closed", "backend_failed"}) {
            const double count = proxy_->metric(
                "backend_sessions_ended_total{cluster=\"c\",port=\"rw\",member=\"b1\",reason=\"" +
                std::string(reason) + "\"}");
            if (count != 0)
                counts[reason] = count;
        }
        return counts;
    }
    void expect_ended(const std::map<std::string, double>& expected) {
        proxy_->wait_for_metric("sessions_open", 0);
        EXPECT_EQ(ended(), expected) << proxy_->daemon().output();
    }

    const support::TempDir directory_;
};

TEST_F(TlsClients, ASessionThatAClientEndsIsCountedForTheClient) {
    for (int i = 0; i < kSessions; ++i)
        run({"psql", "-X", "-At", "-d", conninfo(), "-c", kQuery});
    run({"/usr/bin/python3", "-c", R"py(
import psycopg2, sys
for i in range(20):
    session = psycopg2.connect(sys.argv[1])
    cursor = session.cursor()
    cursor.execute(sys.argv[2])
    print(cursor.fetchall())
    session.close()
)py",
         conninfo(), kQuery});
    run({"java", "-cp", "/usr/share/java/bsh.jar:/usr/share/java/postgresql.jar", "bsh.Interpreter",
         directory_.write("sessions.bsh", R"bsh(
for (int i = 0; i < 20; i++) {
    session = new org.postgresql.Driver().connect(
        "jdbc:postgresql://127.0.0.1:" + bsh.args[0] + "/postgres?user=postgres&sslmode=require",
        new java.util.Properties());
    result = session.createStatement().executeQuery(bsh.args[1]);
    result.next();
    print(result.getString(1));
    session.close();
}
)bsh"),
         port(), kQuery});
    expect_ended({{"client_closed", 3 * kSessions}});
}

TEST_F(TlsClients, ASessionThatTheServerEndsIsNotCountedForTheClient) {
    // One that waits for an answer notices at once, and one that is idle does not look.
    run({"/usr/bin/python3", "-c", R"py(
import psycopg2, sys
session = psycopg2.connect(sys.argv[1])
try:
    session.cursor().execute("select pg_terminate_backend(pg_backend_pid())")
except psycopg2.Error as error:
    print("over TLS:", error)
)py",
         conninfo()});
    expect_ended({{"backend_closed", 1}});
    PsqlSession idle(conninfo());
    server_.stop_fast();
    expect_ended({{"backend_closed", 2}});
    EXPECT_THAT(idle.query("select 1").error,
                testing::HasSubstr("terminating connection due to administrator command"));
}

}  // namespace
