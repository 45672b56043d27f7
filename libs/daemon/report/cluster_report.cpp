#include "daemon/report/cluster_report.h"

#include "daemon/report/process_report.h"
#include "daemon/system/unix_time.h"

namespace daemons {
namespace {

MemberReport report_of(const patroni::Member& member, const patroni::ClusterView& view) {
    MemberReport report{.name = member.name,
                        .role = member.role_name,
                        .state = member.state_name,
                        .host = member.host,
                        .port = member.port,
                        .timeline = member.timeline,
                        .lag = member.lag,
                        .tags = member.tags,
                        .up = patroni::serves(member.state),
                        .leads = member.name == view.leader.member,
                        .dcs_last_seen_age = {},
                        .since = {}};
    if (const auto seen = view.dcs_last_seen.find(member.name); seen != view.dcs_last_seen.end())
        report.dcs_last_seen_age = unix_now() - static_cast<double>(seen->second);
    return report;
}

}  // namespace

void PollReport::note(const patroni::ClusterWatcher::PollResult& poll) {
    ++(poll.answered ? good : failed);
    last_error = poll.errors;
    last_host = poll.host;
    last_seconds = poll.took.count();
    seconds_total += poll.took.count();
    if (poll.answered)
        time.note(poll.took.count());
}

void PollReport::add(const PollReport& later) {
    if (later.good + later.failed == 0)
        return;
    good += later.good;
    failed += later.failed;
    last_error = later.last_error;
    last_host = later.last_host;
    last_seconds = later.last_seconds;
    seconds_total += later.seconds_total;
    time += later.time;
}

ClusterReport cluster_report(const std::string& name, const patroni::ClusterView& view,
                             const PollReport& polls, const LeaderCounts& leaders) {
    ClusterReport report;
    report.name = name;
    report.polls = polls;
    report.leaders = leaders;
    report.leader = view.leader.member;
    report.leader_reason = view.leader.reason;
    report.warnings = view.warnings;
    if (!view.snapshot)
        return report;
    report.answer_age = seconds_since(view.answered_at);
    report.paused = view.snapshot->paused;
    for (const auto& member : view.snapshot->members)
        report.members.push_back(report_of(member, view));
    return report;
}

Json json_of(const PollReport& polls) {
    return Json::object()
        .add("good", polls.good)
        .add("failed", polls.failed)
        .add("last_error", polls.last_error)
        .add("last_host", polls.last_host.empty() ? Json() : Json::of(polls.last_host))
        .add("seconds_total", polls.seconds_total)
        .add("last_seconds", polls.last_seconds);
}

Json json_of(const MemberReport& member) {
    return Json::object()
        .add("name", member.name)
        .add("role", member.role)
        .add("state", member.state)
        .add("host", member.host)
        .add("port", member.port)
        .add("timeline", member.timeline)
        .add("lag", member.lag)
        .add("tags", member.tags)
        .add("up", member.up)
        .add("leads", member.leads)
        .add("dcs_last_seen_age", member.dcs_last_seen_age);
}

void add_cluster(Metrics& out, const ClusterReport& cluster, const Labels& of_cluster) {
    const PollReport& polls = cluster.polls;
    out.counter("polls_total", "Polls of Patroni, including failed ones", of_cluster,
                polls.good + polls.failed);
    out.counter("polls_failed_total", "Polls that no host of the cluster answered", of_cluster,
                polls.failed);
    out.counter("polls_seconds_total", "Time spent in all polls", of_cluster, polls.seconds_total);
    out.gauge("poll_last_seconds", "Time spent in the last poll", of_cluster, polls.last_seconds);
    out.histogram("poll_duration_seconds", "Time until Patroni answered a poll", of_cluster,
                  polls.time);
    out.counter("cluster_leader_changes_total", "Times that another member became leader",
                of_cluster, cluster.leaders.changes);
    out.counter("cluster_leaderless_seconds_total", "Time without a known leader", of_cluster,
                cluster.leaders.leaderless_seconds);
    out.histogram("cluster_leaderless_duration_seconds",
                  "How long the cluster had no known leader, counted when that ends", of_cluster,
                  cluster.leaders.leaderless_time);
    out.flag("cluster_leader_known", "1 if a member is known to lead", of_cluster,
             !cluster.leader.empty());
    out.flag("cluster_paused", "1 if Patroni is paused (maintenance mode)", of_cluster,
             cluster.paused);
    out.gauge("cluster_members", "Members in Patroni's answer", of_cluster,
              std::uint64_t{cluster.members.size()});
    out.gauge("cluster_warnings", "Warnings about the cluster in /status", of_cluster,
              std::uint64_t{cluster.warnings.size()});
}

}  // namespace daemons
