#include "patroni_proxy/cli/terminal.h"

#include <cerrno>
#include <fstream>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "patroni_proxy/cli/control_client.h"

namespace proxy::cli {
namespace {

TEST(TerminalTest, AFrameReplacesTheOneBefore) {
    EXPECT_EQ(redraw("one\ntwo\n", {.height = 10}), "\033[Hone\033[K\r\ntwo\033[K\r\n\033[J");
}

TEST(TerminalTest, AFrameIsCutToTheScreen) {
    EXPECT_EQ(redraw("1\n2\n3\n", {.height = 3}), "\033[H1\033[K\r\n2\033[K\r\n...\033[J");
    EXPECT_EQ(redraw("1\n2\n", {.height = 3}), "\033[H1\033[K\r\n2\033[K\r\n\033[J");
}

TEST(ControlClientTest, SaysWhoMayUseASocket) {
    const std::string path =
        testing::TempDir() + "control_client_test." + std::to_string(::getpid());
    std::ofstream(path) << "";
    const std::string user = ::getpwuid(::getuid())->pw_name;   // NOLINT(concurrency-mt-unsafe)
    const std::string group = ::getgrgid(::getgid())->gr_name;  // NOLINT(concurrency-mt-unsafe)
    ::chmod(path.c_str(), 0600);
    EXPECT_EQ(connect_failure(path, EACCES).what(),
              path + ": permission denied: only the user " + user + " may use it");
    ::chmod(path.c_str(), 0660);
    EXPECT_EQ(connect_failure(path, EACCES).what(),
              path + ": permission denied: only the user " + user +
                  " may use it, and members of the group " + group);
    ::unlink(path.c_str());
    EXPECT_EQ(connect_failure(path, EACCES).what(), path + ": permission denied");
}

TEST(ControlClientTest, TargetsAreEncoded) {
    EXPECT_EQ(
        target_of({"members", "a/b", "p 1?", "drain"}, {{"why", "100 % & more"}, {"for", "2h"}}),
        "/members/a%2Fb/p%201%3F/drain?why=100%20%25%20%26%20more&for=2h");
    EXPECT_EQ(target_of({"sessions"}), "/sessions");
}

}  // namespace
}  // namespace proxy::cli
