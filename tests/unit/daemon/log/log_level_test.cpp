#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "daemon/log/log.h"

namespace daemons::log {
namespace {

using Table = std::vector<std::pair<std::string, std::optional<Level>>>;

TEST(LogLevel, IsReadInAnyCase) {
    const Table table{
        {"error", Level::error}, {"warning", Level::warning}, {"warn", Level::warning},
        {"info", Level::info},   {"debug", Level::debug},     {"trace", Level::debug},
        {"INFO", Level::info},   {"Warning", Level::warning}, {"", std::nullopt},
        {"inf", std::nullopt},   {"infos", std::nullopt},     {" info", std::nullopt},
        {"off", std::nullopt},   {"1", std::nullopt},
    };
    for (const auto& [name, level] : table)
        EXPECT_EQ(level_from(name), level) << name;
}

TEST(LogLevel, IsReadFromRustLog) {
    const Table table{
        // for all
        {"info", Level::info},
        {"WARN", Level::warning},
        {"trace", Level::debug},
        {"debug,hyper=off", Level::debug},
        {"hyper=off, debug ", Level::debug},
        {"info,warn", Level::warning},
        // for us, wherever it stands
        {"patroni_proxy=debug,info", Level::debug},
        {"info,patroni_proxy=debug", Level::debug},
        {"debug , patroni_proxy = error", Level::error},
        {"patroni_proxy=info,patroni_proxy=warn", Level::warning},
        {"error,patroni_proxy", Level::debug},
        // for one of our modules
        {"info,patroni_proxy::session=debug", Level::debug},
        {"patroni_proxy::session=debug,patroni_proxy=warn", Level::warning},
        {"patroni_proxy=warn,patroni_proxy::session=debug", Level::warning},
        {"patroni_proxy::a::b=debug,patroni_proxy::a=error", Level::error},
        // for others, or not understood
        {"info,patroni_proxy2=debug,my_patroni_proxy=debug", Level::info},
        {"info,patroni_proxy=loud", Level::info},
        {"info,patroni_proxy=", Level::info},
        {"info,,=,patroni", Level::info},
        {"info=debug", std::nullopt},
        {"hyper=debug", std::nullopt},
        {"off", std::nullopt},
        {"patroni_proxy=off", std::nullopt},
        {"=debug", std::nullopt},
        {",", std::nullopt},
        {"", std::nullopt},
    };
    for (const auto& [directives, level] : table)
        EXPECT_EQ(level_from_rust_log(directives), level) << directives;
}

}  // namespace
}  // namespace daemons::log
