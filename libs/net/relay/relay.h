#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "net/loop/event_loop.h"
#include "net/loop/timer.h"
#include "net/relay/query_state.h"
#include "net/relay/relay_end.h"
#include "net/relay/relay_state.h"
#include "net/socket/pipe_pool.h"
#include "net/socket/socket_address.h"
#include "net/socket/unique_fd.h"

namespace net {

/// Holds bytes between a read and a write. All relays of a loop share one, since nothing stays in
/// its memory between two events. 48 KiB moved more than 16, 64, 128 or 256 KiB: a loopback segment
/// carries 65,483 bytes, so 64 KiB leaves a tail segment behind each send.
class RelayBuffer {
  public:
    explicit RelayBuffer(std::size_t pipes = kPipes) : pipes_(pipes) {}

    [[nodiscard]] std::byte* data() noexcept { return bytes_.data(); }
    [[nodiscard]] static constexpr std::size_t size() noexcept { return kSize; }
    /// For what moves much.
    [[nodiscard]] PipePool& pipes() noexcept { return pipes_; }

    static constexpr std::size_t kPipes = 32;

  private:
    static constexpr std::size_t kSize = 48 * 1024;

    std::array<std::byte, kSize> bytes_;
    PipePool pipes_;
};

enum class RelaySide : std::uint8_t { client, backend };

/// What the relay does with bytes that the owner has inspected.
enum class Inspection : std::uint8_t {
    further,   ///< passes them on, and shows the next ones too
    kept,      ///< drops them, since the owner sends them itself; shows the next ones too
    enough,    ///< passes them on, and shows nothing more
    replaced,  ///< drops them, since the owner has sent others; shows nothing more
    taken,     ///< the owner has released the relay's sockets
};

/// Loop thread only.
class RelayOwner {
  public:
    /// Sees the next bytes of a side before they are passed on; no bytes mean its end, a FIN or an
    /// error. Called until it returns `enough`, `replaced` or `taken`.
    virtual Inspection inspect(RelaySide /*from*/, std::span<const std::byte> /*bytes*/) noexcept {
        return Inspection::enough;
    }
    /// The backend has ended by itself and its last bytes are written to the client's socket. The
    /// relay keeps the client's half for a while.
    virtual void on_backend_end() noexcept {}
    /// Called once, just before the relay closes what it still has open.
    virtual void on_relay_end(RelayEnd end) noexcept = 0;

  protected:
    ~RelayOwner() = default;
};

/// Moves bytes both ways between a client and a backend until both have finished or one broke.
///
/// The relay passes an end on after everything before it is written: a FIN as a FIN, while the
/// other direction goes on, and a reset as a reset. First it gives the other side time to end by
/// itself:
/// - the client has ended: the backend gets 20 ms;
/// - the client has reset, or left without a goodbye: 100 ms;
/// - the client has left once the backend had taken leave of TLS: 5 s;
/// - the backend has ended without an answer: the client gets 100 ms.
///
/// After the backend's end, the client's half stays for a second once its kernel has taken
/// everything, and for a minute while it takes nothing.
///
/// Loop thread only. Owns both sockets. Keeps only what a side did not take at once: at most one
/// RelayBuffer for each direction, and reads nothing more for that side meanwhile; and what the
/// kernel has received from a side that broke.
class Relay {
  public:
    Relay(EventLoop& loop, RelayBuffer& buffer, RelayOwner& owner, UniqueFd client,
          UniqueFd backend);
    Relay(const Relay&) = delete;
    Relay& operator=(const Relay&) = delete;
    ~Relay();

    /// Starts with what the client has sent already, which is not shown again. May report the end
    /// before it returns.
    void start(std::span<const std::byte> from_client = {}) noexcept;
    /// Sends the client what the owner has kept. Only from within inspect().
    void say_to_client(std::span<const std::byte> bytes) noexcept;
    /// The same for the backend.
    void say_to_backend(std::span<const std::byte> bytes) noexcept;
    /// Ends the relay at once: the backend sees a reset, the client an end of stream, or a reset
    /// too if it has sent bytes that were not read. The owner is not called. Does nothing once the
    /// relay has ended.
    void abort() noexcept;
    /// Ends the relay and returns both sockets, no longer watched. The owner is not called.
    struct Sockets {
        UniqueFd client;
        UniqueFd backend;
    };
    [[nodiscard]] Sockets release() noexcept;
    /// What it knows now, for another process that goes on with the same sockets: resume() there.
    /// Between two events; it goes on here unless the sockets are released.
    [[nodiscard]] RelayState state();
    /// Instead of start(): goes on from that state. May report the end before it returns.
    void resume(RelayState state) noexcept;
    /// -1 once that socket is closed.
    [[nodiscard]] int client_socket() const noexcept { return client_.fd.get(); }
    [[nodiscard]] int backend_socket() const noexcept { return backend_.fd.get(); }

    /// As QueryState says. Only right for a session in clear text.
    [[nodiscard]] bool awaits_query() const noexcept { return query_.awaits_query(); }
    /// Ends the session of a server that awaits a query: the client gets `to_client` and then the
    /// end of the stream; the server gets `to_backend`, a Terminate, upon which it ends by itself
    /// or is reset after 100 ms. It counts as the backend's end. Does nothing and returns false if
    /// the server does not await a query, if bytes are under way in either direction, or if either
    /// side has ended.
    [[nodiscard]] bool end_between_queries(std::span<const std::byte> to_client,
                                           std::span<const std::byte> to_backend) noexcept;
    /// Time since the last byte from either side, to the tick of the loop.
    [[nodiscard]] std::chrono::milliseconds silence() const noexcept;

