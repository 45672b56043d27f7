#include "net/socket/pipe_pool.h"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

namespace net {
namespace {

// Sets how many pieces of memory fit in, one for each 4 KiB. A packet brings one piece or more, so
// the usual 16 pieces would be full with 23 kB of Ethernet packets.
constexpr int kPipeSize = 512 * 1024;
// A user whose pipes are too large together (/proc/sys/fs/pipe-user-pages-soft) gets pipes of one
// or two pieces.
constexpr int kSmallestPipe = 64 * 1024;

}  // namespace

std::unique_ptr<Pipe> Pipe::make() {
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return nullptr;
    std::unique_ptr<Pipe> pipe(new Pipe(UniqueFd(ends[0]), UniqueFd(ends[1])));
    if (::fcntl(ends[1], F_SETPIPE_SZ, kPipeSize) < 0 &&
        ::fcntl(ends[1], F_GETPIPE_SZ) < kSmallestPipe)
        return nullptr;
    return pipe;
}

ssize_t Pipe::take_from(int socket, std::size_t most) noexcept {
    const ssize_t count = ::splice(socket, nullptr, in_.get(), nullptr, most, SPLICE_F_NONBLOCK);
    if (count > 0)
        size_ += static_cast<std::size_t>(count);
    return count;
}

ssize_t Pipe::give_to(int socket) noexcept {
    const ssize_t count = ::splice(out_.get(), nullptr, socket, nullptr, size_, SPLICE_F_NONBLOCK);
    if (count > 0)
        size_ -= static_cast<std::size_t>(count);
    return count;
}

void Pipe::empty_into(std::vector<std::byte>& bytes) {
    const std::size_t before = bytes.size();
    bytes.resize(before + size_);
    while (size_ > 0) {
        const ssize_t count = ::read(out_.get(), bytes.data() + bytes.size() - size_, size_);
        if (count > 0)
            size_ -= static_cast<std::size_t>(count);
        else if (count == 0 || errno != EINTR)
            break;  // cannot happen: it holds so much, and nobody else reads it
    }
    bytes.resize(bytes.size() - size_);
    size_ = 0;
}

PipePool::Borrowed PipePool::borrow() noexcept {
    Borrowed pipe(nullptr, GiveBack{this});
    if (!free_.empty()) {
        pipe.reset(free_.back().release());
        free_.pop_back();
    } else if (made_ < most_) {
        pipe.reset(Pipe::make().release());
        if (pipe)
            free_.reserve(++made_);  // so that giving back never allocates
    }
    return pipe;
}

void PipePool::give_back(std::unique_ptr<Pipe> pipe) noexcept {
    if (pipe->size() == 0)
        free_.push_back(std::move(pipe));
    else
        --made_;
}

}  // namespace net
