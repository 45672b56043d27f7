// How much data moves, as in a COPY or the answer to a large query: from socket to socket through a
// pipe, without a copy.

#include <algorithm>
#include <cerrno>
#include <memory>
#include <sys/ioctl.h>
#include <utility>

#include "net/relay/relay.h"

namespace net {
namespace {

// Copying costs no more for less than this.
constexpr std::size_t kLeastSpliced = 16 * 1024;
// More at a time would delay the other sessions of the loop. A client that does not read may hold
// this much in a pipe.
constexpr std::size_t kMostSpliced = 512 * 1024;
// The last bytes stay in the socket, and the next event reads them: the end of an answer tells
// whether the server awaits a query. Longer than any close_notify.
constexpr std::size_t kLeftBehind = 64;
static_assert(kLeftBehind > kLongestCloseNotify);

}  // namespace

/// Whether bytes were read. Otherwise recv() has to say what there is.
bool Relay::splice_from(Endpoint& side) noexcept {
    Endpoint& peer = peer_of(side);
    int waiting = 0;
    if (inspected_ || side.is_copied || peer.write_done ||
        ::ioctl(side.fd.get(), FIONREAD, &waiting) != 0 ||
        waiting < static_cast<int>(kLeastSpliced + kLeftBehind))
        return false;
    auto pipe = buffer_.pipes().borrow();
    if (!pipe)
        return false;
    const std::size_t most =
        std::min(static_cast<std::size_t>(waiting) - kLeftBehind, kMostSpliced);
    const ssize_t count = pipe->take_from(side.fd.get(), most);
    if (count <= 0) {
        side.is_copied = count < 0 && errno == EINVAL;
        return false;
    }
    note_bytes(side, static_cast<std::size_t>(count));
    query_.on_hidden();
    peer.backlog = std::make_unique<Backlog>(Backlog{{}, 0, std::move(pipe)});
    flush_pipe_to(peer);
    return true;
}

void Relay::flush_pipe_to(Endpoint& side) noexcept {
    Pipe& pipe = *side.backlog->pipe;
    const ssize_t count = pipe.give_to(side.fd.get());
    if (count < 0 && errno == EINVAL) {
        peer_of(side).is_copied = true;
        bring_into_memory(*side.backlog);
        return flush_to(side);
    }
    sent_by(side, count);
    if (side.backlog && pipe.size() == 0)
        side.backlog.reset();
}

void Relay::bring_into_memory(Backlog& backlog) {
    backlog.pipe->empty_into(backlog.bytes);
    backlog.pipe.reset();
}

}  // namespace net
