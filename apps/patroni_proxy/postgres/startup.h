#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace proxy {

/// Follows the first messages of one PostgreSQL session as they pass, until nothing more is to be
/// learned from them: encryption begins, or the server has answered, or it is no PostgreSQL at all.
/// No I/O. Keeps one request at most, and the beginning of one answer.
class Startup {
  public:
    enum class Next : std::uint8_t {
        further,    ///< pass it on, and show what follows
        more,       ///< do not pass it on yet: what follows decides
        enough,     ///< pass it on; nothing more is of interest
        cancel,     ///< the client sends a cancel request: see request()
        not_ready,  ///< the server refuses to accept the session now; request() may be sent again
    };

    /// Whose turn it is.
    enum class Awaits : std::uint8_t {
        request,     ///< the client's
        encryption,  ///< the server's, to say yes or no to encryption
        answer,      ///< the server's, to answer the startup packet
    };

    /// `keeps` the startup packet and waits for the answer to it; else a cancel request is all it
    /// looks for.
    explicit Startup(bool keeps) : keeps_(keeps) {}

    [[nodiscard]] bool keeps() const noexcept { return keeps_; }
    /// No bytes: that side has ended.
    [[nodiscard]] Next on_client(std::string_view bytes);
    [[nodiscard]] Next on_backend(std::string_view bytes);
    /// What the client asks for and has no answer to: what another server must be sent.
    [[nodiscard]] const std::string& request() const noexcept { return request_; }
    [[nodiscard]] Awaits awaits() const noexcept { return awaits_; }
    /// Whether the client may still turn out to send a cancel request.
    [[nodiscard]] bool hears_client() const noexcept {
        return !speaks_on_ && awaits_ == Awaits::request;
    }
    /// Whether it has said what no client says that waits for leave to begin: it is none of
    /// PostgreSQL's, or goes on before the answer.
    [[nodiscard]] bool speaks_on() const noexcept { return speaks_on_; }
    /// What the server has answered so far, with what was shown last.
    [[nodiscard]] std::string take_answer() { return std::exchange(answer_, {}); }

  private:
    bool keeps_;
    Awaits awaits_ = Awaits::request;
    bool speaks_on_ = false;
    bool refused_ = false;  ///< by the server before the one that answers next
    unsigned silent_ends_ = 0;
    std::string request_;
    std::string answer_;
};

}  // namespace proxy
