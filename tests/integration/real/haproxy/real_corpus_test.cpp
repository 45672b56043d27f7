// The files that import and doctor are tested with are files of HAProxy: this release's HAProxy
// loads each of them, unless the file says why not.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/process/daemon_process.h"

namespace {

std::string text_of(const std::filesystem::path& path) {
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

std::vector<std::filesystem::path> files() {
    std::vector<std::filesystem::path> files;
    for (const std::string directory : {"/haproxy/import", "/haproxy/doctor"})
        for (const auto& entry : std::filesystem::directory_iterator(TEST_DATA + directory))
            if (entry.path().extension() == ".cfg")
                files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    return files;
}

bool is_before_3_1() {
    const std::string version = support::run({"/usr/sbin/haproxy", "-v"}).out;
    const auto begin = version.find("version ") + 8;
    return version.compare(begin, 2, "2.") == 0 || version.compare(begin, 4, "3.0.") == 0;
}

TEST(RealCorpus, HaproxyLoadsEachFile) {
    const bool lacks_init_state = is_before_3_1();
    std::size_t loaded = 0;
    for (const auto& file : files()) {
        const std::string text = text_of(file);
        if (text.find("\n# Does not load as it is: ") != std::string::npos ||
            (lacks_init_state &&
             text.find("\n# Loads in HAProxy 3.1 and later: ") != std::string::npos))
            continue;
        const auto result = support::run({"/usr/sbin/haproxy", "-c", "-f", file.string()});
        EXPECT_EQ(result.status.code, 0) << file << result.out << result.err;
        ++loaded;
    }
    EXPECT_GT(loaded, 40U);
}

}  // namespace
