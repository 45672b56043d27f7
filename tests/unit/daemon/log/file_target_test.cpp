#include "daemon/log/file_target.h"

#include <array>
#include <climits>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include "support/process/temp_dir.h"
#include "support/sockets/fd.h"

// How many lines one system call writes.
namespace daemons::log {
namespace {

std::vector<Record> records(std::size_t count, std::size_t size) {
    std::vector<Record> made;
    made.reserve(count);
    for (std::size_t i = 0; i < count; ++i)
        made.push_back({.level = Level::info,
                        .event = "test",
                        .line = std::string(size, static_cast<char>('a' + i % 26))});
    return made;
}

class FileTargetTest : public testing::Test {
  protected:
    support::TempDir directory_;
    const std::string path_ = directory_.path() / "log";
};

TEST_F(FileTargetTest, WritesManyLinesIntoAFileAtOnce) {
    FileTarget target(path_);
    const auto lines = records(100, 300);
    const auto written = target.write(lines);
    EXPECT_EQ(written.count, 100U);
    EXPECT_EQ(written.error, 0);
    std::ifstream in(path_);
    std::string wanted;
    for (const Record& record : lines)
        wanted.append(record.line).append("\n");
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), wanted);
}

TEST_F(FileTargetTest, WritesIntoAPipeOnlyWhatNobodyCanSplit) {
    ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
    const support::Fd reader(::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    FileTarget target(path_);
    const auto lines = records(100, 299);
    const auto written = target.write(lines);
    EXPECT_EQ(written.count, PIPE_BUF / 300);
    EXPECT_EQ(written.error, 0);
    std::array<char, std::size_t{2} * PIPE_BUF> buffer{};
    EXPECT_EQ(::read(reader.get(), buffer.data(), buffer.size()), PIPE_BUF / 300 * 300);
    // A line that is longer goes by itself.
    EXPECT_EQ(target.write(records(2, std::size_t{2} * PIPE_BUF)).count, 1U);
}

}  // namespace
}  // namespace daemons::log
