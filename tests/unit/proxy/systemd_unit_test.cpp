// The units of contrib/systemd are such that systemd takes them without a word, and hardened.

#include <fstream>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "support/process/daemon_process.h"
#include "support/process/temp_dir.h"

namespace proxy {
namespace {

/// A copy of a daemon's unit whose program is there; it need not be installed for these tests.
class SystemdUnitTest : public testing::TestWithParam<std::string> {
  protected:
    SystemdUnitTest() {
        std::ifstream file(SYSTEMD_UNITS "/" + GetParam() + ".service");
        EXPECT_TRUE(file);
        std::ostringstream content;
        content << file.rdbuf();
        std::string text = content.str();
        const std::string program = "=/usr/local/bin/" + GetParam();
        for (std::size_t at = 0; (at = text.find(program, at)) != std::string::npos;)
            text.replace(at, program.size(), "=/bin/true");
        unit_ = directory_.write(GetParam() + ".service", text);
    }

    support::TempDir directory_;
    std::string unit_;
};

TEST_P(SystemdUnitTest, IsTakenWithoutAWord) {
    const auto verify =
        support::run({"systemd-analyze", "verify", "--man=no", "--recursive-errors=yes", unit_});
    EXPECT_EQ(verify.status, support::ExitStatus{0}) << verify.out << verify.err;
    EXPECT_EQ(verify.out + verify.err, "");
}

TEST_P(SystemdUnitTest, ExposesNextToNothing) {
    // In tenths: 2.0 of 10, where a unit without any hardening has 9.6.
    const auto security = support::run(
        {"systemd-analyze", "security", "--no-pager", "--offline=true", "--threshold=20", unit_});
    EXPECT_EQ(security.status, support::ExitStatus{0}) << security.out << security.err;
}

INSTANTIATE_TEST_SUITE_P(Both, SystemdUnitTest, testing::Values("patroni_proxy", "patroni_agent"));

}  // namespace
}  // namespace proxy
