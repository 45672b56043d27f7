#include "daemon/report/tallies.h"

namespace daemons {

void PollReport::note(const patroni::ClusterWatcher::PollResult& round) {
    ++(round.answered ? good : failed);
    last_error = round.errors;
    last_host = round.host;
    last_seconds = round.took.count();
    seconds_total += round.took.count();
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
        report.last_age =
            std::chrono::duration<double>(std::chrono::steady_clock::now() - last_at_).count();
    return report;
}

Json json_of(const PollReport& polls) {
    return Json::object()
        .add("good", polls.good)
        .add("failed", polls.failed)
        .add("last_error", polls.last_error)
        .add("last_host", polls.last_host)
        .add("seconds_total", polls.seconds_total)
        .add("last_seconds", polls.last_seconds);
}

Json json_of(const ReloadReport& reload) {
    return Json::object()
        .add("good", reload.good)
        .add("failed", reload.failed)
        .add("last_age", reload.last_age)
        .add("last_good", reload.last_good)
        .add("last_error", reload.last_error);
}

void add_polls(Metrics& out, const PollReport& polls, const Labels& of_cluster) {
    out.counter("polls_total", "Rounds of asking Patroni, failed ones included", of_cluster,
                polls.good + polls.failed);
    out.counter("polls_failed_total", "Rounds of asking Patroni that gave no answer", of_cluster,
                polls.failed);
    out.counter("polls_seconds_total", "Time that all rounds of asking Patroni took", of_cluster,
                polls.seconds_total);
    out.gauge("poll_last_seconds", "Time that the last round of asking Patroni took", of_cluster,
              polls.last_seconds);
}

void add_reloads(Metrics& out, const ReloadReport& reload) {
    out.counter("reloads_total", "Reloads of the configuration, failed ones included", {},
                reload.good + reload.failed);
    out.counter("reloads_failed_total", "Reloads that failed and changed nothing", {},
                reload.failed);
    out.flag("reload_last_successful", "Whether the last reload was good, or there was none", {},
             reload.last_good);
    out.gauge("reload_age_seconds", "Time since the last reload", {}, reload.last_age);
}

}  // namespace daemons
