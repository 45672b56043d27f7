#include "patroni_proxy/haproxy/stats/info_text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <unistd.h>

#include "patroni_proxy/haproxy/stats/stat_rows.h"

namespace proxy::haproxy {
namespace {

std::string host_name() {
    std::array<char, 256> name{};
    if (::gethostname(name.data(), name.size() - 1) != 0 || name.front() == '\0')
        return "localhost";
    return haproxy_name(name.data());
}

/// Since this process started; HAProxy's figure is of the last second.
std::uint64_t idle_percent(const ProxyReport& report) {
    timespec cpu{};
    const double lived =
        std::min(report.uptime, report.started_at + report.uptime - report.usage.started_at);
    if (::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu) != 0 || lived <= 0)
        return 100;
    const double available = lived * std::max(1U, report.workers);
    const double busy = static_cast<double>(cpu.tv_sec) / available;
    return static_cast<std::uint64_t>(100 * std::clamp(1 - busy, 0.0, 1.0));
}

}  // namespace

std::string uptime_text(double seconds) {
    const auto all = static_cast<unsigned long long>(std::max(0.0, seconds));
    std::array<char, 48> text{};
    std::snprintf(text.data(), text.size(), "%llud %lluh%02llum%02llus", all / 86'400,
                  all / 3'600 % 24, all / 60 % 60, all % 60);
    return text.data();
}

std::string info_text(const ProxyReport& report) {
    std::uint64_t queued = 0;
    std::uint64_t served = 0;
    std::uint64_t sent = 0;
    std::uint64_t ports = 0;
    for (const auto& cluster : report.clusters)
        for (const auto& port : cluster.ports) {
            ports += port.listen.size();
            queued += port.queued;
            for (const auto& traffic : port.traffic) {
                served += traffic.sessions_total;
                sent += traffic.bytes_from_backend;
            }
        }
    std::string text;
    const auto line = [&](const char* name, const std::string& value) {
        text.append(name).append(": ").append(value).push_back('\n');
    };
    const auto number = [&](const char* name, std::uint64_t value) {
        line(name, std::to_string(value));
    };
    line("Name", "patroni_proxy");
    line("Version", report.version);
    // HAProxy's tools require a date; patroni_proxy has only a version.
    line("Release_date", "-");
    number("Nbthread", report.workers);
    number("Nbproc", 1);
    number("Process_num", 1);
    number("Pid", static_cast<std::uint64_t>(::getpid()));
    line("Uptime", uptime_text(report.uptime));
    number("Uptime_sec", static_cast<std::uint64_t>(report.uptime));
    number("Ulimit-n", report.max_descriptors);
    number("Maxsock", report.max_descriptors);
    number("Maxconn", report.max_connections);
    number("Hard_maxconn", report.max_connections);
    number("CurrConns", report.sessions);
    number("CumConns", served);
    number("CumReq", served);
    // hatop requires them. Much data is spliced, but nobody counts the workers' pipes here.
    number("Maxpipes", 0);
    number("PipesUsed", 0);
    number("PipesFree", 0);
    number("Tasks", report.sessions);
    number("Run_queue", queued);
    number("Idle_pct", idle_percent(report));
    line("node", host_name());
    number("Stopping", report.draining ? 1 : 0);
    number("Jobs", report.sessions + ports);
    number("Listeners", ports);
    number("DroppedLogs", report.log_lines_dropped);
    number("TotalBytesOut", sent);
    number("Start_time_sec", static_cast<std::uint64_t>(report.started_at));
    return text;
}

}  // namespace proxy::haproxy
