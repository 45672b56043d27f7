#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "patroni_proxy/haproxy/stats/stat_rows.h"

// The answers that have a line of words for each server. Pure. Source: HAProxy's management guide.
namespace proxy::haproxy {

/// Parted by blanks, with a newline at the end.
[[nodiscard]] std::string line_of_words(std::initializer_list<std::string_view> words);

/// `show servers state`, of rows of servers.
[[nodiscard]] std::string servers_state(const std::vector<StatRow>& servers);
/// `show servers conn`, of rows of servers.
[[nodiscard]] std::string servers_conn(const std::vector<StatRow>& servers);

}  // namespace proxy::haproxy
