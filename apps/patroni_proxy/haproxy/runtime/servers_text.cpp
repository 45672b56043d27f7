#include "patroni_proxy/haproxy/runtime/servers_text.h"

#include <utility>

namespace proxy::haproxy {
namespace {

/// "10.0.0.1:5432" in two parts; "-" and 0 if it is unknown.
std::pair<std::string, std::string> host_and_port(const std::string& address) {
    const auto colon = address.rfind(':');
    return colon == std::string::npos
               ? std::pair<std::string, std::string>("-", "0")
               : std::pair(address.substr(0, colon), address.substr(colon + 1));
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

}  // namespace

std::string line_of_words(std::initializer_list<std::string_view> words) {
    std::string text;
    for (const auto word : words)
        text.append(text.empty() ? "" : " ").append(word);
    return text + '\n';
}

std::string servers_state(const std::vector<StatRow>& servers) {
    // Source: HAProxy's management guide, `show servers state`; the first line is the format's
    // version.
    std::string text =
        "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight "
        "srv_iweight srv_time_since_last_change srv_check_status srv_check_result srv_check_health "
        "srv_check_state srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port "
        "srvrecord "
        "srv_use_ssl srv_check_port srv_check_addr srv_agent_addr srv_agent_port\n";
    for (const auto& server : servers) {
        const auto [host, port] = host_and_port(server.value("addr"));
        const auto [operational, administrative] = states_of(server);
        const bool passed = server.value("status") == "UP";
        const std::string& last_change = server.value("lastchg");
        text += line_of_words({std::to_string(server.proxy_id), server.proxy,
                               std::to_string(server.server_id), server.server, host,
                               std::to_string(operational), std::to_string(administrative), "1 1",
                               last_change.empty() ? "0" : last_change,
                               passed ? "15 3 4" : "17 2 0", "6 0 0 0 -", port, "- 0 0 - - 0"});
    }
    return text;
}

std::string servers_conn(const std::vector<StatRow>& servers) {
    std::string text =
        "# bkname/svname bkid/svid addr port - purge_delay used_cur used_max need_est unsafe_nb "
        "safe_nb idle_lim idle_cur idle_per_thr[1]\n";
    for (const auto& server : servers) {
        const auto [host, port] = host_and_port(server.value("addr"));
        const std::string& now = server.value("scur");
        text +=
            line_of_words({server.proxy + '/' + server.server,
                           std::to_string(server.proxy_id) + '/' + std::to_string(server.server_id),
                           host, port, "- 0", now, now, now, "0 0 0 0 0"});
    }
    return text;
}

}  // namespace proxy::haproxy
