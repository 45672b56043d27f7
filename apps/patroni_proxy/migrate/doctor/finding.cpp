#include "patroni_proxy/migrate/doctor/finding.h"

#include <algorithm>
#include <map>
#include <optional>

#include "daemon/text/json.h"
#include "daemon/text/utf8.h"

namespace proxy::migrate {

using daemons::Json;

std::string_view name_of(Severity severity) {
    switch (severity) {
        case Severity::critical:
            return "critical";
        case Severity::high:
            return "high";
        case Severity::medium:
            return "medium";
        case Severity::low:
            break;
    }
    return "low";
}

void rank(std::vector<Finding>& findings) {
    std::stable_sort(findings.begin(), findings.end(),
                     [](const Finding& a, const Finding& b) { return a.severity < b.severity; });
}

std::string text_of(const std::vector<Finding>& findings) {
    if (findings.empty())
        return "nothing found\n";
    const auto line = [](const std::string& text) {
        return daemons::one_line(text, daemons::kLongestReason) + "\n";
    };
    std::string out;
    std::map<Severity, std::size_t> counts;
    for (const auto& finding : findings) {
        ++counts[finding.severity];
        const std::string where = finding.section.empty() ? "" : " in " + finding.section;
        out += line(finding.place.text() + ": " + std::string(name_of(finding.severity)) + where +
                    ": " + finding.what + " [" + finding.id + "]");
        out += "    consequence: " + line(finding.consequence);
        out += "    remedy: " + line(finding.remedy);
    }
    std::string summary;
    for (const auto& [severity, count] : counts)
        summary += (summary.empty() ? "" : ", ") + std::to_string(count) + " " +
                   std::string(name_of(severity));
    return out + summary + "\n";
}

std::string json_of(const std::vector<Finding>& findings) {
    Json list = Json::list();
    for (const auto& finding : findings)
        list.append(Json::object()
                        .add("id", finding.id)
                        .add("severity", std::string(name_of(finding.severity)))
                        .add("file", finding.place.file)
                        .add("line", static_cast<unsigned>(finding.place.line))
                        .add("section", finding.section)
                        .add("what", finding.what)
                        .add("consequence", finding.consequence)
                        .add("remedy", finding.remedy));
    const auto worst = findings.empty()
                           ? std::optional<std::string>()
                           : std::optional(std::string(name_of(findings.front().severity)));
    return Json::object().add("worst", worst).add("findings", list).text();
}

int exit_code_of(const std::vector<Finding>& findings) {
    if (findings.empty())
        return 0;
    const auto worst = std::min_element(
        findings.begin(), findings.end(),
        [](const Finding& a, const Finding& b) { return a.severity < b.severity; });
    switch (worst->severity) {
        case Severity::critical:
            return 6;
        case Severity::high:
            return 5;
        case Severity::medium:
            return 4;
        case Severity::low:
            break;
    }
    return 0;
}

}  // namespace proxy::migrate
