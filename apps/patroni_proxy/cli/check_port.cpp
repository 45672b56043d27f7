#include "patroni_proxy/cli/check_port.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <vector>

#include "daemon/text/utf8.h"
#include "daemon/text/words.h"
#include "patroni_proxy/cli/tables/explanation.h"
#include "patroni_proxy/report/serving.h"
#include "patroni_proxy/report/setting_text.h"

namespace proxy::cli {
namespace {

using daemons::TimeZone;

/// As text without `|`, which begins the performance data.
std::string plain(const std::string& text) {
    std::string line = daemons::one_line(text, daemons::kLongestReason);
    std::replace(line.begin(), line.end(), '|', '/');
    return line;
}

class Findings {
  public:
    void add(Alarm alarm, const std::string& text) {
        alarm_ = std::max(alarm_, alarm);
        texts_.push_back(text);
    }
    [[nodiscard]] Alarm alarm() const { return alarm_; }
    [[nodiscard]] std::string text() const { return daemons::joined(texts_, "; "); }

  private:
    Alarm alarm_ = Alarm::ok;
    std::vector<std::string> texts_;
};

void check_members(Findings& findings, const ClusterReport& cluster, const PortReport& port) {
    const auto serving = who_serves(port);
    if (serving.empty())
        return findings.add(Alarm::critical, "nobody serves: " + why_nobody_serves(cluster, port));
    const auto* const closed = closed_by(port);
    if (closed && closed->setting == "disable")
        return findings.add(Alarm::critical, "new clients are refused");
    findings.add(closed || port.falls_back ? Alarm::warning : Alarm::ok,
                 (closed ? "new clients wait until " : "") + daemons::joined(serving) +
                     (closed                ? " may serve them"
                      : serving.size() == 1 ? " serves"
                                            : " serve") +
                     (port.falls_back ? " by fallback_roles" : ""));
}

/// With its maximum, if it has one.
std::string value(const std::string& label, std::uint64_t number, std::uint64_t limit = 0) {
    return label + "=" + std::to_string(number) + ";;;0" +
           (limit == 0 ? "" : ";" + std::to_string(limit));
}

std::string performance_of(const PortReport& port) {
    std::uint64_t refused = 0;
    for (const auto& [reason, count] : port.refused)
        refused += count;
    const auto eligible = std::count_if(
        port.members.begin(), port.members.end(),
        [](const auto& member) { return member.standing == patroni::Standing::eligible; });
    return value("sessions", port.sessions, port.max_connections) + " " +
           value("held", port.queued, port.max_queued) + " " +
           value("eligible", static_cast<std::uint64_t>(eligible)) +
           " refused=" + std::to_string(refused) + "c";
}

}  // namespace

std::string name_of(Alarm alarm) {
    constexpr std::array kNames{"OK", "WARNING", "CRITICAL", "UNKNOWN"};
    return kNames.at(static_cast<std::size_t>(alarm));
}

std::string PortCheck::line() const {
    return name_of(alarm) + " - " + plain(text) + (performance.empty() ? "" : " | " + performance);
}

PortCheck check_port(const ProxyReport& report, const Name& name) {
    for (const auto& cluster : report.clusters) {
        for (const auto& port : cluster.ports) {
            if (cluster.name != name.cluster || port.name != name.name)
                continue;
            Findings findings;
            if (report.draining)
                findings.add(Alarm::critical, "patroni_proxy drains and listens no longer");
            check_members(findings, cluster, port);
            // Not critical: to move the address elsewhere would end the sessions that fill it.
            if (const std::string full = why_full(report, cluster, port); !full.empty())
                findings.add(Alarm::warning, "no place for a new client: " + full);
            if (port.queued > 0)
                findings.add(Alarm::warning,
                             std::to_string(port.queued) +
                                 (port.queued == 1 ? " client is held" : " clients are held"));
            for (const auto& setting : port.operator_settings)
                findings.add(setting.setting == "disable" ? Alarm::critical : Alarm::warning,
                             setting_text(cluster.name, setting, TimeZone::local));
            for (const auto& setting : cluster.operator_settings)
                findings.add(Alarm::warning, setting_text(cluster.name, setting, TimeZone::local));
            return {findings.alarm(), name.text() + ": " + findings.text(), performance_of(port)};
        }
    }
    throw std::runtime_error("no port " + name.text());
}

}  // namespace proxy::cli
