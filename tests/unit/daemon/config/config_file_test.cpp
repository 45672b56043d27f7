#include "daemon/config/config_file.h"

#include <filesystem>
#include <sstream>
#include <string>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/config/check.h"
#include "daemon/config/config_parts.h"
#include "support/process/temp_dir.h"

namespace daemons {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

/// In a working directory of its own, with an /etc that has a file too.
class FindConfigTest : public testing::Test {
  protected:
    FindConfigTest() : before_(fs::current_path()) {
        etc_.write("p/p.yaml", "");
        fs::current_path(here_.path());
    }
    ~FindConfigTest() override { fs::current_path(before_); }

    [[nodiscard]] std::string found() {
        notices_.str("");
        return find_config("p", notices_, etc_.path()).value_or("");
    }
    [[nodiscard]] std::string installed() const { return etc_.path() / "p/p.yaml"; }

    support::TempDir here_;
    support::TempDir etc_;
    std::ostringstream notices_;

  private:
    const fs::path before_;
};

TEST_F(FindConfigTest, TheWorkingDirectoryGoesFirst) {
    EXPECT_EQ(found(), installed());
    here_.write("p.yaml", "");
    EXPECT_EQ(found(), "p.yaml");
    EXPECT_EQ(notices_.str(), "");
}

TEST_F(FindConfigTest, AFileThatOthersMayWriteIsPassedOver) {
    const std::string file = here_.write("p.yaml", "");
    fs::permissions(file, fs::perms(0646));
    EXPECT_EQ(found(), installed());
    EXPECT_EQ(notices_.str(),
              "p.yaml in the working directory is passed over: it can be written by other users. "
              "Name it on the command line to use it\n");
    fs::permissions(file, fs::perms(0644));
    EXPECT_EQ(found(), "p.yaml");
}

TEST_F(FindConfigTest, ADirectoryWhereOthersMayReplaceItIsPassedOver) {
    here_.write("p.yaml", "");
    fs::permissions(here_.path(), fs::perms(0777));
    EXPECT_EQ(found(), installed());
    EXPECT_THAT(notices_.str(), HasSubstr("the directory can be written by other users"));
    fs::permissions(here_.path(), fs::perms(01777));
    EXPECT_EQ(found(), "p.yaml");
}

TEST_F(FindConfigTest, AFileOrLinkOfAnotherUserIsPassedOver) {
    if (::geteuid() != 0)
        return;  // only root can give files away
    const std::string file = here_.write("p.yaml", "");
    ASSERT_EQ(::chown(file.c_str(), 12345, 0), 0);
    EXPECT_EQ(found(), installed());
    EXPECT_THAT(notices_.str(), HasSubstr("it belongs to another user (uid 12345)"));
    fs::remove(file);
    fs::create_symlink(installed(), file);
    EXPECT_EQ(found(), "p.yaml");
    ASSERT_EQ(::lchown(file.c_str(), 12345, 0), 0);
    EXPECT_EQ(found(), installed());
}

std::string errors_of_check(const std::string& log_file) {
    LogConfig log;
    log.settings.file = log_file;
    log.file_place = "f.yaml:2";
    std::ostringstream out;
    std::ostringstream errors;
    print_check("f.yaml", log, {"f.yaml:1: warning: odd"}, out, errors);
    EXPECT_EQ(out.str(), "f.yaml: good\n");
    EXPECT_THAT(errors.str(), testing::StartsWith("f.yaml:1: warning: odd\n"));
    return errors.str().substr(errors.str().find('\n') + 1);
}

TEST(PrintCheckTest, WarnsOfALogThatCannotBeOpened) {
    const support::TempDir directory;
    EXPECT_EQ(errors_of_check(""), "");
    EXPECT_EQ(errors_of_check(directory.path() / "p.log"), "");
    EXPECT_EQ(errors_of_check(directory.path() / "none/p.log"),
              "f.yaml:2: warning: log: the directory " + (directory.path() / "none").string() +
                  " does not exist\n");
    if (::geteuid() == 0)
        return;  // root may write everywhere
    fs::permissions(directory.path(), fs::perms(0555));
    EXPECT_THAT(errors_of_check(directory.path() / "p.log"),
                HasSubstr("cannot be written by this user"));
}

}  // namespace
}  // namespace daemons
