#include "patroni_proxy/report/setting_text.h"

#include <map>

#include "daemon/text/words.h"

namespace proxy {

/// A setting of another version of the proxy is called by its own name.
std::string participle_of(const OperatorReport& setting) {
    static const std::map<std::string, std::string> participles{{"drain", "drained"},
                                                                {"cap", "capped"},
                                                                {"hold", "held"},
                                                                {"disable", "disabled"},
                                                                {"freeze", "frozen"}};
    const auto known = participles.find(setting.setting);
    std::string text = known == participles.end() ? setting.setting : known->second;
    if (setting.sessions)
        text.append(" at ").append(daemons::counted(*setting.sessions, "session"));
    if (setting.maintenance)
        text += " for maintenance";
    return text;
}

const OperatorReport* closed_by(const PortReport& port) {
    for (const auto* const name : {"disable", "hold"})
        for (const auto& setting : port.operator_settings)
            if (setting.setting == name)
                return &setting;
    return nullptr;
}

std::string setting_text(const std::string& cluster, const OperatorReport& setting,
                         daemons::TimeZone zone) {
    std::string text = cluster;
    if (!setting.member.empty())
        text.append("/").append(setting.member);
    else if (!setting.port.empty())
        text.append("/").append(setting.port);
    text.append(" is ").append(participle_of(setting));
    if (!setting.member.empty() && !setting.port.empty())
        text.append(" on port ").append(setting.port);
    text.append(" by ").append(setting.by);
    text.append(" since ").append(daemons::time_text(setting.since, zone));
    if (setting.until)
        text.append(", until ").append(daemons::time_text(*setting.until, zone));
    if (!setting.why.empty())
        text.append(": ").append(setting.why);
    return text;
}

}  // namespace proxy
