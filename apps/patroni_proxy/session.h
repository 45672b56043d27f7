#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "net/connector.h"
#include "net/relay.h"
#include "net/socket_address.h"
#include "net/unique_fd.h"
#include "patroni_proxy/backend_table.h"

namespace proxy {

class PortServer;

/// One client from accept to close: it chooses a backend, connects, and relays. A backend that
/// cannot be reached makes it try the next one, since the client has seen nothing yet.
/// Loop thread only; owned by its PortServer, which is told of the end and then disposes of it.
class Session final : public net::ConnectHandler, public net::RelayOwner {
  public:
    enum class State : std::uint8_t { accepted, connecting, relaying, closed };

    Session(PortServer& port, net::UniqueFd client, const net::SocketAddress& client_address);
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    ~Session();

    /// May end the session before it returns.
    void start() noexcept;
    /// Its backend may no longer serve. One that is not connected yet tries the next, since the
    /// client has seen nothing; any other ends, and the backend sees a reset.
    void leave_backend(std::string_view reason) noexcept;

    [[nodiscard]] const Backend* backend() const noexcept { return backend_.get(); }

    /// Where it stands in its PortServer's list; for the PortServer alone.
    std::size_t index = 0;

  private:
    /// What is needed until a backend is connected, and released then.
    struct Attempt {
        Attempt(net::EventLoop& loop, net::ConnectHandler& handler) : connector(loop, handler) {}
        net::Connector connector;
        std::vector<const Backend*> tried;
    };

    void enter(State state) noexcept;
    void connect_to_next() noexcept;
    void hold(BackendPtr backend) noexcept;
    void close(std::string_view reason) noexcept;
    void on_connected(net::UniqueFd connection) noexcept override;
    void on_connect_failed(int error) noexcept override;
    void on_relay_end(net::RelayEnd end) noexcept override;

    PortServer& port_;
    net::UniqueFd client_;  // until the relay owns it
    net::SocketAddress client_address_;
    State state_ = State::accepted;
    BackendPtr backend_;  // counted in its connections
    std::unique_ptr<Attempt> attempt_;
    std::optional<net::Relay> relay_;
};

}  // namespace proxy
