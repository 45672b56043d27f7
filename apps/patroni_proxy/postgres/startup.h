#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "patroni_proxy/postgres/postgres_messages.h"
#include "patroni_proxy/postgres/startup_state.h"

namespace proxy {

/// Follows the first messages of one PostgreSQL session as they pass, until there is nothing more
/// to learn from them: encryption begins, the server has answered, or this is not PostgreSQL at
/// all. No I/O. Keeps at most one request and the beginning of one answer. One thread at a time.
class Startup {
  public:
    enum class Next : std::uint8_t {
        further,    ///< pass the bytes on, and show what follows
        more,       ///< do not pass them on: they are kept, and what follows decides
        enough,     ///< pass them on; nothing more is of interest
        cancel,     ///< the client has sent a cancel request: see request()
        not_ready,  ///< the server does not accept the session now; request() may be sent again
    };

    using Awaits = StartupState::Awaits;

    /// `keeps`: the startup packet is kept until it is answered. Otherwise only cancel requests are
    /// of interest. `withholds`: the server gets each request whole, so that it can be rewritten;
    /// the bytes of one that is incomplete are not passed on.
    explicit Startup(bool keeps, bool withholds = false) {
        state_.keeps = keeps;
        state_.withholds = withholds;
    }
    /// Goes on from there.
    explicit Startup(StartupState state) : state_(std::move(state)) {}

    [[nodiscard]] const StartupState& state() const noexcept { return state_; }
    [[nodiscard]] bool keeps() const noexcept { return state_.keeps; }
    /// Whether request() has not been passed on, nor would be the bytes that come next.
    [[nodiscard]] bool is_withholding() const noexcept {
        return state_.withholds && hears_client();
    }
    [[nodiscard]] bool withholds() const noexcept { return state_.withholds; }
    /// Of a client that is held only now: its startup packet is kept from now on. Before any of it
    /// was passed on.
    void keep() noexcept { state_.keeps = true; }
    /// No bytes mean that this side has ended.
    [[nodiscard]] Next on_client(std::string_view bytes);
    [[nodiscard]] Next on_backend(std::string_view bytes);
    /// The client's request that has no answer yet: what must be sent to another server.
    [[nodiscard]] const std::string& request() const noexcept { return state_.request; }
    [[nodiscard]] Awaits awaits() const noexcept { return state_.awaits; }
    /// Whether this may still become a cancel request.
    [[nodiscard]] bool hears_client() const noexcept {
        return !state_.speaks_on && state_.awaits == Awaits::request;
    }
    /// Whether the client has sent more than one request: it does not speak PostgreSQL's protocol,
    /// or does not wait for the answer.
    [[nodiscard]] bool speaks_on() const noexcept { return state_.speaks_on; }
    /// Whether the client speaks TLS from the first byte on, as with sslnegotiation=direct.
    [[nodiscard]] bool speaks_tls() const noexcept {
        return state_.request.starts_with(kTlsHandshake);
    }
    /// What the server has answered so far, including the bytes that were shown last.
    [[nodiscard]] std::string take_answer() { return std::exchange(state_.answer, {}); }

  private:
    StartupState state_;
};

}  // namespace proxy
