#include "net/relay.h"

#include <cerrno>
#include <poll.h>
#include <sys/socket.h>
#include <utility>

namespace net {
namespace {

void reset_on_close(const UniqueFd& socket) {
    const linger abort{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
}

bool broken(RelayEnd end) {
    return end != RelayEnd::client_closed && end != RelayEnd::backend_closed;
}

// Whoever sends its FIN first keeps the socket in TIME_WAIT for a minute, and towards one backend
// there are some 28,000 of them: 470 sessions a second would use them up. A PostgreSQL client that
// says goodbye makes the server close by itself, within milliseconds.
constexpr std::chrono::milliseconds kFinPatience{20};

bool try_again(int error) {
    return error == EAGAIN || error == EINTR;
}

/// Or broke, which a look with recv() would keep from the read that comes.
bool has_closed(const UniqueFd& socket) {
    pollfd entry{.fd = socket.get(), .events = POLLRDHUP, .revents = 0};
    return ::poll(&entry, 1, 0) > 0;
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
    if (ended_)
        return;
    // A reset spares the backend a query nobody waits for, and the proxy a socket in TIME_WAIT.
    reset_on_close(backend_.fd);
    close_both();
}

Relay::Sockets Relay::release() noexcept {
    for (const Endpoint* side : {&client_, &backend_})
        loop_.remove(side->fd.get());
    Sockets sockets{std::move(client_.fd), std::move(backend_.fd)};
    close_both();
    return sockets;
}

void Relay::on_event(Endpoint& side, std::uint32_t events) noexcept {
    if (ended_)
        return;  // fetched before the relay ended
    if ((events & EPOLLOUT) != 0)
        flush_to(side);
    // An error or a hang-up shows in the read, behind the last bytes that arrived.
    if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0 && !side.read_done &&
        !peer_of(side).backlog)
        read_from(side);
    settle();
}

/// Shows the owner what was read; true if the sockets are its own now.
bool Relay::taken(const Endpoint& side, std::size_t size) noexcept {
    const auto from = &side == &client_ ? RelaySide::client : RelaySide::backend;
    const Inspection inspection = owner_.inspect(from, {buffer_.data(), size});
    inspected_ = inspection == Inspection::further;
    return inspection == Inspection::taken;
}

void Relay::read_from(Endpoint& side) noexcept {
    Endpoint& peer = peer_of(side);
    const ssize_t count = ::recv(side.fd.get(), buffer_.data(), buffer_.size(), 0);
    if (count < 0 && try_again(errno))
        return;
    if (inspected_ && taken(side, count > 0 ? static_cast<std::size_t>(count) : 0))
        return;
    if (count > 0) {
        side.received += static_cast<std::uint64_t>(count);
        write_to(peer, buffer_.data(), static_cast<std::size_t>(count));
    } else if (count == 0) {
        // A client that says goodbye and closes: its FIN is there before that of the backend, but
        // this one may be read first.
        const bool backend_first =
            &side == &backend_ && !client_.read_done && !has_closed(client_.fd);
        note_end(backend_first ? RelayEnd::backend_closed : RelayEnd::client_closed);
        if (backend_first)
            owner_.on_backend_fin();
        side.read_done = true;
        // It was read because its peer had taken everything that came before.
        pass_fin_to(peer);
    } else {
        note_end(&side == &client_ ? RelayEnd::client_failed : RelayEnd::backend_failed);
        side.read_done = true;
        give_up_writing(side);
    }
}

void Relay::write_to(Endpoint& side, const std::byte* bytes, std::size_t size) noexcept {
    const std::size_t written = send_some(side, bytes, size);
    if (written < size && !side.write_done)
        side.backlog = std::make_unique<Backlog>(Backlog{{bytes + written, bytes + size}});
}

void Relay::flush_to(Endpoint& side) noexcept {
    if (!side.backlog)
        return;
    const std::size_t written = side.backlog->written;
    const std::size_t more =
        send_some(side, side.backlog->bytes.data() + written, side.backlog->bytes.size() - written);
    if (side.write_done)
        return;  // it broke, and its backlog is gone
    side.backlog->written += more;
    if (side.backlog->written == side.backlog->bytes.size())
        side.backlog.reset();
}

/// How much `side` took; a side that broke has given up writing afterwards.
std::size_t Relay::send_some(Endpoint& side, const std::byte* bytes, std::size_t size) noexcept {
    const ssize_t count = ::send(side.fd.get(), bytes, size, MSG_NOSIGNAL);
    if (count >= 0)
        return static_cast<std::size_t>(count);
    if (!try_again(errno)) {
        note_end(&side == &client_ ? RelayEnd::client_failed : RelayEnd::backend_failed);
        give_up_writing(side);
    }
    return 0;
}

void Relay::pass_fin_to(Endpoint& side) noexcept {
    // A relay that broke ends by resets: a FIN would call the loss a regular end.
    if (side.write_done || broken(end_))
        return;
    if (&side == &backend_ && !fin_timer_) {
        fin_timer_ = std::make_unique<Timer>(loop_.timers(), [this] { pass_fin_to(backend_); });
        fin_timer_->arm(kFinPatience);
        return;
    }
    side.write_done = true;
    ::shutdown(side.fd.get(), SHUT_WR);
}

/// `side` takes nothing more, so nothing more is read for it. What it sent is still read.
void Relay::give_up_writing(Endpoint& side) noexcept {
    side.write_done = true;
    side.backlog.reset();
    peer_of(side).read_done = true;
}

void Relay::update_interest(Endpoint& side) noexcept {
    std::uint32_t wanted = 0;
    if (!side.read_done && !peer_of(side).backlog)
        wanted |= EPOLLIN;
    if (side.backlog)
        wanted |= EPOLLOUT;
    if (wanted == side.interest)
        return;
    int error = 0;
    // Without interest it is taken out: errors and hang-ups are reported to whoever is
    // registered, wanted or not, and would wake the loop for ever. So the
    // reset of a side that is not read shows only when it is read again, behind what it sent.
    if (wanted == 0)
        loop_.remove(side.fd.get());
    else if (side.interest != 0)
        error = loop_.modify(side.fd.get(), wanted, side);
    else if (&side == &backend_)  // its connector had it watched
        error = loop_.take_over(side.fd.get(), wanted, side);
    else
        error = loop_.add(side.fd.get(), wanted, side);
    side.interest = error == 0 ? wanted : 0;
    if (error != 0) {
        note_end(RelayEnd::out_of_resources);
        for (Endpoint* each : {&client_, &backend_})
            give_up_writing(*each);
    }
}

void Relay::settle() noexcept {
    finish_if_done();
    if (ended_)
        return;
    update_interest(client_);
    update_interest(backend_);
    finish_if_done();  // what the kernel does not watch is over
}

void Relay::close_both() noexcept {
    ended_ = true;
    if (fin_timer_)
        fin_timer_->cancel();
    for (Endpoint* side : {&client_, &backend_}) {
        side->interest = 0;
        side->fd.reset();
    }
}

void Relay::note_end(RelayEnd end) noexcept {
    // The first cause counts, but that one side broke is worth more than who began to close.
    if (!end_known_ || (broken(end) && !broken(end_)))
        end_ = end;
    end_known_ = true;
}

void Relay::finish_if_done() noexcept {
    const bool drained = !client_.backlog && !backend_.backlog;
    if (ended_ || !drained || !client_.read_done || !backend_.read_done)
        return;
    if (broken(end_)) {
        reset_on_close(client_.fd);
        reset_on_close(backend_.fd);
    }
    close_both();
    owner_.on_relay_end(end_);
}

}  // namespace net
