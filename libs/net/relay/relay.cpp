#include "net/relay/relay.h"

#include <algorithm>
#include <cerrno>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <utility>

namespace net {
namespace {

// After a read that filled the buffer, so many small ones tell that it was no bulk. The end of a
// large answer is a small read too.
constexpr std::uint8_t kReadsOfMuch = 4;

bool try_again(int error) {
    return error == EAGAIN || error == EINTR;
}

}  // namespace

Relay::Relay(EventLoop& loop, RelayBuffer& buffer, RelayOwner& owner, UniqueFd client,
             UniqueFd backend)
    : loop_(loop),
      buffer_(buffer),
      owner_(owner),
      client_(*this, std::move(client)),
      backend_(*this, std::move(backend)) {}

Relay::~Relay() {
    abort();
}

void Relay::start(std::span<const std::byte> from_client) noexcept {
    client_.received += from_client.size();
    if (!from_client.empty())
        write_to(backend_, from_client.data(), from_client.size());
    // What the client has sent meanwhile need not wait for the loop.
    if (!backend_.backlog)
        read_from(client_);
    settle();
}

void Relay::abort() noexcept {
    if (finished_)
        return;
    // A reset spares the backend a query nobody waits for, and the proxy a socket in TIME_WAIT.
    reset_on_close(backend_);
    close_both();
}

Relay::Sockets Relay::release() noexcept {
    for (const Endpoint* side : {&client_, &backend_})
        loop_.remove(side->fd.get());
    Sockets sockets{std::move(client_.fd), std::move(backend_.fd)};
    close_both();
    return sockets;
}

std::chrono::milliseconds Relay::silence() const noexcept {
    return std::min(loop_.since(client_.heard_at), loop_.since(backend_.heard_at));
}

void Relay::on_event(Endpoint& side, std::uint32_t events) noexcept {
    if (finished_)
        return;  // fetched before the relay ended
    if ((events & EPOLLOUT) != 0)
        flush_to(side);
    // An error or a hang-up shows in the read, behind the last bytes that arrived.
    if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0 && side.ended == SideEnd::none &&
        !peer_of(side).backlog)
        read_from(side);
    settle();
}

/// Shows the owner what was read.
Inspection Relay::show(const Endpoint& side, std::size_t size) noexcept {
    const auto from = &side == &client_ ? RelaySide::client : RelaySide::backend;
    const Inspection inspection = owner_.inspect(from, {buffer_.data(), size});
    inspected_ = inspection == Inspection::further || inspection == Inspection::kept;
    return inspection;
}

void Relay::say_to_client(std::span<const std::byte> bytes) noexcept {
    write_to(client_, bytes.data(), bytes.size());
}

void Relay::say_to_backend(std::span<const std::byte> bytes) noexcept {
    write_to(backend_, bytes.data(), bytes.size());
}

void Relay::read_from(Endpoint& side) noexcept {
    if (side.much > 0 && splice_from(side))
        return;
    const ssize_t count = ::recv(side.fd.get(), buffer_.data(), buffer_.size(), 0);
    if (count < 0 && try_again(errno))
        return;
    Inspection inspection = Inspection::enough;
    if (inspected_)
        inspection = show(side, count > 0 ? static_cast<std::size_t>(count) : 0);
    if (inspection == Inspection::taken)
        return;
    if (count <= 0)
        return note_end(side, count < 0 || side.reset ? SideEnd::broke : SideEnd::closed);
    const auto size = static_cast<std::size_t>(count);
    note_bytes(side, size);
    const std::span<const std::byte> bytes{buffer_.data(), size};
    if (&side == &backend_) {
        query_.on_backend(bytes);
        departs_ = ends_with_close_notify(bytes);
    } else {
        query_.on_client(bytes);
    }
    if (size == buffer_.size())
        side.much = kReadsOfMuch;
    else if (side.much > 0)
        --side.much;
    if (inspection != Inspection::kept && inspection != Inspection::replaced)
        write_to(peer_of(side), buffer_.data(), size);
}

void Relay::note_bytes(Endpoint& side, std::size_t size) noexcept {
    side.received += size;
    side.heard_at = loop_.ticks();
    if (&side == &client_ && !is_close_notify(size))
        heard_ = backend_.received;
}

