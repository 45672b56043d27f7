#include "daemon/system/file.h"

#include <fstream>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/process/temp_dir.h"
#include "support/sockets/fd.h"

namespace daemons {
namespace {

using testing::StartsWith;

class ReadFileTest : public testing::Test {
  protected:
    /// What is wrong, behind the path.
    static std::string problem_of(const std::string& path) {
        try {
            (void)read_file(path);
            return "none";
        } catch (const FileError& error) {
            EXPECT_THAT(error.what(), StartsWith(path + ": "));
            return std::string(error.what()).substr(path.size() + 2);
        }
    }
    [[nodiscard]] std::string path(const std::string& name) const {
        return directory_.path() / name;
    }

    const support::TempDir directory_;
};

TEST_F(ReadFileTest, GivesAWholeFile) {
    EXPECT_EQ(read_file(directory_.write("empty", "")), "");
    const std::string bytes = std::string("a\0b\n", 4) + std::string(200'000, 'x');
    EXPECT_EQ(read_file(directory_.write("file", bytes)), bytes);
    ASSERT_EQ(::symlink("file", path("link").c_str()), 0);
    EXPECT_EQ(read_file(path("link")), bytes);
    // One that says that it has no bytes.
    EXPECT_THAT(read_file("/proc/self/stat"), StartsWith(std::to_string(::getpid())));
}

TEST_F(ReadFileTest, WhatIsNoRegularFileIsRefusedAtOnceForWhatItIs) {
    ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
    const support::Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    path("socket").copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    const std::string wanted = "; it must be a regular file";
    EXPECT_EQ(problem_of(path("fifo")), "is a FIFO" + wanted);
    EXPECT_EQ(problem_of(path("socket")), "is a socket" + wanted);
    EXPECT_EQ(problem_of(directory_.path()), "is a directory" + wanted);
    EXPECT_EQ(problem_of("/dev/zero"), "is a device" + wanted);
}

TEST_F(ReadFileTest, AFileIsBounded) {
    const std::string most(kMaxFileSize, 'x');
    EXPECT_EQ(read_file(directory_.write("most", most)).size(), kMaxFileSize);
    const std::string problem = "is larger than 4 MiB";
    EXPECT_EQ(problem_of(directory_.write("more", most + "x")), problem);
    // 300 MB that take no room.
    const auto large = directory_.write("large", "");
    ASSERT_EQ(::truncate(large.c_str(), 300'000'000), 0);
    EXPECT_EQ(problem_of(large), problem);
}

TEST_F(ReadFileTest, WhatCannotBeReadSaysWhy) {
    EXPECT_EQ(problem_of(path("missing")), "cannot be read: No such file or directory");
    ASSERT_EQ(::symlink("loop", path("loop").c_str()), 0);
    EXPECT_EQ(problem_of(path("loop")), "cannot be read: Too many levels of symbolic links");
}

}  // namespace
}  // namespace daemons
