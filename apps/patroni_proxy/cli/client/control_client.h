#pragma once

#include <chrono>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace proxy::cli {

/// Why a daemon did not do what it was asked. what() is one line for the operator.
class ControlError : public std::runtime_error {
  public:
    enum class Kind {
        not_running,  ///< there is no socket, or nothing listens on it
        denied,       ///< this user may not use the socket
        no_answer,    ///< no complete answer in time, or one that cannot be read
        refused,      ///< the daemon answered with an error
    };
    ControlError(Kind kind, const std::string& text) : std::runtime_error(text), kind_(kind) {}
    [[nodiscard]] Kind kind() const noexcept { return kind_; }

  private:
    Kind kind_;
};

/// Why connect() failed with this errno, for the operator: names who may use the socket.
[[nodiscard]] ControlError connect_failure(const std::string& address, int error);

/// Names and values of a query, in order.
using Query = std::vector<std::pair<std::string, std::string>>;
/// "/members/main/p1/drain?why=disk%20full": each part of the path and the query percent-encoded.
[[nodiscard]] std::string target_of(const std::vector<std::string>& path, const Query& query = {});

/// Asks a running daemon, with one connection per request, bounded in time and size. One thread at
/// a time.
class ControlClient {
  public:
    static constexpr std::chrono::milliseconds kPatience{10'000};

    /// `address` is the path of the control socket, or IP:PORT of the HTTP API, which answers the
    /// same but refuses changes.
    explicit ControlClient(std::string address, std::chrono::milliseconds patience = kPatience);

    /// The body of the answer. Both throw ControlError.
    [[nodiscard]] std::string get(const std::string& target) const { return ask("GET", target); }
    [[nodiscard]] std::string post(const std::string& target) const { return ask("POST", target); }

    [[nodiscard]] const std::string& address() const noexcept { return address_; }

  private:
    [[nodiscard]] std::string ask(const std::string& method, const std::string& target) const;

    const std::string address_;
    const std::chrono::milliseconds patience_;
};

}  // namespace proxy::cli
