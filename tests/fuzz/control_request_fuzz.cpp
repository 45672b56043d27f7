// Whatever comes to the control socket as a path and a query: a request for a verb with all that it
// needs, or one short sentence that says what is wrong.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "patroni_proxy/control/control_request.h"
#include "require.h"

namespace {

/// What precedes the first `separator`; both leave `text`.
std::string take_until(std::string_view& text, char separator) {
    const auto end = text.find(separator);
    const std::string taken(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return taken;
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::string method = take_until(text, ' ');
    const std::string path = take_until(text, '?');
    std::map<std::string, std::string> query;
    while (!text.empty()) {
        std::string_view parameter = text.substr(0, text.find('&'));
        text.remove_prefix(std::min(parameter.size() + 1, text.size()));
        const std::string key = take_until(parameter, '=');
        query.emplace(key, parameter);
    }
    if (!proxy::is_control_path(path))
        return 0;
    const auto parsed = proxy::parse_control_request(method, path, query);
    require(parsed.request.has_value() == parsed.error.empty());
    if (!parsed.request) {
        require(parsed.status >= 400 && parsed.status < 500);
        require(parsed.error.size() < 1'000 && parsed.error.find('\n') == std::string::npos);
        return 0;
    }
    require(method == "POST");
    const auto& terms = parsed.request->terms;
    require(!terms.lasts_for || terms.lasts_for->count() > 0);
    return 0;
}
