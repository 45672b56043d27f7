#include "patroni_proxy/haproxy/runtime/servers_text.h"

#include <string>
#include <utility>

#include "net/socket/socket_address.h"

namespace proxy::haproxy {
namespace {

/// Each one word, whatever Patroni says.
struct Place {
    std::string address = "-";  ///< srv_addr: without brackets
    std::string name = "-";     ///< srv_fqdn: of a server that is not known by its address
    std::string port = "0";
};

/// Of "10.0.0.1:5432", "[fd00::1]:5432" or "db1:5432"; empty if it is unknown.
Place place_of(const std::string& address) {
    constexpr std::string_view kOfNames =
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._:%-";
    Place place;
    const auto colon = address.rfind(':');
    if (colon == std::string::npos)
        return place;
    std::string_view host = std::string_view(address).substr(0, colon);
    if (const auto known = net::SocketAddress::from_ip(host, 0)) {
        place.address = known->ip();
    } else {
        if (host.starts_with('[') && host.ends_with(']'))
            host = host.substr(1, host.size() - 2);
        if (!host.empty() && host.find_first_not_of(kOfNames) == std::string_view::npos)
            place.name = host;
    }
    place.port = address.substr(colon + 1);
    return place;
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
        const auto [address, name, port] = place_of(server.value("addr"));
        const auto [operational, administrative] = states_of(server);
        const bool passed = server.value("status") == "UP";
        const std::string& last_change = server.value("lastchg");
        text += line_of_words({std::to_string(server.proxy_id), server.proxy,
                               std::to_string(server.server_id), server.server, address,
                               std::to_string(operational), std::to_string(administrative), "1 1",
                               last_change.empty() ? "0" : last_change,
                               passed ? "15 3 4" : "17 2 0", "6 0 0 0", name, port, "- 0 0 - - 0"});
    }
    return text;
}

std::string servers_conn(const std::vector<StatRow>& servers) {
    std::string text =
        "# bkname/svname bkid/svid addr port - purge_delay used_cur used_max need_est unsafe_nb "
        "safe_nb idle_lim idle_cur idle_per_thr[1]\n";
    for (const auto& server : servers) {
        const auto [address, name, port] = place_of(server.value("addr"));
        const std::string& now = server.value("scur");
        text +=
            line_of_words({server.proxy + '/' + server.server,
                           std::to_string(server.proxy_id) + '/' + std::to_string(server.server_id),
                           address, port, "- 0", now, now, now, "0 0 0 0 0"});
    }
    return text;
}

}  // namespace proxy::haproxy
