#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "net/socket/network.h"
#include "patroni_proxy/session/selection/session_record.h"

namespace proxy {

/// Which sessions an operator means: those that meet all of it. What is empty does not matter.
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
    /// Of how many are listed, by default kDefaultLimit, or closed, by default all.
    std::optional<std::size_t> limit{};

    /// Whether it leaves any session out, apart from the limit.
    [[nodiscard]] bool selects() const;
};

/// Pure.
[[nodiscard]] bool matches(const SessionFilter& filter, const SessionRecord& session);

struct ParsedFilter {
    SessionFilter filter{};
    std::string error{};  ///< what is wrong and what is allowed; empty if nothing is
};
/// Reads a filter as it stands in the query of a request:
/// cluster=NAME, port=NAME, member=NAME, client=NETWORK, user=NAME, database=NAME,
/// application=NAME, state=WORD, min_idle=DURATION, id=w0-123, limit=NUMBER. Pure.
[[nodiscard]] ParsedFilter parse_session_filter(const std::map<std::string, std::string>& query);

}  // namespace proxy
