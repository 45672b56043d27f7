// The beginning of a connection, of any content, is a header of the PROXY protocol or not; it never
// ends beyond its bytes, and more bytes change nothing once it is complete.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "patroni_proxy/proxy_protocol/proxy_header.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using Kind = proxy::ProxyHeader::Kind;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const auto header = proxy::read_proxy_header(bytes);
    if (header.size > size || header.size > proxy::kMaxProxyHeader)
        std::abort();
    if (header.kind == Kind::incomplete && size > proxy::kMaxProxyHeader)
        std::abort();
    if ((header.kind == Kind::bad) == header.problem.empty())
        std::abort();
    if (header.kind == Kind::incomplete)
        return 0;
    if (proxy::read_proxy_header(std::string(bytes) + "more").kind != header.kind)
        std::abort();
    if (header.kind != Kind::proxied)
        return 0;
    for (const auto version : {proxy::SendProxy::v1, proxy::SendProxy::v2}) {
        const auto again = proxy::read_proxy_header(
            proxy::proxy_header(version, header.source, header.destination));
        const bool one_family = header.source.family() == header.destination.family();
        if (one_family ? again.source != header.source || again.kind != Kind::proxied
                       : again.kind != Kind::local)
            std::abort();
    }
    return 0;
}
