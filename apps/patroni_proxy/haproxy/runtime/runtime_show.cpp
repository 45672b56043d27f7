// The commands that change nothing.

#include <algorithm>
#include <initializer_list>
#include <string_view>
#include <sys/socket.h>

#include "patroni_proxy/haproxy/runtime/runtime_commands.h"
#include "patroni_proxy/haproxy/runtime/stat_filter.h"
#include "patroni_proxy/haproxy/stats/info_text.h"
#include "patroni_proxy/haproxy/stats/stat_csv.h"

namespace proxy::haproxy {
namespace {

/// "10.0.0.1:5432" in two parts; "-" and 0 if it is unknown.
std::pair<std::string, std::string> host_and_port(const std::string& address) {
    const auto colon = address.rfind(':');
    return colon == std::string::npos
               ? std::pair<std::string, std::string>("-", "0")
               : std::pair(address.substr(0, colon), address.substr(colon + 1));
}

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

/// srv_op_state and srv_admin_state as in HAProxy's `show servers state`.
std::pair<int, int> states_of(const StatRow& server) {
    constexpr int kStopped = 0;
    constexpr int kRunning = 2;
    constexpr int kMaintenance = 1;
    constexpr int kDrain = 8;
    const std::string& status = server.value("status");
    if (status == "UP")
        return {kRunning, 0};
    if (status == "DRAIN")
        return {kRunning, kDrain};
    return {kStopped, status == "MAINT" ? kMaintenance : 0};
}

std::string line(std::initializer_list<std::string_view> words) {
    std::string text;
    for (const auto word : words)
        text.append(text.empty() ? "" : " ").append(word);
    return text + '\n';
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
    return line(
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
    // Source: HAProxy's management guide, `show servers state`; the first line is the format's
    // version.
    std::string text =
        "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight "
        "srv_iweight srv_time_since_last_change srv_check_status srv_check_result srv_check_health "
        "srv_check_state srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port "
        "srvrecord "
        "srv_use_ssl srv_check_port srv_check_addr srv_agent_addr srv_agent_port\n";
    for (const auto& server : *servers) {
        const auto [host, port] = host_and_port(server.value("addr"));
        const auto [operational, administrative] = states_of(server);
        const bool passed = server.value("status") == "UP";
        text +=
            line({std::to_string(server.proxy_id), server.proxy, std::to_string(server.server_id),
                  server.server, host, std::to_string(operational), std::to_string(administrative),
                  "1 1 0", passed ? "15 3 4" : "17 2 0", "6 0 0 0 -", port, "- 0 0 - - 0"});
    }
    request.reply(text);
}

void RuntimeCommands::show_servers_conn(const Request& request) {
    const auto servers = servers_of(rows(), request.argument(0));
    if (!servers)
        return request.reply(kNoBackend);
    std::string text =
        "# bkname/svname bkid/svid addr port - purge_delay used_cur used_max need_est unsafe_nb "
        "safe_nb idle_lim idle_cur idle_per_thr[1]\n";
    for (const auto& server : *servers) {
        const auto [host, port] = host_and_port(server.value("addr"));
        const std::string& now = server.value("scur");
        text += line({server.proxy + '/' + server.server,
                      std::to_string(server.proxy_id) + '/' + std::to_string(server.server_id),
                      host, port, "- 0", now, now, now, "0 0 0 0 0"});
    }
    request.reply(text);
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
    control_.list_sessions(
        {},
        [](const SessionList& list) {
            std::string text;
            for (const auto& session : list.sessions)
                text += line_of(session);
            return text;
        },
        request.reply);
}

}  // namespace proxy::haproxy
