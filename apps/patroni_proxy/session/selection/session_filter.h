#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "net/socket/network.h"
#include "patroni_proxy/session/selection/session_record.h"

namespace proxy {

/// Which sessions an operator means: those that match every field that is set.
struct SessionFilter {
    static constexpr std::size_t kDefaultLimit = 10'000;

    std::string cluster{};
    std::string port{};
    std::string member{};
    std::optional<net::Network> client{};
    std::string user{};
    std::string database{};
    std::string application{};
    std::string state{};
    std::optional<double> min_idle{};  ///< seconds
    std::optional<SessionId> id{};
    /// How many are listed (kDefaultLimit unless set) or closed (all unless set).
    std::optional<std::size_t> limit{};

    /// Whether anything but the limit is set.
    [[nodiscard]] bool selects() const;
    friend bool operator==(const SessionFilter& a, const SessionFilter& b) = default;
};

/// Pure.
[[nodiscard]] bool matches(const SessionFilter& filter, const SessionRecord& session);

struct ParsedFilter {
    SessionFilter filter{};
    std::string error{};  ///< what is wrong and what is allowed; empty if it was read
};
/// Reads a filter from the query of a request:
/// cluster=NAME, port=NAME, member=NAME, client=NETWORK, user=NAME, database=NAME,
/// application=NAME, state=WORD, min_idle=DURATION, id=w0-123, limit=NUMBER. Pure.
[[nodiscard]] ParsedFilter parse_session_filter(const std::map<std::string, std::string>& query);

}  // namespace proxy
