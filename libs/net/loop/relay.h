#pragma once

#include <array>
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
#include "net/socket/unique_fd.h"

namespace net {

/// Where bytes stand between a read and a write. One serves all relays of a loop, since nothing
/// stays in it between two events. 48 KiB moved more than 16, 64, 128 or 256 KiB: a loopback
/// segment carries 65,483 bytes, so 64 KiB leaves a tail segment behind each send.
using RelayBuffer = std::array<std::byte, 48 * 1024>;

/// Who ended a relay, told from the proxy's place between the two. Whatever the other side does
/// afterwards, a reset too, is an echo of that.
enum class RelayEnd : std::uint8_t {
    client_closed,     ///< it sent FIN, or said something at which the backend ended
    backend_closed,    ///< it sent FIN
    client_failed,     ///< its connection broke: a reset, or an error of the network
    backend_failed,    ///< its connection broke
    out_of_resources,  ///< the kernel would not watch a descriptor
};

/// How one side ended, as its last read says.
enum class SideEnd : std::uint8_t {
    none,
    closed,  ///< FIN
    broke,   ///< a reset, or an error of the network
};

/// What is known of an end that neither side was told of by the relay.
struct Ends {
    SideEnd client = SideEnd::none;
    SideEnd backend = SideEnd::none;
    bool answered = false;  ///< the backend spoke after the client's last words
    bool waited = false;    ///< the other side had its time to end by itself
};
/// Pure: who ended it, or nothing as long as that is not clear.
///
/// A goodbye cannot be read where the two speak TLS, but it shows: the backend has no answer to it
/// but its end, which comes before it can know of the client's, and the client ends without having
/// heard of that. A backend that ends for a reason of its own says so, or its client stays.
[[nodiscard]] std::optional<RelayEnd> who_ended(const Ends& ends);

enum class RelaySide : std::uint8_t { client, backend };

/// What becomes of bytes that the owner has looked at.
enum class Inspection : std::uint8_t {
    further,  ///< they are passed on, and the next ones are shown too
    kept,     ///< the owner has them, and will say them itself; the next ones are shown too
    enough,   ///< they are passed on; nothing more is shown
    taken,    ///< the owner has released the relay's sockets
};

/// Loop thread only.
class RelayOwner {
  public:
    /// The next bytes of a side before they are passed on, or none at its end, be that a FIN or an
    /// error. Called until the answer is `enough` or `taken`.
    virtual Inspection inspect(RelaySide /*from*/, std::span<const std::byte> /*bytes*/) noexcept {
        return Inspection::enough;
    }
    /// The backend has ended by itself, and its last bytes have been written to the client's
    /// socket. The relay goes on with the client's half for a while.
    virtual void on_backend_end() noexcept {}
    /// Told once.
    virtual void on_relay_end(RelayEnd end) noexcept = 0;

  protected:
    ~RelayOwner() = default;
};

/// Moves bytes both ways between a client and a backend until both have finished or one broke.
///
/// An end is passed on once what came before it has been written: a FIN as a FIN, while the other
/// direction goes on, and a reset as a reset. Before that the other side has some time to end by
/// itself: the backend 20 ms, or 100 ms if the client resets or closes without a goodbye; the
/// client 100 ms if the backend has not answered its last words. After the end of the backend the
/// client's half has a second from when its kernel has taken everything, and a minute as long as it
/// takes nothing.
///
/// Loop thread only. Owns both sockets. Holds no buffer but what one side did not take at once: at
/// most one RelayBuffer for each direction, during which nothing more is read for that side.
class Relay {
  public:
    Relay(EventLoop& loop, RelayBuffer& buffer, RelayOwner& owner, UniqueFd client,
          UniqueFd backend);
    Relay(const Relay&) = delete;
    Relay& operator=(const Relay&) = delete;
    ~Relay();

