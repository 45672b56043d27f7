// Whatever GET /cluster and GET /primary are answered with.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "patroni/answers/cluster_parser.h"
#include "patroni/rest/endpoint.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto cluster =
        patroni::parse_cluster(std::string_view(reinterpret_cast<const char*>(data), size));
    if (cluster)
        for (const auto& member : cluster.value().members)
            (void)patroni::Endpoint::of_api_url(member.api_url);
    return 0;
}
