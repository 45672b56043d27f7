// Whatever comes to HAProxy's runtime socket as a line: commands of a bounded number of words, none
// of them empty, and the answer of `show stat` to whatever is asked of it.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "patroni_proxy/haproxy/runtime/runtime_line.h"
#include "patroni_proxy/haproxy/runtime/stat_filter.h"
#include "patroni_proxy/haproxy/stats/stat_csv.h"
#include "patroni_proxy/haproxy/stats/stat_rows.h"

namespace {

void require(bool holds) {
    if (!holds)
        std::abort();
}

/// One port of two members.
proxy::ProxyReport a_report() {
    proxy::PortReport port;
    port.name = "rw";
    port.members = {{"p1", patroni::Standing::eligible, "leader"},
                    {"p2", patroni::Standing::out, "role is replica"}};
    proxy::ClusterReport cluster;
    cluster.name = "main";
    cluster.ports = {port};
    proxy::ProxyReport report;
    report.clusters = {cluster};
    return report;
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace proxy::haproxy;
    static const auto rows = stat_rows(a_report());
    const std::string_view line(reinterpret_cast<const char*>(data), size);
    std::size_t letters = 0;
    for (const Words& words : commands_of(line)) {
        require(words.size() <= 64);
        for (const auto& word : words) {
            require(!word.empty());
            letters += word.size();
        }
        const auto shown = filter_stat(rows, words);
        require(shown.rows.size() <= rows.size());
        if (shown.problem.empty())
            require(stat_csv(shown.rows).starts_with("# pxname,svname,"));
    }
    require(letters <= size);
    return 0;
}
