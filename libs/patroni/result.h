#pragma once

#include <string>
#include <utility>
#include <variant>

namespace patroni {

/// Why there is no value, in words for a log line: "503 Service Unavailable".
struct Failure {
    std::string reason;
    /// Of a request: the connection was accepted, so something is running there.
    bool connected = false;
};

/// A value, or why there is none.
template <typename T>
class Result {
  public:
    // Converting on purpose: a function returns its value or its Failure as it is.
    // NOLINTNEXTLINE(google-explicit-constructor)
    Result(T value) : content_(std::move(value)) {}
    // NOLINTNEXTLINE(google-explicit-constructor)
    Result(Failure failure) : content_(std::move(failure)) {}

    [[nodiscard]] explicit operator bool() const noexcept { return content_.index() == 0; }
    [[nodiscard]] const T& value() const& { return std::get<0>(content_); }
    [[nodiscard]] T&& value() && { return std::get<0>(std::move(content_)); }
    [[nodiscard]] const std::string& reason() const { return std::get<1>(content_).reason; }
    /// There is a value, or the failed request had a connection.
    [[nodiscard]] bool connected() const { return *this || std::get<1>(content_).connected; }

  private:
    std::variant<T, Failure> content_;
};

}  // namespace patroni
