#include "patroni_proxy/control/control.h"

#include <algorithm>
#include <utility>

#include "daemon/log/log.h"
#include "daemon/text/utf8.h"

namespace proxy {
namespace {

using Problem = Outcome::Problem;

double unix_time() {
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch())
        .count();
}

std::string listed(const std::vector<std::string>& names) {
    std::string text;
    for (const auto& name : names)
        text += (text.empty() ? "" : ", ") + name;
    return text;
}

std::string describe(Operation operation) {
    switch (operation) {
        case Operation::drain:
            return "gets no new sessions; those it has stay";
    }
    return {};
}

std::string describe_end(Operation operation) {
    switch (operation) {
        case Operation::drain:
            return "gets new sessions again, as far as Patroni's answers allow";
    }
    return {};
}

std::string lasting(const SettingTerms& terms) {
    return terms.lasts_for ? " for " + std::to_string(terms.lasts_for->count()) + " s" : "";
}

}  // namespace

Control::Control(net::EventLoop& loop, Controlled& proxy)
    : proxy_(proxy), expiry_(loop.timers(), [this] { on_expiry(); }) {}

Outcome Control::drain(const std::string& cluster, const std::string& member,
                       const DrainTerms& terms, const Caller& caller) {
    if (auto refused = refuse_unknown_member(cluster, member))
        return *refused;
    return set(Operation::drain, cluster, member, terms, caller);
}

Outcome Control::ready(const std::string& cluster, const std::string& member,
                       const Caller& caller) {
    // A member that is drained may be gone from Patroni's answer by now.
    if (!settings_.find(Operation::drain, cluster, member))
        if (auto refused = refuse_unknown_member(cluster, member))
            return *refused;
    return lift(Operation::drain, cluster, member, caller);
}

void Control::on_reload() {
    for (const auto& setting : settings_.take_removed(proxy_.config()))
        daemons::log::info(setting.subject() + ": no longer " + setting.reason() +
                           ": it is not in the configuration any more");
    arm_expiry();
}

Outcome Control::set(Operation operation, const std::string& cluster, const std::string& target,
                     const SettingTerms& terms, const Caller& caller) {
    OperatorSetting setting{.operation = operation,
                            .cluster = cluster,
                            .target = target,
                            .why = daemons::one_line(terms.why, daemons::kLongestReason),
                            .by = caller.name,
                            .since = unix_time()};
    const OperatorSetting* before = settings_.find(operation, cluster, target);
    if (before && before->why == setting.why && !before->until && !terms.lasts_for)
        return {Problem::none, false, before->subject() + " is already " + before->reason()};
    if (terms.lasts_for) {
        setting.until = setting.since + static_cast<double>(terms.lasts_for->count());
        setting.expires = OperatorSetting::Clock::now() + *terms.lasts_for;
    }
    daemons::log::info(setting.subject() + ": " + setting.reason() + lasting(terms));
    const std::string message = setting.subject() + " " + describe(operation) + lasting(terms);
    settings_.set(std::move(setting));
    put_in_force();
    return {Problem::none, true, message};
}

Outcome Control::lift(Operation operation, const std::string& cluster, const std::string& target,
                      const Caller& caller) {
    const OperatorSetting* before = settings_.find(operation, cluster, target);
    if (!before) {
        const OperatorSetting none{.operation = operation, .cluster = cluster, .target = target};
        return {Problem::none, false,
                none.subject() + " is not under " + std::string(name_of(operation))};
    }
    daemons::log::info(before->subject() + ": no longer " + before->reason() + "; lifted by " +
                       caller.name);
    const std::string message = before->subject() + " " + describe_end(operation);
    settings_.lift(operation, cluster, target);
    put_in_force();
    return {Problem::none, true, message};
}

void Control::put_in_force() {
    arm_expiry();
    proxy_.use_operator_settings();
}

void Control::arm_expiry() {
    expiry_.cancel();
    if (const auto next = settings_.next_expiry())
        expiry_.arm(std::max(*next - OperatorSetting::Clock::now(),
                             OperatorSetting::Clock::duration::zero()));
}

void Control::on_expiry() {
    const auto expired = settings_.take_expired(OperatorSetting::Clock::now());
    for (const auto& setting : expired)
        daemons::log::info(setting.subject() + ": no longer " + setting.reason() +
                           "; its time is over");
    put_in_force();
}

const ClusterConfig* Control::find_cluster(const std::string& name) const {
    const auto& clusters = proxy_.config().clusters;
    const auto found = std::find_if(clusters.begin(), clusters.end(),
                                    [&](const auto& cluster) { return cluster.name == name; });
    return found == clusters.end() ? nullptr : &*found;
}

std::optional<Outcome> Control::refuse_unknown_cluster(const std::string& cluster) const {
    if (find_cluster(cluster))
        return std::nullopt;
    std::vector<std::string> names;
    for (const auto& each : proxy_.config().clusters)
        names.push_back(each.name);
    return Outcome{Problem::unknown_name, false,
                   "no cluster " + cluster + "; the configuration has " +
                       (names.empty() ? "none" : listed(names))};
}

std::optional<Outcome> Control::refuse_unknown_member(const std::string& cluster,
                                                      const std::string& member) const {
    if (auto refused = refuse_unknown_cluster(cluster))
        return refused;
    const auto members = proxy_.members_of(cluster);
    if (members.empty())
        return Outcome{
            Problem::conflict, false,
            "no member of cluster " + cluster + " is known: Patroni has not answered yet"};
    if (std::find(members.begin(), members.end(), member) != members.end())
        return std::nullopt;
    return Outcome{
        Problem::unknown_name, false,
        "no member " + member + " in cluster " + cluster + "; it has " + listed(members)};
}

}  // namespace proxy
