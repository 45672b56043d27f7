#include "patroni_proxy/haproxy/stats/stat_csv.h"

#include <array>

namespace proxy::haproxy {
namespace {

constexpr std::array<std::string_view, 111> kColumns{"pxname",
                                                     "svname",
                                                     "qcur",
                                                     "qmax",
                                                     "scur",
                                                     "smax",
                                                     "slim",
                                                     "stot",
                                                     "bin",
                                                     "bout",
                                                     "dreq",
                                                     "dresp",
                                                     "ereq",
                                                     "econ",
                                                     "eresp",
                                                     "wretr",
                                                     "wredis",
                                                     "status",
                                                     "weight",
                                                     "act",
                                                     "bck",
                                                     "chkfail",
                                                     "chkdown",
                                                     "lastchg",
                                                     "downtime",
                                                     "qlimit",
                                                     "pid",
                                                     "iid",
                                                     "sid",
                                                     "throttle",
                                                     "lbtot",
                                                     "tracked",
                                                     "type",
                                                     "rate",
                                                     "rate_lim",
                                                     "rate_max",
                                                     "check_status",
                                                     "check_code",
                                                     "check_duration",
                                                     "hrsp_1xx",
                                                     "hrsp_2xx",
                                                     "hrsp_3xx",
                                                     "hrsp_4xx",
                                                     "hrsp_5xx",
                                                     "hrsp_other",
                                                     "hanafail",
                                                     "req_rate",
                                                     "req_rate_max",
                                                     "req_tot",
                                                     "cli_abrt",
                                                     "srv_abrt",
                                                     "comp_in",
                                                     "comp_out",
                                                     "comp_byp",
                                                     "comp_rsp",
                                                     "lastsess",
                                                     "last_chk",
                                                     "last_agt",
                                                     "qtime",
                                                     "ctime",
                                                     "rtime",
                                                     "ttime",
                                                     "agent_status",
                                                     "agent_code",
                                                     "agent_duration",
                                                     "check_desc",
                                                     "agent_desc",
                                                     "check_rise",
                                                     "check_fall",
                                                     "check_health",
                                                     "agent_rise",
                                                     "agent_fall",
                                                     "agent_health",
                                                     "addr",
                                                     "cookie",
                                                     "mode",
                                                     "algo",
                                                     "conn_rate",
                                                     "conn_rate_max",
                                                     "conn_tot",
                                                     "intercepted",
                                                     "dcon",
                                                     "dses",
                                                     "wrew",
                                                     "connect",
                                                     "reuse",
                                                     "cache_lookups",
                                                     "cache_hits",
                                                     "srv_icur",
                                                     "src_ilim",
                                                     "qtime_max",
                                                     "ctime_max",
                                                     "rtime_max",
                                                     "ttime_max",
                                                     "eint",
                                                     "idle_conn_cur",
                                                     "safe_conn_cur",
                                                     "used_conn_cur",
                                                     "need_conn_est",
                                                     "uweight",
                                                     "agg_server_status",
                                                     "agg_server_check_status",
                                                     "agg_check_status",
                                                     "srid",
                                                     "sess_other",
                                                     "h1sess",
                                                     "h2sess",
                                                     "h3sess",
                                                     "req_other",
                                                     "h1req",
                                                     "h2req"};

/// A field may hold text from Patroni. One line of ASCII is all that some readers accept.
std::string field(const std::string& text) {
    std::string plain;
    for (const char letter : text)
        plain += letter >= ' ' && letter <= '~' ? letter : '?';
    if (plain.find_first_of(",\"") == std::string::npos)
        return plain;
    std::string quoted = "\"";
    for (const char letter : plain)
        quoted.append(letter == '"' ? 2 : 1, letter);
    return quoted + '"';
}

}  // namespace

std::span<const std::string_view> stat_columns() {
    return kColumns;
}

std::string stat_value(const StatRow& row, std::string_view column) {
    if (column == "pxname")
        return row.proxy;
    if (column == "svname")
        return row.server;
    if (column == "iid")
        return std::to_string(row.proxy_id);
    if (column == "sid")
        return std::to_string(row.server_id);
    if (column == "type")
        return std::to_string(static_cast<unsigned>(row.kind));
    return row.value(column);
}

std::string stat_csv(const std::vector<StatRow>& rows) {
    std::string text = "# ";
    for (const auto column : kColumns)
        text.append(column).push_back(',');
    text.push_back('\n');
    for (const auto& row : rows) {
        for (const auto column : kColumns)
            text.append(field(stat_value(row, column))).push_back(',');
        text.push_back('\n');
    }
    return text;
}

}  // namespace proxy::haproxy
