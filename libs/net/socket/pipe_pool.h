#pragma once

#include <cstddef>
#include <memory>
#include <sys/types.h>
#include <utility>
#include <vector>

#include "net/socket/unique_fd.h"

namespace net {

/// A pipe of the kernel, with bytes on their way from one socket to another: splice(2) moves them
/// without copying.
class Pipe {
  public:
    /// Null if the kernel has no pipe to give, or only one that is too small to be of use.
    static std::unique_ptr<Pipe> make();

    /// Takes up to `most` bytes from a socket. As recv(): how many, 0 at the end, or -1 and errno.
    ssize_t take_from(int socket, std::size_t most) noexcept;
    /// Gives what it holds to a socket. As send(), but the process must ignore SIGPIPE.
    ssize_t give_to(int socket) noexcept;
    /// Appends what it holds to `bytes`.
    void empty_into(std::vector<std::byte>& bytes);

    [[nodiscard]] std::size_t size() const noexcept { return size_; }

  private:
    Pipe(UniqueFd out, UniqueFd in) noexcept : out_(std::move(out)), in_(std::move(in)) {}

    UniqueFd out_;
    UniqueFd in_;
    std::size_t size_ = 0;  ///< bytes in it
};

/// The pipes of one loop. Loop thread only. Outlives those who borrow from it.
class PipePool {
  public:
    /// Has two descriptors open for each of at most `most` pipes.
    explicit PipePool(std::size_t most) : most_(most) {}
    PipePool(const PipePool&) = delete;
    PipePool& operator=(const PipePool&) = delete;

    struct GiveBack {
        PipePool* pool;
        void operator()(Pipe* pipe) const noexcept { pool->give_back(std::unique_ptr<Pipe>(pipe)); }
    };
    /// Goes back to the pool by itself, or is closed if there are bytes in it.
    using Borrowed = std::unique_ptr<Pipe, GiveBack>;

    /// An empty pipe, or null if all are in use.
    [[nodiscard]] Borrowed borrow() noexcept;
    [[nodiscard]] std::size_t in_use() const noexcept { return made_ - free_.size(); }

  private:
    void give_back(std::unique_ptr<Pipe> pipe) noexcept;

    const std::size_t most_;
    std::size_t made_ = 0;
    std::vector<std::unique_ptr<Pipe>> free_;
};

}  // namespace net
