// What libpq and PostgreSQL of this release can do, through the proxy: TLS; and with newer versions
// direct TLS, protocol 3.2 with its long cancel keys, and load_balance_hosts.

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "testbed.h"

using support::psql_once;
using testing::HasSubstr;
using testing::StartsWith;
using namespace std::chrono_literals;

namespace {

/// The major version of a program. psql's libpq has the same.
int version_of(const std::string& program) {
    const auto result = support::run({program, "--version"});
    return std::stoi(result.out.substr(result.out.find_first_of("0123456789")));
}

/// A port through TLS, checked: the members' certificates are good for localhost.
std::string over_tls(const ProxyUnderTest& proxy, const std::string& port) {
    return conninfo(proxy, port) + " host=localhost hostaddr=127.0.0.1 sslmode=verify-full" +
           " sslrootcert=" + Testbed::kStateDir + "/tls/ca.crt";
}

constexpr char kHowAndWhere[] =
    "SELECT ssl, host(inet_server_addr()) FROM pg_stat_ssl WHERE pid = pg_backend_pid()";

/// Python's driver is this libpq too. It cancels a query of its own that sleeps on a replica.
void expect_cancel_by_protocol_3_2(const ProxyUnderTest& proxy) {
    const std::string script =
        "import psycopg2, sys, threading, time\n"
        "session = psycopg2.connect(sys.argv[1] + ' min_protocol_version=3.2')\n"
        "watch = psycopg2.connect(sys.argv[1])\n"
        "watch.autocommit = True\n"
        "def cancel():\n"
        "    with watch.cursor() as cursor:\n"
        "        for _ in range(500):\n"
        "            cursor.execute(\"select count(*) from pg_stat_activity where state = 'active' "
        "\"\n"
        "                           \"and query = 'select pg_sleep(60)'\")\n"
        "            if cursor.fetchone()[0]: break\n"
        "            time.sleep(0.02)\n"
        "    session.cancel()\n"
        "thread = threading.Thread(target=cancel)\n"
        "thread.start()\n"
        "try:\n"
        "    session.cursor().execute('select pg_sleep(60)')\n"
        "except psycopg2.errors.QueryCanceled:\n"
        "    print('canceled')\n"
        "thread.join()\n";
    const auto result =
        support::run({"/usr/bin/python3", "-c", script, conninfo(proxy, "master")}, {}, 50s);
    EXPECT_EQ(result.out, "canceled\n") << result.err;
}

TEST(RealClients, OfThisReleaseGetThroughWithAllTheyHave) {
    const Testbed testbed({"--postgres-tls"});
    // One port speaks some of PostgreSQL's protocol, the other only relays.
    const ProxyUnderTest proxy(real_config(
        "      held: {listen: \"127.0.0.1:0\", roles: [leader], queue_timeout: 5s}\n"
        "      nobody: {listen: \"127.0.0.1:0\", roles: [sync], no_backend: postgres_error}\n"));
    for (const char* port : {"master", "held"})
        EXPECT_THAT(psql_once(over_tls(proxy, port), kHowAndWhere).out,
                    StartsWith("t|127.0.0.11\n"));

    const int version = version_of("psql");
    if (version >= 16) {
        const std::string both =
            "host=127.0.0.1,127.0.0.1 port=" + std::to_string(proxy.port("real/nobody")) + "," +
            std::to_string(proxy.port("real/master")) +
            " user=postgres dbname=postgres load_balance_hosts=random";
        for (int i = 0; i < 4; ++i)
            EXPECT_EQ(psql_once(both, "SELECT 1").out, "1\n");
    }
    if (version >= 17) {
        const std::string direct = " sslnegotiation=direct";
        for (const char* port : {"master", "held"})
            EXPECT_THAT(psql_once(over_tls(proxy, port) + direct, kHowAndWhere).out,
                        StartsWith("t|127.0.0.11\n"));
        // The proxy cannot tell it why: it has no certificate for TLS.
        EXPECT_EQ(psql_once(over_tls(proxy, "nobody") + direct, "SELECT 1").status.code, 2);
    }
    if (version >= 18)
        expect_cancel_by_protocol_3_2(proxy);
}

TEST(RealClients, MembersOfAQuorumAreStandbysThatCommitsWaitFor) {
    // Before Patroni 4 there is no quorum: one standby is synchronous instead.
    Testbed testbed({"--synchronous-mode", version_of("/usr/bin/patroni") >= 4 ? "quorum" : "on"});
    const ProxyUnderTest proxy(
        real_config("      synchronous: {listen: \"127.0.0.1:0\", roles: [sync, quorum]}\n"));
    EXPECT_THAT(who_answers(proxy, "synchronous"), testing::AnyOf("127.0.0.12|t", "127.0.0.13|t"));
    testbed.run({"switchover"});
    support::eventually(
        [&] {
            return who_answers(proxy, "master") == "127.0.0.12|f" ||
                   who_answers(proxy, "master") == "127.0.0.13|f";
        },
        60s, "the leader port to reach the new leader");
    support::eventually([&] { return !who_answers(proxy, "synchronous").empty(); }, 60s,
                        "a synchronous standby");
    EXPECT_THAT(who_answers(proxy, "synchronous"), testing::EndsWith("|t"));
}

}  // namespace
