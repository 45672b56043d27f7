#include "patroni_proxy/migrate/convert/pgbouncer_file.h"

#include <cstddef>
#include <map>
#include <string_view>

namespace proxy::migrate {
namespace {

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view kBlanks = " \t\r";
    const std::size_t begin = text.find_first_not_of(kBlanks);
    if (begin == std::string_view::npos)
        return {};
    return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

/// "host=10.0.0.5 port=5000 password='a b'": quotes are doubled inside quotes.
std::map<std::string, std::string> connection_of(std::string_view text) {
    std::map<std::string, std::string> values;
    std::size_t at = 0;
    while (at < text.size()) {
        const std::size_t equals = text.find('=', at);
        if (equals == std::string_view::npos)
            break;
        const std::string key(trimmed(text.substr(at, equals - at)));
        std::string value;
        at = equals + 1;
        while (at < text.size() && text[at] == ' ')
            ++at;
        if (at < text.size() && text[at] == '\'') {
            for (++at; at < text.size(); ++at) {
                if (text[at] == '\'' && text.substr(at, 2) != "''")
                    break;
                if (text[at] == '\'')
                    ++at;
                value += text[at];
            }
            ++at;
        } else {
            while (at < text.size() && text[at] != ' ' && text[at] != '\t')
                value += text[at++];
        }
        values[key] = value;
    }
    return values;
}

/// "master of cluster main" for a port of ours that listens there.
std::optional<std::string> port_at(const Draft& draft, const std::string& port) {
    for (const auto& cluster : draft.clusters)
        for (const auto& one : cluster.ports)
            for (const auto& address : one.listen)
                if (address.ends_with(":" + port))
                    return "'" + one.name + "' of cluster '" + cluster.name + "'";
    return std::nullopt;
}

}  // namespace

bool is_pgbouncer_file(const std::string& text) {
    return text.starts_with("[databases]") || text.find("\n[databases]") != std::string::npos;
}

void read_pgbouncer_file(const std::string& text, const std::string& name,
                         const std::optional<Draft>& draft, Ledger& ledger) {
    std::string_view rest = text;
    haproxy::Place place{name, 0};
    bool databases = false;
    while (!rest.empty()) {
        ++place.line;
        const std::size_t end = rest.find('\n');
        const std::string_view line = trimmed(rest.substr(0, end));
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
        if (line.empty() || line.front() == ';' || line.front() == '#')
            continue;
        if (line.front() == '[') {
            databases = line == "[databases]";
            continue;
        }
        const std::size_t equals = line.find('=');
        if (!databases || equals == std::string_view::npos)
            continue;
        auto values = connection_of(line.substr(equals + 1));
        const std::string port = values["port"].empty() ? "5432" : values["port"];
        const std::string directive = std::string(trimmed(line.substr(0, equals))) +
                                      " = host=" + values["host"] + " port=" + port;
        if (values["host"].empty() || values["host"].starts_with('/'))
            ledger.add(place, directive, Outcome::not_needed,
                       "it connects to a unix socket of its own host");
        else if (const auto found = draft ? port_at(*draft, port) : std::nullopt)
            ledger.add(place, directive, Outcome::carried,
                       "it leads to port " + *found +
                           "; it stays as it is if patroni_proxy takes over HAProxy's address");
        else
            ledger.add(
                place, directive, Outcome::not_carried,
                draft ? "no port that is carried over listens on " + port
                      : "which role port " + port + " has is written in HAProxy's file: give both");
    }
}

}  // namespace proxy::migrate
