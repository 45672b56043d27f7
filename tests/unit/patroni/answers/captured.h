#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace patroni {

// What real clusters answered, in tests/data. "3.0.2/async-normal" names the version and the case.

inline std::string text_of_file(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    EXPECT_TRUE(file) << path;
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

/// `kind` is "cluster" or "endpoints".
inline std::string captured(const std::string& kind, const std::string& version_and_case) {
    const auto slash = version_and_case.find('/');
    return text_of_file(std::filesystem::path(TEST_DATA) /
                        ("patroni-" + version_and_case.substr(0, slash)) /
                        (kind + "-" + version_and_case.substr(slash + 1) + ".json"));
}

/// Of all versions, sorted.
inline std::vector<std::string> captured_cases(const std::string& kind) {
    constexpr std::string_view kFolder = "patroni-";
    std::vector<std::string> names;
    for (const auto& folder : std::filesystem::directory_iterator(TEST_DATA))
        for (const auto& entry : std::filesystem::directory_iterator(folder)) {
            const std::string name = entry.path().stem();
            if (name.starts_with(kind + "-"))
                names.push_back(folder.path().filename().string().substr(kFolder.size()) + "/" +
                                name.substr(kind.size() + 1));
        }
    std::sort(names.begin(), names.end());
    return names;
}

}  // namespace patroni
