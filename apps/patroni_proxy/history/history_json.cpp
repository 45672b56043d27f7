#include "patroni_proxy/history/history_json.h"

#include <optional>

#include "daemon/text/iso_time.h"

namespace proxy::history {
namespace {

using daemons::iso_time;
using daemons::Json;

std::optional<std::string> known(const std::string& text) {
    return text.empty() ? std::nullopt : std::optional(text);
}

double seconds_of(Clock::duration duration) {
    return std::chrono::duration<double>(duration).count();
}

Json json_of(const Step& step, const Record& record) {
    const double at = record.unix_of(step.at);
    return Json::object()
        .add("at", at)
        .add("at_iso", iso_time(at))
        .add("step", std::string(name_of(step.kind)))
        .add("member", known(step.member))
        .add("port", known(step.port))
        .add("detail", known(step.detail));
}

Json json_of(const PortShare& port, const Record& record) {
    const auto first =
        port.first_session ? std::optional(record.unix_of(*port.first_session)) : std::nullopt;
    return Json::object()
        .add("port", port.port)
        .add("sessions_ended", port.ended)
        .add("clients_held", port.held)
        .add("longest_held", port.longest_held)
        .add("gave_up", port.gave_up)
        .add("refused", port.refused)
        .add("first_session", first)
        .add("first_session_iso", iso_time(first))
        .add("left", port.left)
        .add("joined", port.joined);
}

}  // namespace

Json json_of(const Record& record) {
    const double began = record.unix_of(record.began);
    const auto ended = record.ended ? std::optional(record.unix_of(*record.ended)) : std::nullopt;
    const PortShare total = total_of(record);
    Json steps = Json::list();
    for (const auto& step : record.steps)
        steps.append(json_of(step, record));
    Json ports = Json::list();
    for (const auto& port : record.ports)
        ports.append(json_of(port, record));
    return Json::object()
        .add("id", record.id == 0 ? std::nullopt : std::optional(record.id))
        .add("cluster", known(record.cluster))
        .add("kind", std::string(name_of(record.kind)))
        .add("cause", std::string(name_of(record.cause)))
        .add("words", record.words)
        .add("summary", record.summary)
        .add("began", began)
        .add("began_iso", iso_time(began))
        .add("ended", ended)
        .add("ended_iso", iso_time(ended))
        .add("leader_before", known(record.from))
        .add("leader_after", known(record.to))
        .add("no_leader_seconds", seconds_of(record.leaderless))
        .add("paused", record.paused)
        .add("sessions_ended", total.ended)
        .add("clients_held", total.held)
        .add("longest_held", total.longest_held)
        .add("gave_up", total.gave_up)
        .add("refused", total.refused_in_all())
        .add("by", known(record.by))
        .add("steps", steps)
        .add("steps_left_out", record.steps_left_out)
        .add("ports", ports);
}

std::string history_json(const std::vector<RecordPtr>& records, const std::string& cluster) {
    Json list = Json::list();
    for (const auto& record : records)
        if (cluster.empty() || record->cluster == cluster)
            list.append(json_of(*record));
    return Json::object().add("records", list).text();
}

}  // namespace proxy::history
