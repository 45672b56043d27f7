#include "patroni_proxy/cli/client/control_client.h"

#include <cerrno>
#include <fstream>
#include <grp.h>
#include <pwd.h>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace proxy::cli {
namespace {

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
