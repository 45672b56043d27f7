// docs/configuration.md lists exactly the keys that the parser accepts, each with its default. The
// sample file in contrib/ shows every one of them, and the proxy accepts it.

#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "patroni_proxy/config/config.h"

namespace proxy {
namespace {

struct Row {
    std::string key;
    std::string default_value;
    std::string meaning;
};

std::string trimmed(const std::string& text) {
    const auto first = text.find_first_not_of(' ');
    return first == std::string::npos ? ""
                                      : text.substr(first, text.find_last_not_of(' ') - first + 1);
}

/// "`key`" -> "key"; empty if it is not written so.
std::string unquoted(const std::string& cell) {
    const bool quoted = cell.size() > 2 && cell.front() == '`' && cell.back() == '`';
    return quoted ? cell.substr(1, cell.size() - 2) : "";
}

std::vector<std::string> split(const std::string& text, char separator) {
    std::vector<std::string> parts;
    std::istringstream stream(text);
    for (std::string part; std::getline(stream, part, separator);)
        parts.push_back(trimmed(part));
    return parts;
}

/// The tables of the page that list keys, by the title they stand under.
std::map<std::string, std::vector<Row>> documented() {
    std::ifstream page(TEST_DATA "/../../docs/configuration.md");
    EXPECT_TRUE(page);
    std::map<std::string, std::vector<Row>> tables;
    std::string title;
    bool of_keys = false;
    for (std::string line; std::getline(page, line);) {
        if (line.starts_with("#"))
            title = trimmed(line.substr(line.find_first_not_of('#')));
        if (!line.starts_with("|")) {
            of_keys = false;
            continue;
        }
        const auto cells = split(line, '|');  // the first one is before the first bar
        if (cells.at(1) == "key")
            of_keys = true;
        else if (of_keys && !cells[1].starts_with("---"))
            tables[title].push_back({unquoted(cells[1]), cells.at(2), cells.at(3)});
    }
    return tables;
}

/// What the parser says of an unknown key: the keys it knows there.
std::vector<std::string> known_where_unknown_is(const std::string& text) {
    try {
        (void)parse_config(text, "proxy.yaml");
    } catch (const ConfigError& error) {
        for (const auto& line : split(error.what(), '\n'))
            if (const auto at = line.find("Known: ");
                line.find("unknown key 'unknown'") != std::string::npos && at != std::string::npos)
                return split(line.substr(at + 7), ',');
    }
    ADD_FAILURE() << "no such error in " << text;
    return {};
}

/// A good file with further lines at each level.
std::string file_with(const std::string& top, const std::string& cluster, const std::string& port) {
    return top + "\nclusters:\n  c:\n    hosts: [\"http://10.0.0.1:8008\"]\n    " + cluster +
           "\n    ports:\n      p:\n        listen: 127.0.0.1:6432\n        roles: [any]\n       "
           " " +
           port + "\n";
}

/// contrib/patroni_proxy/patroni_proxy.yaml as it is, or with every "#key: value" made a key. The
/// files that TLS and the token need do not exist here: their keys stay comments.
std::string sample_file(bool with_commented_keys) {
    std::ifstream file(TEST_DATA "/../../contrib/patroni_proxy/patroni_proxy.yaml");
    EXPECT_TRUE(file);
    std::string text;
    for (std::string line; std::getline(file, line);) {
        const auto start = line.find_first_not_of(' ');
        const std::string_view rest =
            start == std::string::npos ? std::string_view{} : std::string_view(line).substr(start);
        const bool is_key = rest.size() > 1 && rest[0] == '#' && rest[1] != ' ' &&
                            !rest.starts_with("#tls:") && !rest.starts_with("#http_tls:") &&
                            !rest.starts_with("#http_control");
        if (with_commented_keys && is_key)
            line.erase(start, 1);
        text += line + "\n";
    }
    return text;
}

TEST(ConfigurationDocTest, ListsExactlyTheKeysThatTheParserKnows) {
    const std::map<std::string, std::string> levels{
        {"Top level", file_with("unknown: 1", "", "")},
        {"log", file_with("log: {unknown: 1}", "", "")},
        {"control", file_with("control: {unknown: 1}", "", "")},
        {"on_change", file_with("on_change: {unknown: 1}", "", "")},
        {"http_tls", file_with("http_tls: {unknown: 1}", "", "")},
        {"A cluster", file_with("", "unknown: 1", "")},
        {"tls", file_with("", "tls: {unknown: 1}", "")},
        {"A port", file_with("", "", "unknown: 1")},
    };
    const auto tables = documented();
    for (const auto& [title, text] : levels) {
        ASSERT_TRUE(tables.contains(title)) << title;
        std::vector<std::string> keys;
        for (const auto& row : tables.at(title))
            keys.push_back(row.key);
        EXPECT_THAT(keys, testing::UnorderedElementsAreArray(known_where_unknown_is(text)))
            << title;
    }
    EXPECT_EQ(tables.size(), levels.size()) << "a table of keys under another title";
}

TEST(ConfigurationDocTest, EachKeyHasADefaultAndAMeaning) {
    for (const auto& [title, rows] : documented())
        for (const auto& row : rows) {
            EXPECT_NE(row.default_value, "") << title << ": " << row.key;
            EXPECT_NE(row.meaning, "") << title << ": " << row.key;
        }
}

TEST(ConfigurationDocTest, ADefaultThatIsWrittenOutIsTheOneOfAnAbsentKey) {
    const Config absent = parse_config(file_with("", "", ""), "proxy.yaml");
    std::size_t checked = 0;
    for (const auto& [title, rows] : documented())
        for (const auto& row : rows) {
            const std::string value = unquoted(row.default_value);
            if (value.empty() || title == "tls")
                continue;
            const std::string line = row.key + ": " + value;
            const std::string top = title == "log" ? "log: {" + line + "}" : line;
            const bool at_top = title == "Top level" || title == "log";
            const Config given =
                parse_config(file_with(at_top ? top : "", title == "A cluster" ? line : "",
                                       title == "A port" ? line : ""),
                             "proxy.yaml");
            EXPECT_EQ(given.cluster_update_interval, absent.cluster_update_interval) << line;
            EXPECT_EQ(given.listen_address, absent.listen_address) << line;
            EXPECT_EQ(given.workers, absent.workers) << line;
            EXPECT_EQ(given.drain_timeout, absent.drain_timeout) << line;
            EXPECT_EQ(given.freebind, absent.freebind) << line;
            EXPECT_EQ(given.stop, absent.stop) << line;
            EXPECT_EQ(given.state_max_age, absent.state_max_age) << line;
            EXPECT_EQ(given.max_connections, absent.max_connections) << line;
            EXPECT_EQ(given.tcp, absent.tcp) << line;
            EXPECT_EQ(given.log.settings, absent.log.settings) << line;
            EXPECT_EQ(given.clusters[0].ports[0].settings, absent.clusters[0].ports[0].settings)
                << line;
            EXPECT_EQ(given.clusters[0].resolve_prefer, absent.clusters[0].resolve_prefer) << line;
            EXPECT_EQ(given.clusters[0].ports[0].wanted, absent.clusters[0].ports[0].wanted)
                << line;
            EXPECT_EQ(given.clusters[0].ports[0].fallback, absent.clusters[0].ports[0].fallback)
                << line;
            ++checked;
        }
    EXPECT_GE(checked, 18U);
}

TEST(SampleFileTest, IsAcceptedAsItIs) {
    const Config config = parse_config(sample_file(false), "patroni_proxy.yaml");
    EXPECT_EQ(config.clusters.at(0).ports.size(), 2U);
}

TEST(SampleFileTest, IsAcceptedWithEveryCommentedKey) {
    daemons::Inputs inputs;
    inputs.list = [](const std::string& path) {
        EXPECT_EQ(path, "clusters");
        return std::vector<std::string>{};
    };
    const Config config = parse_config(sample_file(true), "patroni_proxy.yaml", inputs);
    EXPECT_EQ(config.clusters.at(0).ports.size(), 2U);
    EXPECT_TRUE(config.clusters[0].ports[1].fallback);
}

TEST(SampleFileTest, ShowsEveryDocumentedKey) {
    const std::string text = sample_file(true);
    for (const auto& [title, rows] : documented())
        for (const auto& row : rows)
            EXPECT_THAT(text, testing::ContainsRegex("[ {#\n]" + row.key + ": ?")) << title;
}

TEST(YamlBlockTest, OfTheReadmeAndTheMigrationPageAreAccepted) {
    std::size_t blocks = 0;
    for (const std::string page : {"README.md", "docs/migration.md"}) {
        std::ifstream file(TEST_DATA "/../../" + page);
        std::string block;
        bool inside = false;
        for (std::string line; std::getline(file, line);) {
            if (inside && line == "```") {
                EXPECT_NO_THROW((void)parse_config(block, page)) << block;
                ++blocks;
                block.clear();
            }
            if (inside && line != "```")
                block += line + "\n";
            inside = line == "```yaml" || (inside && line != "```");
        }
    }
    EXPECT_GE(blocks, 1U);
}

}  // namespace
}  // namespace proxy
