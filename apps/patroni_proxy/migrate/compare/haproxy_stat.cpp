#include "patroni_proxy/migrate/compare/haproxy_stat.h"

#include <cstddef>
#include <map>

namespace proxy::migrate {
namespace {

constexpr std::size_t kMaxServers = 100'000;
constexpr std::string_view kServerType = "2";

/// Fields in quotes may hold commas, and quotes as two.
std::vector<std::string> fields_of(std::string_view line) {
    std::vector<std::string> fields(1);
    bool quoted = false;
    for (std::size_t at = 0; at < line.size(); ++at) {
        const char c = line[at];
        if (quoted && c == '"' && line.substr(at, 2) == "\"\"") {
            fields.back() += c;
            ++at;
        } else if (c == '"') {
            quoted = !quoted;
        } else if (c == ',' && !quoted) {
            fields.emplace_back();
        } else {
            fields.back() += c;
        }
    }
    return fields;
}

std::string_view take_line(std::string_view& text) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r'))
        line.remove_suffix(1);
    return line;
}

}  // namespace

patroni::Result<std::vector<HaproxyServer>> parse_stat(std::string_view csv) {
    std::string_view header = take_line(csv);
    if (!header.starts_with("# "))
        return patroni::Failure{
            "this is not the answer to 'show stat': it does not begin with '# '"};
    header.remove_prefix(2);
    std::map<std::string, std::size_t> columns;
    for (const auto& name : fields_of(header))
        columns.emplace(name, columns.size());
    for (const auto* needed : {"pxname", "svname", "status", "type"})
        if (!columns.contains(needed))
            return patroni::Failure{"the answer to 'show stat' has no column '" +
                                    std::string(needed) + "'"};
    std::vector<HaproxyServer> servers;
    while (!csv.empty() && servers.size() < kMaxServers) {
        const auto fields = fields_of(take_line(csv));
        const auto field = [&](const char* name) {
            const auto column = columns.find(name);
            return column == columns.end() || column->second >= fields.size()
                       ? std::string()
                       : fields[column->second];
        };
        if (field("type") != kServerType)
            continue;
        servers.push_back({field("pxname"), field("svname"), field("addr"), field("status"),
                           field("check_status"), field("bck") == "1"});
    }
    return servers;
}

}  // namespace proxy::migrate
