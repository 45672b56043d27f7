#include "daemon/system/descriptors.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "net/socket/unique_fd.h"

namespace daemons {
namespace {

/// Puts the limit of the tests' process back.
class DescriptorsTest : public testing::Test {
  protected:
    DescriptorsTest() { ::getrlimit(RLIMIT_NOFILE, &before_); }
    ~DescriptorsTest() override { ::setrlimit(RLIMIT_NOFILE, &before_); }

    rlimit before_{};
};

TEST_F(DescriptorsTest, TheLimitIsTheSoftOneUntilItIsRaisedToTheHardOne) {
    rlimit low = before_;
    low.rlim_cur = 200;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
    EXPECT_EQ(descriptor_limit(), 200U);
    raise_descriptor_limit();
    EXPECT_EQ(descriptor_limit(), before_.rlim_max);
    raise_descriptor_limit();
    EXPECT_EQ(descriptor_limit(), before_.rlim_max);
}

TEST_F(DescriptorsTest, OpenOnesAreCountedWithoutTheOneThatCounts) {
    const auto before = open_descriptors();
    EXPECT_GE(before, 3U);
    EXPECT_EQ(open_descriptors(), before);
    std::vector<net::UniqueFd> more;
    for (int i = 0; i < 5; ++i)
        more.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    EXPECT_EQ(open_descriptors(), before + 5);
    more.clear();
    EXPECT_EQ(open_descriptors(), before);
}

// Before Linux 6.2 it takes one to count them.
TEST_F(DescriptorsTest, WhereNoneIsLeftTheOpenOnesAreCountedOrNotKnown) {
    const auto before = open_descriptors();
    rlimit none = before_;
    none.rlim_cur = 3;
    // Those that are open stay so.
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    std::vector<net::UniqueFd> rest;
    for (net::UniqueFd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); fd;
         fd.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC)))
        rest.push_back(std::move(fd));
    const auto open = open_descriptors();
    EXPECT_TRUE(open == before + rest.size() || open == 0) << open;
}

}  // namespace
}  // namespace daemons
