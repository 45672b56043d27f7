#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

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

    /// Whose turn it is.
    enum class Awaits : std::uint8_t {
        request,     ///< the client's
        encryption,  ///< the server's, to accept or decline encryption
        answer,      ///< the server's, to answer the startup packet
    };

    /// `keeps`: the startup packet is kept until it is answered. Otherwise only cancel requests are
    /// of interest. `withholds`: the server gets each request whole, so that it can be rewritten;
    /// the bytes of one that is incomplete are not passed on.
    explicit Startup(bool keeps, bool withholds = false) : keeps_(keeps), withholds_(withholds) {}

    [[nodiscard]] bool keeps() const noexcept { return keeps_; }
    /// Whether request() has not been passed on, nor would be the bytes that come next.
    [[nodiscard]] bool is_withholding() const noexcept {
        return withholds_ && awaits_ == Awaits::request;
    }
    [[nodiscard]] bool withholds() const noexcept { return withholds_; }
    /// No bytes mean that this side has ended.
    [[nodiscard]] Next on_client(std::string_view bytes);
    [[nodiscard]] Next on_backend(std::string_view bytes);
    /// The client's request that has no answer yet: what must be sent to another server.
    [[nodiscard]] const std::string& request() const noexcept { return request_; }
    [[nodiscard]] Awaits awaits() const noexcept { return awaits_; }
    /// Whether this may still become a cancel request.
    [[nodiscard]] bool hears_client() const noexcept {
        return !speaks_on_ && awaits_ == Awaits::request;
    }
    /// Whether the client has sent more than one request: it does not speak PostgreSQL's protocol,
    /// or does not wait for the answer.
    [[nodiscard]] bool speaks_on() const noexcept { return speaks_on_; }
    /// What the server has answered so far, including the bytes that were shown last.
    [[nodiscard]] std::string take_answer() { return std::exchange(answer_, {}); }

  private:
    bool keeps_;
    bool withholds_;
    Awaits awaits_ = Awaits::request;
    bool speaks_on_ = false;
    bool refused_ = false;  ///< the answer kept is that of a server which has refused the session
    unsigned silent_ends_ = 0;
    std::string request_;
    std::string answer_;
};

}  // namespace proxy
