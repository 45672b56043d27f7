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

TEST(ConfigFileTest, MayBeADirectoryWhoseFilesAreCheckedTogether) {
    const support::TempDir directory;
    const auto cluster = [](const std::string& name, const std::string& port) {
        return "clusters:\n  " + name + ":\n    hosts: [\"http://10.0.0.1:8008\"]\n    ports:\n" +
               "      p: {listen: \"127.0.0.1:" + port + "\", roles: any}\n";
    };
    const auto a = directory.write("a.yaml", cluster("a", "6432"));
    const auto b = directory.write("b.yml", "workers: 3\n" + cluster("b", "6433"));
    const std::string path = directory.path();
    const Config config = load_config(path);
    EXPECT_EQ(config.workers, 3U);
    ASSERT_EQ(config.clusters.size(), 2U);
    EXPECT_EQ(config.clusters[1].name, "b");
    EXPECT_EQ(config.listen_places.at("127.0.0.1:6433"), b + ":6");
    directory.write("b.yml", cluster("b", "6432"));
    EXPECT_EQ(why_not_loaded(path),
              b + ":5: port 'p': 127.0.0.1:6432 is taken by " + a + ":5 already");
}

TEST(ConfigFileTest, FiveHundredClustersOfFiveHundredFilesAreRead) {
    const support::TempDir directory;
    for (int i = 0; i < 500; ++i) {
        const std::string number = std::to_string(i);
        std::string text = "clusters:\n  c" + number + ":\n    hosts: [\"http://pg" + number +
                           "a:8008\", \"http://pg" + number + "b:8008\"]\n    ports:\n";
        for (int port = 0; port < 4; ++port)
            text += "      p" + std::to_string(port) + ": {listen: \"127.0." +
                    std::to_string(port) + ".1:" + std::to_string(10'000 + i) +
                    "\", roles: [leader], max_lag_in_bytes: 16MB, queue_timeout: 5s}\n";
        (void)directory.write("c" + number + ".yaml", text);
    }
    EXPECT_EQ(load_config(directory.path()).clusters.size(), 500U);
}

TEST(ConfigFileTest, ThatCannotBeReadSaysWhy) {
    const support::TempDir directory;
    const std::string missing = directory.path() / "missing.yaml";
    EXPECT_EQ(why_not_loaded(missing), missing + ": cannot be read: No such file or directory");
    const std::string folder = directory.path();
    EXPECT_EQ(why_not_loaded(folder),
              folder + ": holds no configuration; files in it must be named *.yaml or *.yml");
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