/// Drops what the side can no longer take.
void Relay::write_to(Endpoint& side, const std::byte* bytes, std::size_t size) noexcept {
    if (side.write_done)
        return;
    if (side.backlog) {  // the owner has said something before
        side.backlog->bytes.insert(side.backlog->bytes.end(), bytes, bytes + size);
        return;
    }
    const std::size_t written = send_some(side, bytes, size);
    if (written < size && !side.write_done)
        side.backlog = std::make_unique<Backlog>(Backlog{{bytes + written, bytes + size}, 0, {}});
}

void Relay::flush_to(Endpoint& side) noexcept {
    if (!side.backlog)
        return;
    if (side.backlog->pipe)
        return flush_pipe_to(side);
    const std::size_t written = side.backlog->written;
    const std::size_t more =
        send_some(side, side.backlog->bytes.data() + written, side.backlog->bytes.size() - written);
    if (side.write_done)
        return;  // it broke, and its backlog was dropped
    side.backlog->written += more;
    if (side.backlog->written == side.backlog->bytes.size())
        side.backlog.reset();
}

std::size_t Relay::send_some(Endpoint& side, const std::byte* bytes, std::size_t size) noexcept {
    return sent_by(side, ::send(side.fd.get(), bytes, size, MSG_NOSIGNAL));
}

/// How much `side` took, as the system call says that wrote to it. A side that cannot be written to
/// is still read, up to its end.
std::size_t Relay::sent_by(Endpoint& side, ssize_t result) noexcept {
    if (result >= 0)
        return static_cast<std::size_t>(result);
    if (!try_again(errno)) {
        side.write_done = side.deaf = true;
        // The kernel reports the error once; the next read only finds an end. A reset that followed
        // a FIN is reported as EPIPE.
        side.reset = errno != EPIPE;
        side.backlog.reset();
    }
    return 0;
}

void Relay::update_interest(Endpoint& side) noexcept {
    const Endpoint& peer = peer_of(side);
    std::uint8_t wanted = 0;
    // Nothing is read that a broken peer would have to take, until the peer's own end has been
    // read.
    if (side.ended == SideEnd::none && !peer.backlog &&
        (!peer.write_done || peer.ended != SideEnd::none))
        wanted |= EPOLLIN;
    if (side.backlog)
        wanted |= EPOLLOUT;
    if (wanted == side.interest)
        return;
    int error = 0;
    // Without interest the socket is taken out of the loop: epoll reports errors and hang-ups even
    // if nobody asked for them, and they would wake the loop forever. So the reset of a side that
    // is not read shows only when it is read again, behind what it sent.
    if (wanted == 0)
        loop_.remove(side.fd.get());
    else if (side.interest != 0)
        error = loop_.modify(side.fd.get(), wanted, side);
    else if (&side == &backend_)  // its connector had it watched
        error = loop_.take_over(side.fd.get(), wanted, side);
    else
        error = loop_.add(side.fd.get(), wanted, side);
    side.interest = error == 0 ? wanted : std::uint8_t{0};
    if (error != 0)
        end_ = RelayEnd::out_of_resources;
}

void Relay::settle() noexcept {
    read_out(client_);
    read_out(backend_);
    if (finished_)
        return;
    if (shutdown_ && !end_)
        decide();
    if (!is_over()) {
        update_interest(client_);
        update_interest(backend_);
    }
    if (is_over())  // also if the kernel would not watch a socket
        finish();
}

/// The peer of `side` will see a reset instead of a FIN.
void Relay::reset_on_close(const Endpoint& side) noexcept {
    const linger abort{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(side.fd.get(), SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
}

void Relay::close_both() noexcept {
    finished_ = true;
    if (shutdown_)
        shutdown_->timer.cancel();
    for (Endpoint* side : {&client_, &backend_}) {
        // Closing is not enough: after an upgrade the process before may have the socket open
        // still, and the loop would go on to report it.
        if (std::exchange(side->interest, std::uint8_t{0}) != 0)
            loop_.remove(side->fd.get());
        side->backlog.reset();
        side->fd.reset();
    }
}

}  // namespace net
