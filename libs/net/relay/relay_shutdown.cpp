// From the first end on: whose end it is, how it reaches the other side, and when the relay is
// over.

#include <cstdint>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <utility>

#include "net/relay/relay.h"

namespace net {
namespace {

// Whoever sends its FIN first keeps the socket in TIME_WAIT for a minute, and towards one backend
// there are about 28,000 ports: 470 sessions per second would use them up. When a PostgreSQL client
// says goodbye, the server closes by itself within milliseconds.
constexpr std::chrono::milliseconds kPatienceWithBackend{20};
// If the client resets, or closes without a goodbye after an answer: it may have read 57P01, or
// have said goodbye and left the server's goodbye unread, and on a busy machine a server needs
// longer than 20 ms to exit. If its end were passed on sooner, nobody could tell whose end it was.
constexpr std::chrono::milliseconds kPatienceWithBusyBackend{100};
// If a backend says why it ends and takes leave of TLS, its client closes before the backend's
// process has exited, which on a busy machine takes longer still. It holds nobody up meanwhile.
constexpr std::chrono::milliseconds kPatienceWithDepartingBackend{5000};

// A client that says goodbye closes at once, unless it was preempted in between on a busy machine.
// The only client that hears of the end this much later is one that waits for an answer in vain.
constexpr std::chrono::milliseconds kPatienceWithClient{100};

// The client's half after its backend has ended. A server's own socket would answer what the client
// still sends with a reset. Ours takes it for a second, longer than any round trip, so that bytes
// which cross the end on their way do not cost the client what it has yet to read. A client that
// takes nothing gets a minute, about as long as the kernel tries to deliver what a closed socket
// has left.
constexpr std::chrono::milliseconds kCheckInterval{250};
constexpr unsigned kChecksOnceDelivered = 4;
constexpr unsigned kChecksWithoutProgress = 240;

/// The peer has sent nothing that waits to be read and has not ended, and its kernel takes a
/// message at once.
bool is_at_rest(const UniqueFd& socket) {
    pollfd entry{.fd = socket.get(), .events = POLLIN | POLLOUT, .revents = 0};
    return ::poll(&entry, 1, 0) == 1 && entry.revents == POLLOUT;
}

/// Bytes of ours, and a FIN, that the peer's kernel has not taken yet but will. Bytes written to a
/// unix socket are delivered at once; bytes written to a socket that broke never will be.
int undelivered_to(const UniqueFd& socket) {
    pollfd entry{.fd = socket.get(), .events = 0, .revents = 0};
    int domain = AF_UNSPEC;
    socklen_t size = sizeof domain;
    int bytes = 0;
    if (::poll(&entry, 1, 0) != 0 ||
        ::getsockopt(socket.get(), SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0 ||
        domain == AF_UNIX || ::ioctl(socket.get(), SIOCOUTQ, &bytes) != 0)
        return 0;
    return bytes;
}

}  // namespace

bool Relay::end_between_queries(std::span<const std::byte> to_client,
                                std::span<const std::byte> to_backend) noexcept {
    if (!awaits_query() || shutdown_ || client_.backlog || backend_.backlog ||
        !is_at_rest(client_.fd) || !is_at_rest(backend_.fd))
        return false;
    write_to(client_, to_client.data(), to_client.size());
    write_to(backend_, to_backend.data(), to_backend.size());
    // The server reads nothing after a Terminate, and would answer more with a reset.
    backend_.write_done = true;
    query_.on_end();
    answered_ = true;  // the backend's end is its own, and need not wait for the client's
    begin_shutdown(kPatienceWithBusyBackend);
    settle();
    return true;
}

void Relay::begin_shutdown(std::chrono::milliseconds patience) {
    shutdown_ = std::make_unique<Shutdown>(loop_.timers(), [this] { on_timer(); });
    shutdown_->timer.arm(patience);
}

/// What the kernel has of a side that broke is read at once, and then its end, whatever its peer
/// has yet to take. That peer may take nothing because it waits for this side.
void Relay::read_out(Endpoint& side) noexcept {
    Endpoint& peer = peer_of(side);
    if (finished_ || !side.deaf || side.ended != SideEnd::none ||
        (!peer.backlog && !peer.write_done))
        return;
    if (peer.backlog && peer.backlog->pipe)
        bring_into_memory(*peer.backlog);
    // What its peer sent it is lost, so this is no orderly end.
    side.reset = true;
    // One of a unix socket that only stopped reading could go on to send for ever.
    ::shutdown(side.fd.get(), SHUT_RD);
    while (!finished_ && side.ended == SideEnd::none) {
        const std::uint64_t before = side.received;
        side.much = 0;  // nothing goes through a pipe behind a backlog in memory
        read_from(side);
        if (!finished_ && side.ended == SideEnd::none && side.received == before)
            note_end(side, SideEnd::broke);
    }
}

/// A side is read only after the other one has taken everything that came before, unless it broke:
/// so is its end.
void Relay::note_end(Endpoint& side, SideEnd how) noexcept {
    side.ended = how;
    if (how == SideEnd::broke) {
        side.write_done = side.deaf = true;
        side.backlog.reset();
    }
    if (end_)
        return shutdown_->timer.arm(kCheckInterval);
    query_.on_end();
    if (shutdown_)
        return;
    answered_ = backend_.received - heard_ > kLongestCloseNotify;
    if (&side == &backend_)
        begin_shutdown(kPatienceWithClient);
    else if (answered_ && departs_)
        begin_shutdown(kPatienceWithDepartingBackend);
    else
        begin_shutdown(answered_ || how == SideEnd::broke ? kPatienceWithBusyBackend
                                                          : kPatienceWithBackend);
}

void Relay::on_timer() noexcept {
    const bool neither_ended = client_.ended == SideEnd::none && backend_.ended == SideEnd::none;
    if (neither_ended) {  // the server has had its time to obey the Terminate
        reset_on_close(backend_);
        if (std::exchange(backend_.interest, std::uint8_t{0}) != 0)
            loop_.remove(backend_.fd.get());
        backend_.fd.reset();
        note_end(backend_, SideEnd::closed);
    } else if (!end_) {
        waited_ = true;
    } else {
        const int undelivered = owed_to_client();
        shutdown_->checks = undelivered == shutdown_->undelivered ? shutdown_->checks + 1 : 1;
        shutdown_->undelivered = undelivered;
        shutdown_->timer.arm(kCheckInterval);
    }
    settle();
}

/// Whose end it is, once and for all.
void Relay::decide() noexcept {
    end_ = who_ended({client_.ended, backend_.ended, answered_, waited_});
    if (end_)
        pass_end_on();
}

void Relay::pass_end_on() noexcept {
    switch (*end_) {
        case RelayEnd::client_closed:
            if (backend_.ended == SideEnd::none) {
                told_ = true;
                pass_fin_to(backend_);
            }
            return;
        case RelayEnd::backend_closed:
        case RelayEnd::backend_failed:
            owner_.on_backend_end();  // before the client may know
            if (*end_ == RelayEnd::backend_closed)
                pass_fin_to(client_);
            shutdown_->undelivered = owed_to_client();
            return shutdown_->timer.arm(kCheckInterval);
        case RelayEnd::client_failed:
        case RelayEnd::out_of_resources:
            return;
    }
}

void Relay::pass_fin_to(Endpoint& side) noexcept {
    if (side.write_done)
        return;
    side.write_done = true;
    ::shutdown(side.fd.get(), SHUT_WR);
}

/// Both sides have seen the end, or never will.
bool Relay::end_has_arrived() const noexcept {
    if (*end_ == RelayEnd::client_failed || *end_ == RelayEnd::out_of_resources)
        return true;
    return backend_.ended == SideEnd::none ? client_.deaf : client_is_over();
}

int Relay::owed_to_client() const noexcept {
    const auto& backlog = client_.backlog;
    const std::size_t kept = backlog ? backlog->bytes.size() - backlog->written : 0;
    return static_cast<int>(kept) + undelivered_to(client_.fd);
}

/// The client learns of its backend's end only after it has received everything that came before.
bool Relay::client_is_over() const noexcept {
    if (client_.deaf || (client_.ended != SideEnd::none && !passes_reset()))
        return true;
    if (passes_reset() && owed_to_client() == 0)
        return true;
    return shutdown_->checks >=
           (shutdown_->undelivered == 0 ? kChecksOnceDelivered : kChecksWithoutProgress);
}

/// A FIN would make a loss look like a regular end. A client that has said goodbye loses nothing.
bool Relay::passes_reset() const noexcept {
    return backend_.ended == SideEnd::broke && (told_ || *end_ == RelayEnd::backend_failed);
}

void Relay::finish() noexcept {
    const bool broken = *end_ != RelayEnd::client_closed && *end_ != RelayEnd::backend_closed;
    if (broken || passes_reset())
        reset_on_close(client_);
    // A reset spares the backend a query nobody waits for.
    if (broken || client_.deaf || client_.ended == SideEnd::none)
        reset_on_close(backend_);
    finished_ = true;
    owner_.on_relay_end(*end_);
    close_both();
}

}  // namespace net
