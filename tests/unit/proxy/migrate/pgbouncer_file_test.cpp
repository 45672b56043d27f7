#include "patroni_proxy/migrate/convert/pgbouncer_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/system/file.h"
#include "import_text.h"

namespace proxy::migrate {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

TEST(PgbouncerFile, LeadsToPortsThatAreCarriedOver) {
    const std::string text = daemons::read_file(TEST_DATA "/haproxy/import/pgbouncer.ini");
    EXPECT_TRUE(is_pgbouncer_file(text));
    const ImportedText haproxy(
        "listen rw\n bind 10.0.0.100:5432\n option httpchk\n server a 10.0.0.1:5432 check port "
        "8008\n");
    Ledger ledger;
    read_pgbouncer_file(text, "p.ini", haproxy.conversion.draft, ledger);
    ASSERT_EQ(ledger.lines().size(), 4U);
    EXPECT_EQ(ledger.lines()[0].outcome, Outcome::carried);
    EXPECT_EQ(ledger.lines()[0].directive, "orders = host=10.0.0.100 port=5432");
    EXPECT_THAT(ledger.lines()[0].why, HasSubstr("port 'rw' of cluster 'main'"));
    EXPECT_EQ(ledger.lines()[1].outcome, Outcome::not_carried);
    EXPECT_EQ(ledger.lines()[2].outcome, Outcome::not_needed);
    EXPECT_THAT(ledger.text(), AllOf(Not(HasSubstr("secret")), Not(HasSubstr("app"))));
}

TEST(PgbouncerFile, AloneSaysThatHaproxysFileIsMissing) {
    Ledger ledger;
    read_pgbouncer_file("[databases]\nx = host=h port=5000\n", "p.ini", std::nullopt, ledger);
    ASSERT_EQ(ledger.lines().size(), 1U);
    EXPECT_THAT(ledger.lines()[0].why, HasSubstr("give both"));
}

}  // namespace
}  // namespace proxy::migrate
