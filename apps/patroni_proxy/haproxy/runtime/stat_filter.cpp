#include "patroni_proxy/haproxy/runtime/stat_filter.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

namespace proxy::haproxy {
namespace {

constexpr int kAll = -1;

std::optional<int> number_of(std::string_view text) {
    int number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size())
        return {};
    return number;
}

int mask_of(RowKind kind) {
    switch (kind) {
        case RowKind::frontend:
            return 1;
        case RowKind::backend:
            return 2;
        case RowKind::server:
            return 4;
    }
    return 0;
}

bool is_up(const StatRow& row) {
    const std::string& status = row.value("status");
    return status == "UP" || status == "OPEN";
}

}  // namespace

FilteredStat filter_stat(std::vector<StatRow> rows, const Words& arguments) {
    auto next = arguments.begin();
    const auto keep = [&](const auto& is_wanted) {
        std::erase_if(rows, [&](const StatRow& row) { return !is_wanted(row); });
    };
    for (const auto* format : {"json", "typed", "desc"})
        if (std::find(arguments.begin(), arguments.end(), format) != arguments.end())
            return {{}, "Only CSV is supported.\n"};
    if (arguments.end() - next >= 3) {
        const auto proxy = number_of(next[0]);
        const auto types = number_of(next[1]);
        const auto server = number_of(next[2]);
        if (types && server) {
            if (!proxy) {
                keep([&](const StatRow& row) { return row.proxy == next[0]; });
                if (rows.empty())
                    return {{}, "No such proxy.\n"};
            }
            keep([&](const StatRow& row) {
                return (!proxy || *proxy == kAll || static_cast<int>(row.proxy_id) == *proxy) &&
                       (*types == kAll || (*types & mask_of(row.kind)) != 0) &&
                       (*server == kAll || static_cast<int>(row.server_id) == *server);
            });
            next += 3;
        }
    }
    for (; next != arguments.end(); ++next) {
        if (*next == "up")
            keep(is_up);
        else if (*next == "no-maint")
            keep([](const StatRow& row) { return row.value("status") != "MAINT"; });
    }
    return {std::move(rows), {}};
}

}  // namespace proxy::haproxy
