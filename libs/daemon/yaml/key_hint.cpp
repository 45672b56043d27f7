#include "daemon/yaml/key_hint.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <string_view>
#include <utility>

namespace daemons {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kOfHaproxy{{
    {"weight", "members have no weights"},
    {"backup", "fallback_roles of a proxy's port says who serves while nobody does by roles"},
    {"inter",
     "cluster_update_interval of the proxy, interval of the agent, says how often Patroni is "
     "asked"},
    {"maxconn", "max_connections limits a proxy's port, max_connections_per_backend each member"},
    {"balance", "the proxy gives a new session to the member with the fewest"},
    {"server", "members are not listed: Patroni names them, once hosts says where it is"},
}};

/// How many letters to insert, drop or change to turn one word into the other.
std::size_t edit_distance(const std::string& a, const std::string& b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), 0);
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0]++;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, changed});
        }
    }
    return row.back();
}

/// Two letters of five may differ: `lvl` is near `level`, `lag` is not near `tags`.
bool are_near(const std::string& a, const std::string& b) {
    return edit_distance(a, b) * 5 <= std::max(a.size(), b.size()) * 2;
}

}  // namespace

std::string key_hint(const std::string& word, const std::vector<std::string>& known) {
    if (known.empty())
        return {};
    const auto nearest = std::min_element(known.begin(), known.end(), [&](auto& a, auto& b) {
        return edit_distance(word, a) < edit_distance(word, b);
    });
    const auto haproxy = std::find_if(kOfHaproxy.begin(), kOfHaproxy.end(),
                                      [&](auto& each) { return each.first == word; });
    std::string hint = ".";
    if (are_near(word, *nearest))
        hint = "; did you mean '" + *nearest + "'?";
    else if (haproxy != kOfHaproxy.end())
        hint = "; it is HAProxy's; here " + std::string(haproxy->second) + ".";
    hint += " Known: ";
    for (std::size_t i = 0; i < known.size(); ++i)
        hint += (i == 0 ? "" : ", ") + known[i];
    return hint;
}

}  // namespace daemons
