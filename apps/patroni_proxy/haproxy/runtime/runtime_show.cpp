// The commands that change nothing.

#include <algorithm>
#include <string_view>
#include <sys/socket.h>

#include "patroni_proxy/haproxy/runtime/runtime_commands.h"
#include "patroni_proxy/haproxy/runtime/servers_text.h"
#include "patroni_proxy/haproxy/runtime/stat_filter.h"
#include "patroni_proxy/haproxy/stats/info_text.h"
#include "patroni_proxy/haproxy/stats/stat_csv.h"

namespace proxy::haproxy {
namespace {

/// The rows of one backend, or of all if none is named; nothing if there is no such backend.
std::optional<std::vector<StatRow>> servers_of(std::vector<StatRow> rows,
                                               const std::string& proxy) {
    const bool known = proxy.empty() || std::any_of(rows.begin(), rows.end(), [&](const auto& row) {
                           return row.proxy == proxy;
                       });
    if (!known)
        return {};
    std::erase_if(rows, [&](const StatRow& row) {
        return row.kind != RowKind::server || (!proxy.empty() && row.proxy != proxy);
    });
    return rows;
}

/// The fields that scripts look for by HAProxy's names; our names for what HAProxy does not have.
std::string line_of(const SessionRecord& session) {
    const bool is_tcp = session.client.family() == AF_INET || session.client.family() == AF_INET6;
    const std::string proxy = haproxy_name(session.cluster) + ':' + haproxy_name(session.port);
    const auto in_seconds = [](double time) {
        return std::to_string(static_cast<std::uint64_t>(time)) + 's';
    };
    const char* protocol = !is_tcp                               ? "unix_stream"
                           : session.client.family() == AF_INET6 ? "tcpv6"
                                                                 : "tcpv4";
    return line_of_words(
        {session.id.text() + ':', std::string("proto=") + protocol,
         "src=" + (is_tcp ? session.client.to_string() : "unix:1"), "fe=" + proxy, "be=" + proxy,
         "srv=" + (session.backend ? haproxy_name(session.backend->member) : "<none>"),
         "age=" + in_seconds(session.age), "idle=" + in_seconds(session.idle),
         "state=" + std::string(session.state), "bin=" + std::to_string(session.bytes_from_client),
         "bout=" + std::to_string(session.bytes_from_backend)});
}

constexpr char kNoBackend[] = "Can't find backend.\n";

}  // namespace

void RuntimeCommands::show_info(const Request& request) {
    request.reply(info_text(control_.report()));
}

void RuntimeCommands::show_stat(const Request& request) {
    const Words arguments(request.words.begin() + static_cast<std::ptrdiff_t>(request.skip),
                          request.words.end());
    auto shown = filter_stat(rows(), arguments);
    request.reply(shown.problem.empty() ? stat_csv(shown.rows) : shown.problem);
}

void RuntimeCommands::show_servers_state(const Request& request) {
    const auto servers = servers_of(rows(), request.argument(0));
    if (!servers)
        return request.reply(kNoBackend);
    request.reply(servers_state(*servers));
}

void RuntimeCommands::show_servers_conn(const Request& request) {
    const auto servers = servers_of(rows(), request.argument(0));
    if (!servers)
        return request.reply(kNoBackend);
    request.reply(servers_conn(*servers));
}

void RuntimeCommands::show_backend(const Request& request) {
    std::string text = "# name\n";
    for (const auto& row : rows())
        if (row.kind == RowKind::backend)
            text.append(row.proxy).push_back('\n');
    request.reply(text);
}

void RuntimeCommands::show_version(const Request& request) {
    request.reply(control_.report().version + '\n');
}

void RuntimeCommands::show_nothing(const Request& request) {
    request.reply({});
}

void RuntimeCommands::show_sess(const Request& request) {
    control_.list_sessions({},
                           {"haproxy",
                            [](const SessionList& list) {
                                std::string text;
                                for (const auto& session : list.sessions)
                                    text += line_of(session);
                                return text;
                            }},
                           request.reply);
}

}  // namespace proxy::haproxy
