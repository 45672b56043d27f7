#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/text/units.h"

namespace proxy {

/// Names one session, uniquely in the process, by its worker and the worker's count of sessions.
/// Written "w0-123". A value of 8 bytes.
class SessionId {
  public:
    SessionId() = default;
    /// `number` has 48 bits: at a million sessions a second they last for nine years.
    SessionId(std::uint16_t worker, std::uint64_t number)
        : value_(std::uint64_t{worker} << kNumberBits | number) {}

    [[nodiscard]] std::uint16_t worker() const noexcept {
        return static_cast<std::uint16_t>(value_ >> kNumberBits);
    }
    [[nodiscard]] std::uint64_t number() const noexcept {
        return value_ & ((std::uint64_t{1} << kNumberBits) - 1);
    }
    [[nodiscard]] std::string text() const {
        return "w" + std::to_string(worker()) + "-" + std::to_string(number());
    }
    /// Nothing for what text() would not have written.
    static std::optional<SessionId> parse(std::string_view text) {
        const std::size_t dash = text.find('-');
        if (!text.starts_with('w') || dash == std::string_view::npos)
            return std::nullopt;
        const auto worker = daemons::parse_number(text.substr(1, dash - 1));
        const auto number = daemons::parse_number(text.substr(dash + 1));
        if (!worker || !number || *worker > UINT16_MAX || *number >> kNumberBits != 0)
            return std::nullopt;
        return SessionId(static_cast<std::uint16_t>(*worker), *number);
    }

    friend bool operator==(const SessionId&, const SessionId&) = default;
    friend bool operator<(const SessionId& a, const SessionId& b) { return a.value_ < b.value_; }

    static constexpr unsigned kNumberBits = 48;

  private:
    std::uint64_t value_ = 0;
};

/// Gives a worker's sessions their ids. Loop thread only.
class SessionIds {
  public:
    explicit SessionIds(std::uint16_t worker) : worker_(worker) {}
    [[nodiscard]] SessionId next() noexcept { return {worker_, ++last_}; }
    /// The number of the latest one.
    [[nodiscard]] std::uint64_t last() const noexcept { return last_; }
    /// Every number up to this one is taken.
    void begin_after(std::uint64_t last) noexcept { last_ = std::max(last_, last); }

  private:
    const std::uint16_t worker_;
    std::uint64_t last_ = 0;
};

}  // namespace proxy
