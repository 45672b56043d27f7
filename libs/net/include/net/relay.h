#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "net/event_loop.h"
#include "net/timer.h"
#include "net/unique_fd.h"

namespace net {

/// Where bytes stand between a read and a write. One serves all relays of a loop, since nothing
/// stays in it between two events. 48 KiB moved more than 16, 64, 128 or 256 KiB: a loopback
/// segment carries 65,483 bytes, so 64 KiB leaves a tail segment behind each send.
using RelayBuffer = std::array<std::byte, 48 * 1024>;

/// What ended a relay, told from the proxy's place between the two.
enum class RelayEnd : std::uint8_t {
    client_closed,   ///< the client sent FIN first; both directions were drained
    backend_closed,  ///< the backend sent FIN first; both directions were drained
    client_failed,   ///< the client's connection broke: a reset, or an error of the network
    backend_failed,
    out_of_resources,  ///< the kernel would not watch a descriptor
};

enum class RelaySide : std::uint8_t { client, backend };

/// What becomes of bytes that the owner has looked at.
enum class Inspection : std::uint8_t {
    further,  ///< they are passed on, and the next ones are shown too
    enough,   ///< they are passed on; nothing more is shown
    taken,    ///< the owner has released the relay's sockets
};

/// Loop thread only.
class RelayOwner {
  public:
    /// The next bytes of a side before they are passed on, or none at its end, be that a FIN or an
    /// error. Called until the answer is another than `further`.
    virtual Inspection inspect(RelaySide /*from*/, std::span<const std::byte> /*bytes*/) noexcept {
        return Inspection::enough;
    }
    /// The backend has closed its side and the client has not: the relay goes on with what the
    /// client may still send.
    virtual void on_backend_fin() noexcept {}
    /// Told once.
    virtual void on_relay_end(RelayEnd end) noexcept = 0;

  protected:
    ~RelayOwner() = default;
};

/// Moves bytes both ways between a client and a backend until both have finished or one broke.
///
/// A FIN is passed on once what came before it has been written, and the other direction goes on; a
/// client's, 20 ms later if the backend does not close by itself meanwhile.
/// A reset of one side resets the other, after what was read from it has been written.
/// Loop thread only. Owns both sockets. Holds no buffer but what one side did not take at once:
/// at most one RelayBuffer for each direction, during which nothing more is read for that side.
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
        std::uint32_t interest = 0;  ///< what the loop watches; 0: not registered
        bool read_done = false;      ///< nothing more will be read from this side
        bool write_done = false;     ///< nothing more will be written to this side
    };

    void on_event(Endpoint& side, std::uint32_t events) noexcept;
    [[nodiscard]] bool taken(const Endpoint& side, std::size_t size) noexcept;
    void read_from(Endpoint& side) noexcept;
    void write_to(Endpoint& side, const std::byte* bytes, std::size_t size) noexcept;
    void flush_to(Endpoint& side) noexcept;
    std::size_t send_some(Endpoint& side, const std::byte* bytes, std::size_t size) noexcept;
    void pass_fin_to(Endpoint& side) noexcept;
    void give_up_writing(Endpoint& side) noexcept;
    void update_interest(Endpoint& side) noexcept;
    void settle() noexcept;
    void close_both() noexcept;
    void note_end(RelayEnd end) noexcept;
    void finish_if_done() noexcept;

    [[nodiscard]] Endpoint& peer_of(const Endpoint& side) noexcept {
        return &side == &client_ ? backend_ : client_;
    }

    EventLoop& loop_;
    RelayBuffer& buffer_;
    RelayOwner& owner_;
    Endpoint client_;
    Endpoint backend_;
    std::unique_ptr<Timer> fin_timer_;        ///< from the client's FIN on
    RelayEnd end_ = RelayEnd::client_closed;  ///< valid once end_known_
    bool end_known_ = false;
    bool inspected_ = true;  ///< the owner wants to see what comes next
    bool ended_ = false;
};

}  // namespace net
