#include "patroni_proxy/haproxy/stats/exporter_text.h"

#include <array>
#include <cstdlib>
#include <string_view>

#include "daemon/text/metrics.h"
#include "patroni_proxy/haproxy/stats/stat_rows.h"

namespace proxy::haproxy {
namespace {

using daemons::Labels;
using daemons::Metrics;
using daemons::with;

// Which rows have a metric.
constexpr unsigned kFrontend = 1;
constexpr unsigned kBackend = 2;
constexpr unsigned kServer = 4;

struct Exported {
    const char* name;  ///< without "haproxy_KIND_"
    std::string_view column;
    unsigned kinds;
    bool counter;
    const char* help;
};

constexpr std::array kExported{
    Exported{"current_sessions", "scur", kFrontend | kBackend | kServer, false, "Sessions now"},
    Exported{"sessions_total", "stot", kFrontend | kBackend | kServer, true,
             "Sessions since the start"},
    Exported{"current_session_rate", "rate", kFrontend | kBackend | kServer, false,
             "Sessions that started in the last second"},
    Exported{"max_session_rate", "rate_max", kFrontend | kBackend | kServer, false,
             "Most sessions that started in a second"},
    Exported{"limit_sessions", "slim", kFrontend, false, "Limit of sessions"},
    Exported{"connections_total", "conn_tot", kFrontend, true, "Connections since the start"},
    Exported{"denied_connections_total", "dcon", kFrontend, true, "Clients that may not connect"},
    Exported{"denied_sessions_total", "dses", kFrontend, true, "Clients refused by a limit"},
    Exported{"requests_denied_total", "dreq", kFrontend | kBackend, true,
             "Always 0: there is no HTTP"},
    Exported{"request_errors_total", "ereq", kFrontend, true, "Always 0: there is no HTTP"},
    Exported{"bytes_in_total", "bin", kFrontend | kBackend | kServer, true, "Bytes from clients"},
    Exported{"bytes_out_total", "bout", kFrontend | kBackend | kServer, true, "Bytes to clients"},
    Exported{"current_queue", "qcur", kBackend | kServer, false,
             "Clients held until there is a backend"},
    Exported{"connection_errors_total", "econ", kBackend | kServer, true, "Connects that failed"},
    Exported{"response_errors_total", "eresp", kBackend | kServer, true,
             "Always 0: there is no HTTP"},
    Exported{"retry_warnings_total", "wretr", kBackend | kServer, true, "Always 0: not counted"},
    Exported{"redispatch_warnings_total", "wredis", kBackend | kServer, true,
             "Always 0: not counted"},
    Exported{"client_aborts_total", "cli_abrt", kBackend | kServer, true,
             "Sessions whose client broke off"},
    Exported{"server_aborts_total", "srv_abrt", kBackend | kServer, true,
             "Sessions whose server broke off"},
    Exported{"loadbalanced_total", "lbtot", kBackend | kServer, true,
             "Sessions that were given a member"},
    Exported{"active_servers", "act", kBackend, false, "Members that serve by roles"},
    Exported{"backup_servers", "bck", kBackend, false, "Members that serve by fallback_roles"},
    Exported{"active", "act", kServer, false, "1 unless the member serves by fallback_roles"},
    Exported{"backup", "bck", kServer, false, "1 if the member serves by fallback_roles"},
    Exported{"weight", "weight", kBackend | kServer, false, "Members that serve; 1 for a member"},
    Exported{"uweight", "uweight", kBackend | kServer, false, "Members that serve; 1 for a member"},
    Exported{"downtime_seconds_total", "downtime", kBackend | kServer, true,
             "Seconds in which nothing could be sent there"},
    Exported{"check_code", "check_code", kServer, false, "200 if the member serves, 503 if not"},
};

struct Kind {
    RowKind row;
    unsigned bit;
    const char* prefix;
    std::array<const char*, 5> states;  ///< of the metric `status`; null: no more
};

constexpr std::array kKinds{
    Kind{RowKind::frontend, kFrontend, "haproxy_frontend_", {"DOWN", "UP"}},
    Kind{RowKind::backend, kBackend, "haproxy_backend_", {"DOWN", "UP"}},
    Kind{RowKind::server, kServer, "haproxy_server_", {"DOWN", "UP", "MAINT", "DRAIN", "NOLB"}},
};

void add_status(Metrics& out, const Kind& kind, const StatRow& row, const Labels& labels) {
    const std::string& status = row.value("status");
    for (const char* state : kind.states)
        if (state)
            out.flag("status", "1 for the state that holds", with(labels, "state", state),
                     (status == "OPEN" ? "UP" : status) == state);
}

void add(Metrics& out, const Kind& kind, const StatRow& row) {
    Labels labels = with({}, "proxy", row.proxy);
    if (kind.row == RowKind::server)
        labels = with(labels, "server", row.server);
    for (const auto& exported : kExported) {
        const std::string& value = row.value(exported.column);
        if ((exported.kinds & kind.bit) == 0 || value.empty())
            continue;
        const double number = std::strtod(value.c_str(), nullptr);
        if (exported.counter)
            out.counter(exported.name, exported.help, labels, number);
        else
            out.gauge(exported.name, exported.help, labels, number);
    }
    add_status(out, kind, row, labels);
}

}  // namespace

std::string exporter_text(const ProxyReport& report) {
    const auto rows = stat_rows(report);
    std::string text;
    for (const auto& kind : kKinds) {
        Metrics out(kind.prefix);
        for (const auto& row : rows)
            if (row.kind == kind.row)
                add(out, kind, row);
        text += out.text();
    }
    return text;
}

}  // namespace proxy::haproxy
