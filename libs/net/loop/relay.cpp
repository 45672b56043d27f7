#include "net/loop/relay.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <endian.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <utility>

namespace net {
namespace {

void reset_on_close(const UniqueFd& socket) {
    const linger abort{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
}

// Whoever sends its FIN first keeps the socket in TIME_WAIT for a minute, and towards one backend
// there are some 28,000 of them: 470 sessions a second would use them up. A PostgreSQL client that
// says goodbye makes the server close by itself, within milliseconds.
constexpr std::chrono::milliseconds kPatienceWithBackend{20};
// Of a client that closes without a goodbye, after an answer, or resets: it may have read 57P01, or
// have said goodbye and left the server's unread, and on a machine that is busy a server takes
// longer than that to exit. Passed on sooner, the client's end would hide whose it is.
constexpr std::chrono::milliseconds kPatienceWithBusyBackend{100};

// A client that says goodbye closes at once, unless it was preempted between the two on a machine
// that is busy. Only one that waits for an answer in vain hears of the end so much later.
constexpr std::chrono::milliseconds kPatienceWithClient{100};

// The longest close_notify of the ciphers in use (TLS 1.2 with AES-GCM; 24 bytes in TLS 1.3), which
// a server says at a goodbye. An ErrorResponse is longer.
constexpr std::uint64_t kLongestCloseNotify = 31;

/// Whether the client said a close_notify alone: with AES-GCM 24 bytes in TLS 1.3 and 31 in 1.2,
/// with ChaCha20 in 1.2 23. A client says that also when the server has ended the session, so it is
/// no word that the server might have answered. A Terminate is three bytes longer.
bool is_close_notify(ssize_t size) {
    return size == 24 || size == 31 || size == 23;
}

// The client's half after the end of its backend. A server's own socket would answer what the
// client still sends with a reset; ours takes it for a second, which no round trip lasts, so that
// what crosses the end on its way does no harm to what the client has yet to read. A client that
// takes nothing has about as long as the kernel tries to deliver what a closed socket has left.
constexpr std::chrono::milliseconds kLook{250};
constexpr unsigned kLooksOnceDelivered = 4;
constexpr unsigned kLooksWithoutProgress = 240;

/// PostgreSQL's ReadyForQuery, outside a transaction: type, length, status ("Message Formats" in
/// its documentation). A server sends it last, and what it sends together arrives together unless
/// it is longer than the buffer. So bytes that end like this are the end of an answer; data that
/// looks the same and ends a read is followed by more at once.
/// The status of the ReadyForQuery at the end: 'I', 'T' or 'E'; 0 if there is none.
char ready_status(const std::byte* bytes, std::size_t size) {
    constexpr char kReadyForQuery[] = {'Z', 0, 0, 0, 5};
    const std::size_t length = sizeof kReadyForQuery + 1;
    if (size < length || std::memcmp(bytes + size - length, kReadyForQuery, length - 1) != 0)
        return 0;
    return static_cast<char>(bytes[size - 1]);
}

/// What a server says without being asked, also between two queries: NotificationResponse,
/// NoticeResponse, ParameterStatus ("Asynchronous Operations" in PostgreSQL's documentation).
bool comes_unasked(char type) {
    return type == 'A' || type == 'N' || type == 'S';
}

/// The same as ready_status() where what the server says unasked follows its ReadyForQuery, or
/// comes alone after `before`. Only small reads are looked through, and encrypted ones fail at
/// their first bytes. 0 if they are not whole messages, or if other messages are last.
char status_with_notices(const std::byte* bytes, std::size_t size, char before) {
    constexpr std::size_t kHeader = 5;
    constexpr std::size_t kLongest = 16 * 1024;  // PostgreSQL sends at most 8,000 bytes with NOTIFY
    if (size > kLongest)
        return 0;
    char status = before;
    std::size_t at = 0;
    while (size - at >= kHeader) {
        const char type = static_cast<char>(bytes[at]);
        std::uint32_t length = 0;
        std::memcpy(&length, bytes + at + 1, sizeof length);
        length = be32toh(length);
        if (length < kHeader - 1 || length > size - at - 1)
            return 0;
        if (type == 'Z' && length == kHeader)
            status = static_cast<char>(bytes[at + kHeader]);
        else if (!comes_unasked(type))
            status = 0;
        at += 1 + length;
    }
    return at == size ? status : '\0';
}

/// How many requests that are each answered by a ReadyForQuery the bytes hold, at most 2; 0 if they
/// are not whole messages of PostgreSQL's.
unsigned requests_in(const std::byte* bytes, std::size_t size) {
    constexpr std::size_t kHeader = 5;
    unsigned requests = 0;
    std::size_t at = 0;
    while (size - at >= kHeader) {
        const char type = static_cast<char>(bytes[at]);
        std::uint32_t length = 0;
        std::memcpy(&length, bytes + at + 1, sizeof length);
        length = be32toh(length);
        if (length < kHeader - 1 || length > size - at - 1)
            return 0;
        at += 1 + length;
        if ((type == 'Q' || type == 'S' || type == 'F') && requests < 2)
            ++requests;
    }
    return at == size ? requests : 0;
}

/// It has sent nothing that waits to be read, has not ended, and its kernel takes a message at
/// once.
bool is_at_rest(const UniqueFd& socket) {
    pollfd entry{.fd = socket.get(), .events = POLLIN | POLLOUT, .revents = 0};
    return ::poll(&entry, 1, 0) == 1 && entry.revents == POLLOUT;
}

bool try_again(int error) {
    return error == EAGAIN || error == EINTR;
}

/// Bytes of ours, and a FIN, that the peer's kernel has not taken yet, but will. What is written to
/// a unix socket is the peer's at once, and nothing that is written to one that broke will be.
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

std::optional<RelayEnd> who_ended(const Ends& ends) {
    if (ends.backend != SideEnd::none) {
        if (!ends.answered && ends.client != SideEnd::none)
            return RelayEnd::client_closed;
        if (!ends.answered && !ends.waited)
            return std::nullopt;
        // A server that has closed answers the farewell of its client with a reset.
        const bool closed = ends.backend == SideEnd::closed || ends.client != SideEnd::none;
        return closed ? RelayEnd::backend_closed : RelayEnd::backend_failed;
    }
    if (ends.client == SideEnd::none || !ends.waited)
        return std::nullopt;
    return ends.client == SideEnd::closed ? RelayEnd::client_closed : RelayEnd::client_failed;
}

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

bool Relay::part(std::span<const std::byte> to_client,
                 std::span<const std::byte> to_backend) noexcept {
    if (!awaits_query() || farewell_ || client_.backlog || backend_.backlog ||
        !is_at_rest(client_.fd) || !is_at_rest(backend_.fd))
        return false;
    write_to(client_, to_client.data(), to_client.size());
    write_to(backend_, to_backend.data(), to_backend.size());
    // The server takes nothing after its goodbye, and would answer more with a reset.
    backend_.write_done = true;
    awaits_query_ = false;
    answered_ = true;  // the backend's end is its own, and need not wait for the client's
    farewell_ = std::make_unique<Farewell>(loop_.timers(), [this] { on_timer(); });
    farewell_->timer.arm(kPatienceWithBusyBackend);
    settle();
    return true;
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

void Relay::read_from(Endpoint& side) noexcept {
    Endpoint& peer = peer_of(side);
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
    side.received += size;
    side.heard_at = loop_.ticks();
    if (&side == &client_)
        note_requests(size);
    char status = 0;
    if (&side == &backend_)
        status = ready_status(buffer_.data(), size);
    if (&side == &backend_ && status == 0)
        status = status_with_notices(buffer_.data(), size, awaits_query_ ? 'I' : '\0');
    awaits_query_ = status == 'I';
    if (status != 0)
        open_requests_ = 0;
    if (&side == &client_ && !is_close_notify(count))
        heard_ = backend_.received;
    if (inspection == Inspection::kept)
        return;
    write_to(peer, buffer_.data(), size);
}

/// A client that has asked twice without waiting for an answer may be served a second time at any
/// moment: whether the server awaits a query of it cannot be told from the server's bytes.
void Relay::note_requests(std::size_t size) noexcept {
    if (pipelines_)
        return;
    open_requests_ =
        static_cast<std::uint8_t>(std::min(2U, open_requests_ + requests_in(buffer_.data(), size)));
    pipelines_ = open_requests_ > 1;
}

/// What nobody takes any more is dropped.
void Relay::write_to(Endpoint& side, const std::byte* bytes, std::size_t size) noexcept {
    if (side.write_done)
        return;
    if (side.backlog) {  // the owner has said something before
        side.backlog->bytes.insert(side.backlog->bytes.end(), bytes, bytes + size);
        return;
    }
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

/// How much `side` took. One that takes nothing more is still read, up to its end.
std::size_t Relay::send_some(Endpoint& side, const std::byte* bytes, std::size_t size) noexcept {
    const ssize_t count = ::send(side.fd.get(), bytes, size, MSG_NOSIGNAL);
    if (count >= 0)
        return static_cast<std::size_t>(count);
    if (!try_again(errno)) {
        side.write_done = side.deaf = true;
        // The error is told once, and the read that comes finds no more than an end. A reset that
        // followed a FIN is told as EPIPE.
        side.reset = errno != EPIPE;
        side.backlog.reset();
    }
    return 0;
}

/// It was read because the other side had taken everything that came before.
void Relay::note_end(Endpoint& side, SideEnd how) noexcept {
    side.ended = how;
    if (how == SideEnd::broke) {
        side.write_done = side.deaf = true;
        side.backlog.reset();
    }
    if (end_)
        return farewell_->timer.arm(kLook);
    awaits_query_ = false;
    if (farewell_)
        return;
    answered_ = backend_.received - heard_ > kLongestCloseNotify;
    farewell_ = std::make_unique<Farewell>(loop_.timers(), [this] { on_timer(); });
    if (&side == &backend_)
        farewell_->timer.arm(kPatienceWithClient);
    else
        farewell_->timer.arm(answered_ || how == SideEnd::broke ? kPatienceWithBusyBackend
                                                                : kPatienceWithBackend);
}

void Relay::on_timer() noexcept {
    const bool parts = client_.ended == SideEnd::none && backend_.ended == SideEnd::none;
    if (parts) {  // the server has had its time
        reset_on_close(backend_.fd);
        backend_.fd.reset();
        backend_.interest = 0;
        note_end(backend_, SideEnd::closed);
    } else if (!end_) {
        waited_ = true;
    } else {
        const int undelivered = undelivered_to(client_.fd);
        farewell_->looks = undelivered == farewell_->undelivered ? farewell_->looks + 1 : 1;
        farewell_->undelivered = undelivered;
        farewell_->timer.arm(kLook);
    }
    settle();
}

/// Once for all.
void Relay::decide() noexcept {
    if (end_ || !farewell_)
        return;
    end_ = who_ended({client_.ended, backend_.ended, answered_, waited_});
    if (end_)
        pass_on();
}

/// The end, to the other side.
void Relay::pass_on() noexcept {
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
            farewell_->undelivered = undelivered_to(client_.fd);
            return farewell_->timer.arm(kLook);
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

void Relay::update_interest(Endpoint& side) noexcept {
    const Endpoint& peer = peer_of(side);
    std::uint32_t wanted = 0;
    // For a side that broke nothing more is read, until its end has been.
    if (side.ended == SideEnd::none && !peer.backlog &&
        (!peer.write_done || peer.ended != SideEnd::none))
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
    if (error != 0)
        end_ = RelayEnd::out_of_resources;
}

void Relay::settle() noexcept {
    if (finished_)
        return;
    decide();
    if (!is_over()) {
        update_interest(client_);
        update_interest(backend_);
    }
    if (is_over())  // what the kernel does not watch is over, too
        finish();
}

bool Relay::is_over() const noexcept {
    if (!end_)
        return false;
    if (*end_ == RelayEnd::client_failed || *end_ == RelayEnd::out_of_resources)
        return true;
    return backend_.ended == SideEnd::none ? client_.deaf : client_is_over();
}

/// It hears the end of its backend once it has all that came before.
bool Relay::client_is_over() const noexcept {
    if (client_.deaf || (client_.ended != SideEnd::none && !passes_reset()))
        return true;
    if (passes_reset() && undelivered_to(client_.fd) == 0)
        return true;
    return farewell_->looks >=
           (farewell_->undelivered == 0 ? kLooksOnceDelivered : kLooksWithoutProgress);
}

/// A FIN would call a loss a regular end. Nothing is lost by who has said goodbye.
bool Relay::passes_reset() const noexcept {
    return backend_.ended == SideEnd::broke && (told_ || *end_ == RelayEnd::backend_failed);
}

void Relay::finish() noexcept {
    const bool broken = *end_ != RelayEnd::client_closed && *end_ != RelayEnd::backend_closed;
    if (broken || passes_reset())
        reset_on_close(client_.fd);
    // It spares the backend a query nobody waits for.
    if (broken || client_.deaf || client_.ended == SideEnd::none)
        reset_on_close(backend_.fd);
    close_both();
    owner_.on_relay_end(*end_);
}

void Relay::close_both() noexcept {
    finished_ = true;
    if (farewell_)
        farewell_->timer.cancel();
    for (Endpoint* side : {&client_, &backend_}) {
        side->interest = 0;
        side->fd.reset();
    }
}

}  // namespace net
