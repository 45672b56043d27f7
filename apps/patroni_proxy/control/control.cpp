#include "patroni_proxy/control/control.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "daemon/system/unix_time.h"
#include "daemon/text/units.h"
#include "daemon/text/utf8.h"
#include "daemon/text/words.h"

namespace proxy {
namespace {

using Problem = Outcome::Problem;
using daemons::log::Level;

constexpr std::chrono::minutes kReminder{1};

/// What a client or operator notices once it is set; `lasting` is " for 2 h", or empty.
std::string effect_of(const OperatorSetting& setting, const std::string& lasting) {
    switch (setting.subject.operation) {
        case Operation::drain:
            return "gets no new sessions" + lasting + "; those it has stay";
        case Operation::cap:
            return "gets no new session" + lasting + " while it has " +
                   std::to_string(setting.sessions.value_or(0)) + " or more; those it has stay";
        case Operation::hold:
            return "lets new clients wait" + lasting + "; its sessions stay";
        case Operation::disable:
            return "refuses new clients" + lasting + "; its sessions stay";
        case Operation::freeze:
            return "keeps its routing as it is" + lasting + ", whatever Patroni says";
    }
    return {};
}

/// "; nobody else serves main/master", for every port that only this member serves.
std::string ports_left_alone(const ProxyReport& report, const std::string& cluster,
                             const std::string& member, const std::optional<std::string>& on_port) {
    std::vector<std::string> names;
    for (const auto& each : report.clusters)
        for (const auto& port : each.ports) {
            const auto serves = [&](const MemberStanding& standing, bool this_one) {
                return standing.standing == patroni::Standing::eligible &&
                       (standing.member == member) == this_one;
            };
            const auto any = [&](bool this_one) {
                return std::any_of(
                    port.members.begin(), port.members.end(),
                    [&](const auto& standing) { return serves(standing, this_one); });
            };
            if (each.name == cluster && port.name == on_port.value_or(port.name) && any(true) &&
                !any(false))
                names.push_back(cluster + "/" + port.name);
        }
    return names.empty() ? "" : "; nobody else serves " + daemons::joined(names, " and ");
}

std::string effect_of_end(Operation operation) {
    switch (operation) {
        case Operation::drain:
            return "gets new sessions again, as far as Patroni's answers allow";
        case Operation::cap:
            return "no longer has a cap";
        case Operation::hold:
            return "serves its clients again";
        case Operation::disable:
            return "takes new clients again";
        case Operation::freeze:
            return "follows Patroni again";
    }
    return {};
}

std::string negation_of(Operation operation) {
    switch (operation) {
        case Operation::drain:
            return "is not drained";
        case Operation::cap:
            return "has no cap";
        case Operation::hold:
            return "is not held";
        case Operation::disable:
            return "is not disabled";
        case Operation::freeze:
            return "is not frozen";
    }
    return {};
}

std::string lasting(const SettingTerms& terms) {
    return terms.lasts_for ? " for " + daemons::duration_text(*terms.lasts_for) : "";
}

std::string pace_of(const DrainPace& pace) {
    std::array<char, 32> rate{};
    std::snprintf(rate.data(), rate.size(), "%.3g", pace.rate);
    const std::string text = std::string("at most ") + rate.data() + " per second";
    return pace.within
               ? text + ", those in a transaction after " + daemons::duration_text(*pace.within)
               : text + ", except those in a transaction or encrypted";
}

Outcome unchanged(const std::string& message) {
    return {Problem::none, false, message};
}

}  // namespace

Control::Control(net::EventLoop& loop, Controlled& proxy)
    : proxy_(proxy),
      expiry_(loop.timers(), [this] { on_expiry(); }),
      reminder_(loop.timers(), [this] { remind_of_freezes(); }) {}

Outcome Control::drain(const std::string& cluster, const std::string& member,
                       const std::optional<std::string>& port, const DrainTerms& terms,
                       const Caller& caller) {
    if (auto refused = refuse_unknown_member(cluster, member))
        return *refused;
    if (auto refused = port ? refuse_unknown_port(cluster, *port) : Refusal())
        return *refused;
    if (port && terms.pace)
        return {Problem::bad_value, false,
                "a drain on one port ends no sessions: leave out either the port, or rate and "
                "within"};
    const std::string left_alone = ports_left_alone(proxy_.report(), cluster, member, port);
    Outcome outcome = set({.subject = {Operation::drain, cluster, member, port.value_or("")},
                           .maintenance = terms.maintenance},
                          terms, caller);
    if (!outcome.ok())
        return outcome;
    if (!terms.pace) {
        if (!port)
            proxy_.keep_sessions(cluster, member);  // as the answer says
        outcome.message += left_alone;
        return outcome;
    }
    proxy_.end_sessions(cluster, member, *terms.pace, member + " is drained by " + caller.name);
    return {Problem::none, true,
            cluster + "/" + member + " gets no new sessions" + lasting(terms) +
                "; those it has end, " + pace_of(*terms.pace) + left_alone};
}

Outcome Control::ready(const std::string& cluster, const std::string& member,
                       const std::optional<std::string>& port, const Caller& caller) {
    const Subject on_port{Operation::drain, cluster, member, port.value_or("")};
    auto drains = settings_.drains_of(cluster, member);
    // A member that is drained may be gone from Patroni's answer by now.
    if (drains.empty())
        if (auto refused = refuse_unknown_member(cluster, member))
            return *refused;
    if (!port)
        return lift(drains.empty() ? std::vector{on_port} : drains, caller);
    if (auto refused = refuse_unknown_port(cluster, *port))
        return *refused;
    const auto* everywhere = settings_.find({Operation::drain, cluster, member, {}});
    if (everywhere && !settings_.find(on_port))
        return {Problem::conflict, false,
                everywhere->subject.text() + " is " + everywhere->reason() +
                    " on all ports; make it ready on all ports first"};
    return lift({on_port}, caller);
}

Outcome Control::cap(const std::string& cluster, const std::string& member,
                     std::optional<std::uint32_t> sessions, const SettingTerms& terms,
                     const Caller& caller) {
    const Subject subject{Operation::cap, cluster, member, {}};
    if (!sessions && settings_.find(subject))
        return lift({subject}, caller);
    if (auto refused = refuse_unknown_member(cluster, member))
        return *refused;
    if (!sessions)
        return lift({subject}, caller);
    if (*sessions >= kNoCap)
        return {Problem::bad_value, false, "a cap must be less than 4294967295"};
    if (*sessions == 0)
        return {Problem::bad_value, false,
                "a cap must be at least 1; to let no new session in, drain the member"};
    return set({.subject = subject, .sessions = sessions}, terms, caller);
}

Outcome Control::hold(const std::string& cluster, const std::string& port,
                      const SettingTerms& terms, const Caller& caller) {
    if (auto refused = refuse_unknown_port(cluster, port))
        return *refused;
    SettingTerms limited = terms;
    limited.lasts_for = terms.lasts_for.value_or(kHold);
    if (*limited.lasts_for > kLongestHold)
        return {Problem::bad_value, false,
                "a port can be held for an hour at most: its clients wait meanwhile"};
    return set({.subject = {Operation::hold, cluster, {}, port}}, limited, caller);
}

Outcome Control::release(const std::string& cluster, const std::string& port,
                         const Caller& caller) {
    if (auto refused = refuse_unknown_port(cluster, port))
        return *refused;
    return lift({{Operation::hold, cluster, {}, port}}, caller);
}

Outcome Control::disable(const std::string& cluster, const std::string& port,
                         const SettingTerms& terms, const Caller& caller) {
    if (auto refused = refuse_unknown_port(cluster, port))
        return *refused;
    return set({.subject = {Operation::disable, cluster, {}, port}}, terms, caller);
}

Outcome Control::enable(const std::string& cluster, const std::string& port, const Caller& caller) {
    if (auto refused = refuse_unknown_port(cluster, port))
        return *refused;
    return lift({{Operation::disable, cluster, {}, port}}, caller);
}

Outcome Control::freeze(const std::string& cluster, const SettingTerms& terms,
                        const Caller& caller) {
    if (auto refused = refuse_unknown_cluster(cluster))
        return *refused;
    const Subject subject{Operation::freeze, cluster, {}, {}};
    // One that is frozen already stays as it was frozen: only the terms change.
    if (const std::string why = settings_.find(subject) ? "" : proxy_.why_not_frozen(cluster);
        !why.empty())
        return {Problem::conflict, false, "cluster " + cluster + " cannot be frozen now: " + why};
    return set({.subject = subject}, terms, caller);
}

Outcome Control::unfreeze(const std::string& cluster, const Caller& caller) {
    if (auto refused = refuse_unknown_cluster(cluster))
        return *refused;
    return lift({{Operation::freeze, cluster, {}, {}}}, caller);
}

void Control::tell(Level level, std::string_view event, const Subject& subject,
                   const std::string& message) {
    const std::string place =
        subject.port.empty() ? subject.cluster : subject.cluster + "/" + subject.port;
    daemons::log::write(level, {event, place, subject.member}, message);
}

Outcome Control::set_log_level(daemons::log::Level level, const Caller& caller) {
    const std::string name(daemons::log::name_of(level));
    if (proxy_.log_level() == level)
        return unchanged("the log level is " + name + " already");
    proxy_.set_log_level(level);
    const std::string message = "the log level is " + name + " until the next reload or restart";
    daemons::log::warning({"log_level_set"}, message + "; set by " + caller.name);
    proxy_.note_action({{}, {}, message, caller.name});
    return {Problem::none, true, message};
}

void Control::close_sessions(const SessionFilter& filter, const Caller& caller,
                             std::function<void(std::size_t closed)> done) {
    proxy_.close_sessions(
        filter, "closed by " + caller.name,
        [this, by = caller.name, done = std::move(done)](std::size_t closed) {
            const std::string what = std::to_string(closed) + " sessions closed by " + by;
            daemons::log::info({"sessions_closed"}, what, {{"sessions", closed}, {"by", by}});
            if (closed > 0)  // else nothing was changed, and the history tells of changes only
                proxy_.note_action({{}, {}, what, by});
            done(closed);
        });
}

/// Of a drain that is over.
void Control::forget_pace(const Subject& subject) {
    if (subject.operation == Operation::drain && subject.port.empty())
        proxy_.keep_sessions(subject.cluster, subject.member);
}

void Control::restore(std::vector<OperatorSetting> settings) {
    for (auto& setting : settings) {
        const auto& subject = setting.subject;
        // What is over ends as always, once the configuration is in force.
        if (!setting.expires || *setting.expires > OperatorSetting::Clock::now())
            daemons::log::info({"operator_setting_restored", subject.cluster, subject.member},
                               subject.text() + ": still " + setting.reason() + setting.times());
        settings_.set(std::move(setting));
    }
    if (!settings.empty())
        remind_of_freezes();
}

void Control::upgrade(const Caller& caller, std::function<void(const Outcome&)> done) {
    daemons::log::info({"upgrade_requested"}, "upgrade asked for by " + caller.name);
    proxy_.start_upgrade(caller.name, std::move(done));
}

Control::Refusal Control::refuse_during_upgrade() const {
    if (!proxy_.is_upgrading())
        return std::nullopt;
    return Outcome{Problem::conflict, false, "an upgrade is under way: try again in a moment"};
}

Outcome Control::set(OperatorSetting setting, const SettingTerms& terms, const Caller& caller) {
    if (auto refused = refuse_during_upgrade())
        return *refused;
    setting.why = daemons::one_line(terms.why, daemons::kLongestReason);
    setting.by = caller.name;
    setting.since = daemons::unix_now();
    const std::string subject = setting.subject.text();
    const OperatorSetting* before = settings_.find(setting.subject);
    if (before && before->why == setting.why && before->sessions == setting.sessions &&
        before->maintenance == setting.maintenance && !before->until && !terms.lasts_for)
        return unchanged(subject + " is already " + before->reason());
    if (terms.lasts_for) {
        setting.until = setting.since + static_cast<double>(terms.lasts_for->count());
        setting.expires = OperatorSetting::Clock::now() + *terms.lasts_for;
    }
    tell(Level::info, "operator_setting_made", setting.subject,
         subject + ": " + setting.reason() + lasting(terms));
    proxy_.note_action(
        {setting.subject.cluster, subject, setting.reason() + lasting(terms), caller.name});
    const std::string message = subject + " " + effect_of(setting, lasting(terms));
    const bool freezes = setting.subject.operation == Operation::freeze;
    settings_.set(std::move(setting));
    put_in_force();
    if (freezes)
        remind_of_freezes();
    return {Problem::none, true, message};
}

Outcome Control::lift(const std::vector<Subject>& subjects, const Caller& caller) {
    if (auto refused = refuse_during_upgrade())
        return *refused;
    const Subject& first = subjects.front();
    bool changed = false;
    for (const auto& subject : subjects) {
        const OperatorSetting* before = settings_.find(subject);
        if (!before)
            continue;
        const std::string what = "no longer " + before->reason() + "; lifted by " + caller.name;
        tell(Level::info, "operator_setting_lifted", subject, subject.text() + ": " + what);
        proxy_.note_action({subject.cluster, subject.text(), what, caller.name});
        changed |= settings_.lift(subject, OperatorSetting::Clock::now());
        forget_pace(subject);
    }
    if (!changed)
        return unchanged(first.text() + " " + negation_of(first.operation));
    put_in_force();
    return {Problem::none, true, first.text() + " " + effect_of_end(first.operation)};
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
    for (const auto& setting : settings_.take_expired(OperatorSetting::Clock::now())) {
        const std::string what = "no longer " + setting.reason() + "; its time is over";
        const std::string message = setting.subject.text() + ": " + what;
        proxy_.note_action({setting.subject.cluster, setting.subject.text(), what, setting.by});
        forget_pace(setting.subject);
        // Nobody may have released the port because something went wrong.
        if (setting.subject.operation == Operation::hold)
            tell(Level::warning, "operator_setting_expired", setting.subject,
                 message + ": its clients go on");
        else
            tell(Level::info, "operator_setting_expired", setting.subject, message);
    }
    put_in_force();
}

void Control::remind_of_freezes() {
    const auto frozen = settings_.frozen();
    for (const auto& setting : frozen)
        tell(Level::warning, "cluster_frozen", setting.subject,
             setting.subject.text() + ": " + setting.reason() +
                 ": routing ignores what Patroni says until it is unfrozen");
    if (frozen.empty())
        reminder_.cancel();
    else
        reminder_.arm(kReminder);
}

}  // namespace proxy