    /// Begins, with what the client has sent before, which is not shown again. May already report
    /// the end.
    void start(std::span<const std::byte> from_client = {}) noexcept;
    /// Says to the client what the owner has kept, from within inspect().
    void say_to_client(std::span<const std::byte> bytes) noexcept;
    /// Ends it from outside, at once: the backend sees a reset, the client an end of stream, or a
    /// reset too if it sent what was not read yet.
    /// The owner is not told. Does nothing once the relay has ended.
    void abort() noexcept;
    /// Ends it and hands both sockets over, no longer watched. The owner is not told.
    struct Sockets {
        UniqueFd client;
        UniqueFd backend;
    };
    [[nodiscard]] Sockets release() noexcept;

    /// Known at the latest when the owner is told of it.
    [[nodiscard]] std::optional<RelayEnd> end() const noexcept { return end_; }
    [[nodiscard]] std::uint64_t bytes_from_client() const noexcept { return client_.received; }
    [[nodiscard]] std::uint64_t bytes_from_backend() const noexcept { return backend_.received; }

  private:
    /// What one side has not yet taken of the other's bytes.
    struct Backlog {
        std::vector<std::byte> bytes;
        std::size_t written = 0;
    };

    struct Endpoint final : EventHandler {
        Endpoint(Relay& its_relay, UniqueFd socket) : relay(its_relay), fd(std::move(socket)) {}
        void on_event(std::uint32_t events) noexcept override { relay.on_event(*this, events); }

        Relay& relay;
        UniqueFd fd;
        std::unique_ptr<Backlog> backlog;  ///< to be written to this side
        std::uint64_t received = 0;
        std::uint32_t interest = 0;     ///< what the loop watches; 0: not registered
        SideEnd ended = SideEnd::none;  ///< nothing more will be read from this side
        bool write_done = false;        ///< nothing more will be written to this side
        bool deaf = false;              ///< because a write failed
        bool reset = false;             ///< by what says that its end is no FIN
    };

    /// From the first end on.
    struct Farewell {
        Farewell(TimerQueue& queue, std::function<void()> callback)
            : timer(queue, std::move(callback)) {}

        Timer timer;
        int undelivered = 0;  ///< at the last look at the client's half
        unsigned looks = 0;   ///< since that changed
    };

    void on_event(Endpoint& side, std::uint32_t events) noexcept;
    [[nodiscard]] Inspection show(const Endpoint& side, std::size_t size) noexcept;
    void read_from(Endpoint& side) noexcept;
    void write_to(Endpoint& side, const std::byte* bytes, std::size_t size) noexcept;
    void flush_to(Endpoint& side) noexcept;
    std::size_t send_some(Endpoint& side, const std::byte* bytes, std::size_t size) noexcept;
    void note_end(Endpoint& side, SideEnd how) noexcept;
    void on_timer() noexcept;
    void decide() noexcept;
    void pass_on() noexcept;
    void pass_fin_to(Endpoint& side) noexcept;
    void update_interest(Endpoint& side) noexcept;
    void settle() noexcept;
    [[nodiscard]] bool is_over() const noexcept;
    [[nodiscard]] bool client_is_over() const noexcept;
    [[nodiscard]] bool passes_reset() const noexcept;
    void finish() noexcept;
    void close_both() noexcept;

    [[nodiscard]] Endpoint& peer_of(const Endpoint& side) noexcept {
        return &side == &client_ ? backend_ : client_;
    }

    EventLoop& loop_;
    RelayBuffer& buffer_;
    RelayOwner& owner_;
    Endpoint client_;
    Endpoint backend_;
    /// What the backend had sent when the client last spoke. A store for each of its reads is all
    /// that an end costs before it comes.
    std::uint64_t heard_ = 0;
    std::unique_ptr<Farewell> farewell_;
    std::optional<RelayEnd> end_;
    bool answered_ = false;  ///< valid from the first end on
    bool waited_ = false;    ///< as in Ends
    bool told_ = false;      ///< the client's FIN has been passed to the backend
    bool inspected_ = true;  ///< the owner wants to see what comes next
    bool finished_ = false;
};

}  // namespace net
