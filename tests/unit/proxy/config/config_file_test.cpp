#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config_text.h"
#include "patroni_proxy/config/config.h"
#include "support/process/temp_dir.h"

namespace proxy {
namespace {

using testing::StartsWith;

std::string why_not_loaded(const std::string& path) {
    try {
        (void)load_config(path);
        return "it was loaded";
    } catch (const ConfigError& error) {
        return error.what();
    }
}

TEST(ConfigFileTest, IsReadWhole) {
    const support::TempDir directory;
    const auto path = directory.write("proxy.yaml", file_with("workers: 7"));
    EXPECT_EQ(load_config(path).workers, 7U);
}

TEST(ConfigFileTest, ItsPathStandsInEveryProblem) {
    const support::TempDir directory;
    const auto path = directory.write("proxy.yaml", file_with("workers: 0"));
    EXPECT_THAT(why_not_loaded(path), StartsWith(path + ":1: the file: workers '0'"));
}

TEST(ConfigFileTest, ThatCannotBeReadSaysWhy) {
    const support::TempDir directory;
    const std::string missing = directory.path() / "missing.yaml";
    EXPECT_EQ(why_not_loaded(missing), missing + ": cannot be read: No such file or directory");
    const std::string folder = directory.path();
    EXPECT_EQ(why_not_loaded(folder), folder + ": is a directory; it must be a regular file");
}

TEST(ConfigFileTest, ThatIsEmptyIsCalledEmpty) {
    const support::TempDir directory;
    const auto path = directory.write("proxy.yaml", "");
    EXPECT_EQ(why_not_loaded(path), path + ":1: the file is empty");
}

TEST(ConfigFileTest, ThatIsTooLargeIsRefused) {
    const support::TempDir directory;
    const auto path = directory.write("proxy.yaml", std::string(4 * 1024 * 1024 + 1, '#'));
    EXPECT_EQ(why_not_loaded(path), path + ": is larger than 4 MiB");
}

}  // namespace
}  // namespace proxy
