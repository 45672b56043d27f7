#include "patroni_proxy/control/operator_settings.h"

#include <algorithm>

#include "daemon/text/units.h"
#include "daemon/text/words.h"

namespace proxy {
namespace {

bool is_about_port(Operation operation) {
    return operation == Operation::hold || operation == Operation::disable;
}

bool is_configured(const Subject& subject, const Config& config) {
    const auto named = [](const auto& name) {
        return [&name](const auto& each) { return each.name == name; };
    };
    const auto& clusters = config.clusters;
    const auto cluster = std::find_if(clusters.begin(), clusters.end(), named(subject.cluster));
    return cluster != clusters.end() &&
           (subject.port.empty() ||
            std::any_of(cluster->ports.begin(), cluster->ports.end(), named(subject.port)));
}

std::string participle_of(const OperatorSetting& setting) {
    switch (setting.subject.operation) {
        case Operation::drain:
            return setting.maintenance ? "drained for maintenance" : "drained";
        case Operation::cap:
            return "capped at " + daemons::counted(setting.sessions.value_or(0), "session");
        case Operation::hold:
            return "held";
        case Operation::disable:
            return "disabled";
        case Operation::freeze:
            return "frozen";
    }
    return {};
}

}  // namespace

std::string_view name_of(Operation operation) {
    switch (operation) {
        case Operation::drain:
            return "drain";
        case Operation::cap:
            return "cap";
        case Operation::hold:
            return "hold";
        case Operation::disable:
            return "disable";
        case Operation::freeze:
            return "freeze";
    }
    return {};
}

std::string Subject::text() const {
    if (member.empty())
        return port.empty() ? cluster : cluster + "/" + port;
    return cluster + "/" + member + (port.empty() ? "" : " on port " + port);
}

std::string OperatorSetting::reason() const {
    return participle_of(*this) + " by " + by + (why.empty() ? "" : ": " + why);
}

std::string OperatorSetting::times() const {
    std::string text = " (since " + daemons::time_text(since, daemons::TimeZone::utc);
    if (until)
        text += ", until " + daemons::time_text(*until, daemons::TimeZone::utc);
    return text + ")";
}

const OperatorSetting* OperatorSettings::find(const Subject& subject) const {
    const auto found = std::find_if(settings_.begin(), settings_.end(),
                                    [&](const auto& each) { return each.subject == subject; });
    return found == settings_.end() ? nullptr : &*found;
}

std::vector<Subject> OperatorSettings::drains_of(const std::string& cluster,
                                                 const std::string& member) const {
    std::vector<Subject> drains;
    for (const auto& setting : settings_)
        if (setting.subject.operation == Operation::drain && setting.subject.cluster == cluster &&
            setting.subject.member == member)
            drains.push_back(setting.subject);
    return drains;
}

std::vector<OperatorSetting> OperatorSettings::frozen() const {
    std::vector<OperatorSetting> frozen;
    for (const auto& setting : settings_)
        if (setting.subject.operation == Operation::freeze)
            frozen.push_back(setting);
    return frozen;
}

void OperatorSettings::set(OperatorSetting setting) {
    std::erase_if(settings_, [&](const auto& each) { return each.subject == setting.subject; });
    settings_.push_back(std::move(setting));
}

bool OperatorSettings::lift(const Subject& subject, Clock::time_point now) {
    const auto* setting = find(subject);
    if (!setting)
        return false;
    note_end(*setting, now);
    std::erase_if(settings_, [&](const auto& each) { return each.subject == subject; });
    return true;
}

void OperatorSettings::note_end(const OperatorSetting& setting, Clock::time_point now) {
    if (setting.subject.operation == Operation::hold)
        holds_ended_[{setting.subject.cluster, setting.subject.port}] = now;
}

std::vector<OperatorSetting> OperatorSettings::take_expired(Clock::time_point now) {
    std::vector<OperatorSetting> expired;
    std::erase_if(settings_, [&](const auto& each) {
        const bool over = each.expires && *each.expires <= now;
        if (over)
            expired.push_back(each);
        return over;
    });
    for (const auto& setting : expired)
        note_end(setting, now);
    return expired;
}

std::vector<OperatorSetting> OperatorSettings::take_removed(const Config& config) {
    std::vector<OperatorSetting> removed;
    std::erase_if(settings_, [&](const auto& each) {
        const bool gone = !is_configured(each.subject, config);
        if (gone)
            removed.push_back(each);
        return gone;
    });
    std::erase_if(holds_ended_, [&](const auto& entry) {
        return !is_configured({.cluster = entry.first.first, .port = entry.first.second}, config);
    });
    return removed;
}

std::optional<OperatorSettings::Clock::time_point> OperatorSettings::next_expiry() const {
    std::optional<Clock::time_point> next;
    for (const auto& setting : settings_)
        if (setting.expires && (!next || *setting.expires < *next))
            next = setting.expires;
    return next;
}

OperatorLimits OperatorSettings::limits_of(const std::string& cluster) const {
    OperatorLimits limits;
    for (const auto& setting : settings_) {
        const Subject& subject = setting.subject;
        if (subject.cluster != cluster)
            continue;
        if (subject.operation == Operation::drain)
            limits.drained[{subject.member, subject.port}] = setting.reason();
        else if (subject.operation == Operation::cap)
            limits.caps[subject.member] = setting.sessions.value_or(0);
        else if (subject.operation == Operation::freeze)
            limits.frozen = setting.reason();
    }
    return limits;
}

PortSettings OperatorSettings::settings_of(const std::string& cluster,
                                           const PortConfig& port) const {
    PortSettings settings = port.settings;
    const auto reason_for = [&](Operation operation) -> std::optional<std::string> {
        const auto* setting = find({operation, cluster, {}, port.name});
        if (!setting)
            return std::nullopt;
        return setting->reason() + setting->times();
    };
    settings.held = reason_for(Operation::hold);
    settings.disabled = reason_for(Operation::disable);
    if (const auto ended = holds_ended_.find({cluster, port.name}); ended != holds_ended_.end())
        settings.hold_ended = ended->second;
    return settings;
}

std::vector<OperatorReport> OperatorSettings::report_of(const std::string& cluster,
                                                        const std::string& port) const {
    std::vector<OperatorReport> report;
    for (const auto& setting : settings_) {
        const Subject& subject = setting.subject;
        if (subject.cluster == cluster &&
            (is_about_port(subject.operation) ? subject.port : std::string()) == port)
            report.push_back({.setting = std::string(name_of(subject.operation)),
                              .member = subject.member,
                              .port = subject.port,
                              .why = setting.why,
                              .by = setting.by,
                              .since = setting.since,
                              .until = setting.until,
                              .sessions = setting.sessions,
                              .maintenance = setting.maintenance});
    }
    return report;
}

}  // namespace proxy
