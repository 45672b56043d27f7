#include "net/socket/pipe_pool.h"

#include <cerrno>
#include <cstddef>
#include <string>
#include <sys/socket.h>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "net/socket/unique_fd.h"

namespace net {
namespace {

struct SocketPair {
    SocketPair() {
        int ends[2] = {-1, -1};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
        near = UniqueFd(ends[0]);
        far = UniqueFd(ends[1]);
    }
    void send(const std::string& bytes) const {
        EXPECT_EQ(::send(far.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(bytes.size()));
    }
    [[nodiscard]] std::string receive() const {
        std::string bytes(1024, '\0');
        const ssize_t count = ::recv(far.get(), bytes.data(), bytes.size(), 0);
        bytes.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
        return bytes;
    }
    UniqueFd near;
    UniqueFd far;
};

TEST(PipePool, CarriesBytesFromOneSocketToAnother) {
    PipePool pool(1);
    const auto pipe = pool.borrow();
    const SocketPair from;
    const SocketPair to;
    errno = 0;
    EXPECT_EQ(pipe->take_from(from.near.get(), 100), -1);
    EXPECT_EQ(errno, EAGAIN);
    from.send("some bytes");
    EXPECT_EQ(pipe->take_from(from.near.get(), 4), 4);
    EXPECT_EQ(pipe->take_from(from.near.get(), 100), 6);
    EXPECT_EQ(pipe->size(), 10U);
    EXPECT_EQ(pipe->give_to(to.near.get()), 10);
    EXPECT_EQ(pipe->size(), 0U);
    EXPECT_EQ(to.receive(), "some bytes");
}

TEST(PipePool, BringsBytesIntoMemory) {
    PipePool pool(1);
    const auto pipe = pool.borrow();
    const SocketPair from;
    from.send("of bytes");
    ASSERT_EQ(pipe->take_from(from.near.get(), 100), 8);
    std::vector<std::byte> bytes(3, std::byte{'-'});
    pipe->empty_into(bytes);
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()),
              "---of bytes");
    EXPECT_EQ(pipe->size(), 0U);
}

TEST(PipePool, HasNoMorePipesThanItMay) {
    PipePool pool(2);
    auto first = pool.borrow();
    const auto second = pool.borrow();
    ASSERT_TRUE(first && second);
    EXPECT_FALSE(pool.borrow());
    const Pipe* const used = first.get();
    first.reset();
    EXPECT_EQ(pool.in_use(), 1U);
    const auto third = pool.borrow();
    EXPECT_EQ(third.get(), used);
    EXPECT_EQ(PipePool(0).borrow(), nullptr);
}

TEST(PipePool, ClosesAPipeWithBytesInIt) {
    PipePool pool(1);
    const SocketPair from;
    from.send("lost");
    auto pipe = pool.borrow();
    ASSERT_EQ(pipe->take_from(from.near.get(), 100), 4);
    pipe.reset();
    EXPECT_EQ(pool.in_use(), 0U);
    pipe = pool.borrow();
    ASSERT_TRUE(pipe);
    std::vector<std::byte> bytes;
    from.send("next");
    ASSERT_EQ(pipe->take_from(from.near.get(), 100), 4);
    pipe->empty_into(bytes);
    EXPECT_EQ(bytes.front(), std::byte{'n'});
}

}  // namespace
}  // namespace net
