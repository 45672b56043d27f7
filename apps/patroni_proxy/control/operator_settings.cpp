#include "patroni_proxy/control/operator_settings.h"

#include <algorithm>
#include <utility>

namespace proxy {
namespace {

bool is_about(const OperatorSetting& setting, Operation operation, const std::string& cluster,
              const std::string& target) {
    return setting.operation == operation && setting.cluster == cluster && setting.target == target;
}

bool is_configured(const OperatorSetting& setting, const Config& config) {
    return std::any_of(config.clusters.begin(), config.clusters.end(),
                       [&](const auto& cluster) { return cluster.name == setting.cluster; });
}

/// Removes and returns the settings that fit.
template <typename Fits>
std::vector<OperatorSetting> take_if(std::vector<OperatorSetting>& settings, Fits fits) {
    const auto taken = std::stable_partition(settings.begin(), settings.end(),
                                             [&](const auto& each) { return !fits(each); });
    std::vector<OperatorSetting> result(std::make_move_iterator(taken),
                                        std::make_move_iterator(settings.end()));
    settings.erase(taken, settings.end());
    return result;
}

std::string_view participle_of(Operation operation) {
    switch (operation) {
        case Operation::drain:
            return "drained";
    }
    return {};
}

}  // namespace

std::string_view name_of(Operation operation) {
    switch (operation) {
        case Operation::drain:
            return "drain";
    }
    return {};
}

std::string OperatorSetting::subject() const {
    return target.empty() ? cluster : cluster + "/" + target;
}

std::string OperatorSetting::reason() const {
    return std::string(participle_of(operation)) + " by " + by + (why.empty() ? "" : ": " + why);
}

const OperatorSetting* OperatorSettings::find(Operation operation, const std::string& cluster,
                                              const std::string& target) const {
    const auto found = std::find_if(
        settings_.begin(), settings_.end(),
        [&](const OperatorSetting& each) { return is_about(each, operation, cluster, target); });
    return found == settings_.end() ? nullptr : &*found;
}

void OperatorSettings::set(OperatorSetting setting) {
    lift(setting.operation, setting.cluster, setting.target);
    settings_.push_back(std::move(setting));
}

bool OperatorSettings::lift(Operation operation, const std::string& cluster,
                            const std::string& target) {
    return std::erase_if(settings_, [&](const OperatorSetting& each) {
               return is_about(each, operation, cluster, target);
           }) != 0;
}

std::vector<OperatorSetting> OperatorSettings::take_expired(
    OperatorSetting::Clock::time_point now) {
    return take_if(settings_, [&](const OperatorSetting& each) {
        return each.expires && *each.expires <= now;
    });
}

std::vector<OperatorSetting> OperatorSettings::take_removed(const Config& config) {
    return take_if(settings_,
                   [&](const OperatorSetting& each) { return !is_configured(each, config); });
}

std::optional<OperatorSetting::Clock::time_point> OperatorSettings::next_expiry() const {
    std::optional<OperatorSetting::Clock::time_point> next;
    for (const auto& setting : settings_)
        if (setting.expires && (!next || *setting.expires < *next))
            next = setting.expires;
    return next;
}

Overrides OperatorSettings::overrides_of(const std::string& cluster) const {
    Overrides overrides;
    for (const auto& setting : settings_)
        if (setting.cluster == cluster && setting.operation == Operation::drain)
            overrides.drained[setting.target] = setting.reason();
    return overrides;
}

std::vector<OperatorReport> OperatorSettings::report_of(const std::string& cluster) const {
    std::vector<OperatorReport> report;
    for (const auto& setting : settings_)
        if (setting.cluster == cluster)
            report.push_back({.setting = std::string(name_of(setting.operation)),
                              .member = setting.target,
                              .why = setting.why,
                              .by = setting.by,
                              .since = setting.since,
                              .until = setting.until});
    return report;
}

}  // namespace proxy
