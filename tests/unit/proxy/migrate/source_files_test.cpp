#include "patroni_proxy/migrate/source_files.h"

#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace proxy::migrate {
namespace {

using testing::ElementsAre;

std::vector<std::string> names(const std::vector<std::string>& paths) {
    std::vector<std::string> found;
    for (const auto& source : read_sources(paths, daemons::read_file))
        found.push_back(source.name);
    return found;
}

const std::string kSeveral = TEST_DATA "/haproxy/import/several";

TEST(SourceFiles, ComeInHaproxysOrder) {
    EXPECT_THAT(names({kSeveral + "/haproxy.cfg", kSeveral + "/conf.d"}),
                ElementsAre("haproxy.cfg", "10-ro.cfg", "20-rw.cfg"));
    EXPECT_THAT(names({kSeveral + "/conf.d", kSeveral + "/haproxy.cfg"}),
                ElementsAre("10-ro.cfg", "20-rw.cfg", "haproxy.cfg"));
}

TEST(SourceFiles, KeepTheirDirectoriesWhereNamesAreEqual) {
    const std::string file = kSeveral + "/haproxy.cfg";
    EXPECT_THAT(names({file, file}), ElementsAre(file, file));
    EXPECT_THROW((void)names({"/no/such/file"}), daemons::FileError);
}

TEST(Symbols, ComeFromTheCommandLineFirst) {
    ::setenv("PATRONI_PROXY_TEST_SYMBOL", "environment", 1);
    const auto symbols = symbols_from({"vip=10.0.0.1", ".Values.a=b"});
    EXPECT_EQ(symbols("vip"), "10.0.0.1");
    EXPECT_EQ(symbols(".Values.a"), "b");
    EXPECT_EQ(symbols("PATRONI_PROXY_TEST_SYMBOL"), "environment");
    EXPECT_EQ(symbols("no_such_symbol_anywhere"), std::nullopt);
    EXPECT_EQ(symbols_from({"PATRONI_PROXY_TEST_SYMBOL=x"})("PATRONI_PROXY_TEST_SYMBOL"), "x");
    EXPECT_THROW((void)symbols_from({"novalue"}), std::invalid_argument);
}

}  // namespace
}  // namespace proxy::migrate
