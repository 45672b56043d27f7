#include "support/process/temp_dir.h"

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

namespace support {
namespace {

TEST(TempDirTest, HoldsFilesAndIsGoneAfterwards) {
    std::string file;
    {
        const TempDir dir;
        dir.write("sub/a.yaml", "old");
        file = dir.write("sub/a.yaml", "a: 1\n");
        std::ifstream in(file);
        std::string line;
        std::getline(in, line);
        EXPECT_EQ(line, "a: 1");
    }
    EXPECT_FALSE(std::filesystem::exists(file));
}

}  // namespace
}  // namespace support
