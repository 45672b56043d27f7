#include "daemon/report/process_report.h"

#include "daemon/log/log.h"
#include "daemon/system/descriptors.h"

namespace daemons {

double seconds_since(std::chrono::steady_clock::time_point time) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - time).count();
}

void ReloadTally::note(const std::string& error) {
    ++(error.empty() ? report_.good : report_.failed);
    report_.last_good = error.empty();
    report_.last_error = error;
    last_at_ = std::chrono::steady_clock::now();
}

ReloadReport ReloadTally::report() const {
    ReloadReport report = report_;
    if (report.good + report.failed > 0)
        report.last_age = seconds_since(last_at_);
    return report;
}

ProcessReport process_report(const std::string& version,
                             std::chrono::steady_clock::time_point started,
                             const ReloadTally& reloads) {
    return {.version = version,
            .uptime = seconds_since(started),
            .descriptors = open_descriptors(),
            .max_descriptors = descriptor_limit(),
            .log_lines_dropped = log::dropped(),
            .log_problem = log::problem(),
            .usage = process_usage(),
            .reload = reloads.report()};
}

Json json_of(const ReloadReport& reload) {
    return Json::object()
        .add("good", reload.good)
        .add("failed", reload.failed)
        .add("last_age", reload.last_age)
        .add("last_good", reload.last_good)
        .add("last_error", reload.last_error);
}

void add_process(Metrics& out, const ProcessReport& report) {
    out.gauge("descriptors_open", "File descriptors in use", {}, report.descriptors);
    out.gauge("descriptors_max", "File descriptors that the process may use", {},
              report.max_descriptors);
    out.counter("log_lines_dropped_total", "Log lines lost because the log could not keep up", {},
                report.log_lines_dropped);
    const ReloadReport& reload = report.reload;
    out.counter("reloads_total", "Reloads of the configuration, including failed ones", {},
                reload.good + reload.failed);
    out.counter("reloads_failed_total", "Reloads that failed and changed nothing", {},
                reload.failed);
    out.flag("reload_last_successful", "1 if the last reload worked or there was none", {},
             reload.last_good);
    out.gauge("reload_age_seconds", "Time since the last reload", {}, reload.last_age);
    out.flag("log_failing", "1 if the last line of the log could not be written", {},
             !report.log_problem.empty());
    const ProcessUsage& usage = report.usage;
    out.counter("process_cpu_seconds_total", "CPU time of all threads", {}, usage.cpu_seconds);
    out.gauge("process_open_fds", "File descriptors in use", {}, report.descriptors);
    out.gauge("process_max_fds", "File descriptors that the process may use", {},
              report.max_descriptors);
    out.gauge("process_virtual_memory_bytes", "Virtual memory", {}, usage.virtual_bytes);
    out.gauge("process_resident_memory_bytes", "Memory that is in RAM", {}, usage.resident_bytes);
    out.gauge("process_start_time_seconds", "Unix time of the start of the process", {},
              usage.started_at);
}

}  // namespace daemons