    /// Ours towards the backend; unset once that socket is closed.
    [[nodiscard]] SocketAddress own_address() const noexcept {
        return SocketAddress::local_of(backend_.fd.get());
    }
    /// Set before on_relay_end() is called, or earlier.
    [[nodiscard]] std::optional<RelayEnd> end() const noexcept { return end_; }
    [[nodiscard]] std::uint64_t bytes_from_client() const noexcept { return client_.received; }
    [[nodiscard]] std::uint64_t bytes_from_backend() const noexcept { return backend_.received; }

  private:
    /// The other side's bytes that this side has not taken yet.
    struct Backlog {
        std::vector<std::byte> bytes;
        std::size_t written = 0;
        PipePool::Borrowed pipe;  ///< has the bytes instead, if set
    };

    struct Endpoint final : EventHandler {
        Endpoint(Relay& its_relay, UniqueFd socket) : relay(its_relay), fd(std::move(socket)) {}
        void on_event(std::uint32_t events) noexcept override { relay.on_event(*this, events); }

        Relay& relay;
        UniqueFd fd;
        EventLoop::Ticks heard_at = relay.loop_.ticks();  ///< its last bytes, or the start
        std::unique_ptr<Backlog> backlog;                 ///< still to be written to this side
        std::uint64_t received = 0;
        std::uint8_t interest = 0;      ///< what the loop watches; 0: not registered
        SideEnd ended = SideEnd::none;  ///< nothing more will be read from this side
        bool write_done = false;        ///< nothing more will be written to this side
        bool deaf = false;              ///< a write to it failed
        bool reset = false;             ///< an earlier error says that its end is a reset
        std::uint8_t much = 0;          ///< so many more reads may be spliced: it sends much
        bool is_copied = false;         ///< what it sends cannot be spliced
    };

    /// From the first end on, or from end_between_queries().
    struct Shutdown {
        Shutdown(TimerQueue& queue, std::function<void()> callback)
            : timer(queue, std::move(callback)) {}

        Timer timer;
        int undelivered = 0;  ///< bytes, when the client's half was last checked
        unsigned checks = 0;  ///< since `undelivered` changed
    };

    // What moves bytes: relay.cpp.
    void on_event(Endpoint& side, std::uint32_t events) noexcept;
    [[nodiscard]] Inspection show(const Endpoint& side, std::size_t size) noexcept;
    void read_from(Endpoint& side) noexcept;
    void note_bytes(Endpoint& side, std::size_t size) noexcept;
    void write_to(Endpoint& side, const std::byte* bytes, std::size_t size) noexcept;
    void flush_to(Endpoint& side) noexcept;
    std::size_t send_some(Endpoint& side, const std::byte* bytes, std::size_t size) noexcept;
    std::size_t sent_by(Endpoint& side, ssize_t result) noexcept;
    void update_interest(Endpoint& side) noexcept;
    void settle() noexcept;
    static void reset_on_close(const Endpoint& side) noexcept;
    void close_both() noexcept;

    // What moves much without copying it: relay_splice.cpp.
    [[nodiscard]] bool splice_from(Endpoint& side) noexcept;
    void flush_pipe_to(Endpoint& side) noexcept;
    static void bring_into_memory(Backlog& backlog);

    // What another process goes on with: relay_hand_over.cpp.
    [[nodiscard]] RelayState::Side state_of(Endpoint& side);
    void resume_side(Endpoint& side, RelayState::Side&& state);

    // What happens from the first end on: relay_shutdown.cpp.
    void read_out(Endpoint& side) noexcept;
    void note_end(Endpoint& side, SideEnd how) noexcept;
    void begin_shutdown(std::chrono::milliseconds patience);
    void on_timer() noexcept;
    void decide() noexcept;
    void pass_end_on() noexcept;
    static void pass_fin_to(Endpoint& side) noexcept;
    [[nodiscard]] bool is_over() const noexcept { return end_ && end_has_arrived(); }
    [[nodiscard]] bool end_has_arrived() const noexcept;
    [[nodiscard]] bool client_is_over() const noexcept;
    [[nodiscard]] int owed_to_client() const noexcept;
    [[nodiscard]] bool passes_reset() const noexcept;
    void finish() noexcept;

    [[nodiscard]] Endpoint& peer_of(const Endpoint& side) noexcept {
        return &side == &client_ ? backend_ : client_;
    }

    EventLoop& loop_;
    RelayBuffer& buffer_;
    RelayOwner& owner_;
    Endpoint client_;
    Endpoint backend_;
    /// How many bytes the backend had sent when the client last sent some. Storing it at each read
    /// is all that telling the end costs until there is one.
    std::uint64_t heard_ = 0;
    std::unique_ptr<Shutdown> shutdown_;
    std::optional<RelayEnd> end_;
    bool departs_ = false;   ///< the backend's last bytes were a close_notify: it is about to end
    bool answered_ = false;  ///< as in Ends; valid from the first end on
    bool waited_ = false;    ///< as in Ends
    bool told_ = false;      ///< the client's FIN was passed on to the backend
    bool inspected_ = true;  ///< the owner wants to see the next bytes
    QueryState query_;
    bool finished_ = false;
};

}  // namespace net
