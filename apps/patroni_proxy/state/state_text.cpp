#include "patroni_proxy/state/state_text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <memory>
#include <optional>
#include <sstream>
#include <utility>

#include <Poco/Checksum.h>
#include <Poco/JSON/Array.h>
#include <Poco/JSON/Object.h>

#include "daemon/system/unix_time.h"
#include "daemon/text/json.h"
#include "daemon/text/units.h"
#include "daemon/text/utf8.h"
#include "patroni/answers/cluster_parser.h"
#include "patroni/answers/json.h"

namespace proxy {
namespace {

using daemons::Json;
using patroni::Failure;
using patroni::text_of;
using Poco::JSON::Object;

constexpr std::string_view kHead = "patroni_proxy state 1 crc32 ";
constexpr std::size_t kChecksumSize = 8;
// Two clocks that agree within this were not set in between.
constexpr double kSameAge = 5;
constexpr double kLongestAge = 86'400;
constexpr std::array kOperations{Operation::drain, Operation::cap, Operation::hold,
                                 Operation::disable, Operation::freeze};

double seconds(std::chrono::steady_clock::duration time) {
    return std::chrono::duration<double>(time).count();
}

std::string checksum_of(std::string_view text) {
    Poco::Checksum checksum(Poco::Checksum::TYPE_CRC32);
    checksum.update(text.data(), static_cast<unsigned>(text.size()));
    std::array<char, kChecksumSize + 1> digits{};
    std::snprintf(digits.data(), digits.size(), "%08x", checksum.checksum());
    return digits.data();
}

// Writing.

Json json_of(const patroni::Member& member) {
    Json json = Json::object()
                    .add("name", member.name)
                    .add("role", member.role_name)
                    .add("state", member.state_name)
                    .add("api_url", member.api_url)
                    .add("host", member.host)
                    .add("port", member.port)
                    .add("timeline", member.timeline)
                    .add("lag", member.lag)
                    .add("tags", member.tags);
    if (member.tells_replay_lag)
        json.add("replay_lag", member.lag);
    return json;
}

/// As GET /cluster answers.
Json json_of(const patroni::ClusterSnapshot& snapshot) {
    Json members = Json::list();
    for (const auto& member : snapshot.members)
        members.append(json_of(member));
    return Json::object()
        .add("members", members)
        .add("pause", snapshot.paused)
        .add("scope", snapshot.scope);
}

void add_times(Json& json, const std::string& what, std::chrono::steady_clock::time_point at,
               const Moment& now) {
    const double age = seconds(now.steady - at);
    json.add(what + "_at", now.unix_time - age);
    json.add(what + "_since_boot", now.since_boot - age);
}

Json json_of(const ClusterMemory& memory, const Moment* now) {
    Json json = Json::object()
                    .add("name", memory.cluster)
                    .add("hosts", memory.hosts)
                    .add("scope", memory.identity.scope)
                    .add("system_identifier", memory.identity.system_identifier)
                    .add("leader", memory.leader)
                    .add("ages_are_sure", memory.ages_are_sure)
                    .add("answer", json_of(*memory.snapshot));
    if (now) {
        add_times(json, "answered", memory.answered_at, *now);
        add_times(json, "confirmed", memory.confirmed_at, *now);
    }
    return json;
}

Json json_of(const OperatorSetting& setting) {
    return Json::object()
        .add("setting", std::string(name_of(setting.subject.operation)))
        .add("cluster", setting.subject.cluster)
        .add("member", setting.subject.member)
        .add("port", setting.subject.port)
        .add("why", setting.why)
        .add("by", setting.by)
        .add("since", setting.since)
        .add("until", setting.until)
        .add("sessions", setting.sessions)
        .add("maintenance", setting.maintenance);
}

std::string json_text(const State& state, const Moment* now) {
    Json clusters = Json::list();
    for (const auto& cluster : state.clusters)
        clusters.append(json_of(cluster, now));
    Json settings = Json::list();
    for (const auto& setting : state.settings)
        settings.append(json_of(setting));
    return Json::object().add("clusters", clusters).add("operator", settings).text();
}

// Reading.

std::optional<double> time_of(const Object& object, const std::string& key) {
    const auto value = object.get(key);
    if (!value.isNumeric() || value.isBoolean())
        return std::nullopt;
    const auto time = value.convert<double>();
    return std::isfinite(time) ? std::optional(time) : std::nullopt;
}

struct Age {
    double seconds = 0;
    bool is_sure = false;  ///< both clocks say the same
};
/// Nothing if a time is missing.
std::optional<Age> age_of(const Object& object, const std::string& what, const Moment& now) {
    const auto at = time_of(object, what + "_at");
    const auto since_boot = time_of(object, what + "_since_boot");
    if (!at || !since_boot)
        return std::nullopt;
    const double by_day = now.unix_time - *at;
    const double by_boot = now.since_boot - *since_boot;
    const bool is_sure = std::abs(by_day - by_boot) <= kSameAge;
    return Age{is_sure ? std::max(by_day, by_boot) : by_day, is_sure};
}

std::chrono::steady_clock::time_point before(const Moment& now, double age) {
    return now.steady - std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                            std::chrono::duration<double>(age));
}

template <typename Task>
void for_each_object(const Object& object, const std::string& key, Task task) {
    if (const auto list = object.getArray(key))
        for (unsigned i = 0; i < list->size(); ++i)
            if (const auto each = list->getObject(i))
                task(*each);
}

patroni::Result<ClusterMemory> memory_from(const Object& object, const Moment& now) {
    ClusterMemory memory;
    memory.cluster = text_of(object, "name");
    if (const auto hosts = object.getArray("hosts"))
        for (const auto& host : *hosts)
            if (host.isString())
                memory.hosts.push_back(host.extract<std::string>());
    memory.identity = {text_of(object, "scope"), text_of(object, "system_identifier")};
    memory.leader = text_of(object, "leader");
    const auto answered = age_of(object, "answered", now);
    const auto confirmed = age_of(object, "confirmed", now);
    const auto answer = object.getObject("answer");
    if (!answered || !confirmed || !answer)
        return Failure{"it is incomplete"};
    if (answered->seconds < -kSameAge)
        return Failure{"it is from the future: the clock was set back"};
    if (answered->seconds > kLongestAge)
        return Failure{"it is older than a day"};
    // Doubt stays: each process writes times by its own clocks, which agree with each other.
    memory.ages_are_sure = object.optValue("ages_are_sure", true) && answered->is_sure &&
                           confirmed->is_sure && confirmed->seconds >= -kSameAge;
    memory.answered_at = before(now, std::max(answered->seconds, 0.0));
    // However old the proof is, it counts for nothing after kLeaderAge.
    memory.confirmed_at = before(now, std::clamp(confirmed->seconds, 0.0, kLongestAge));
    memory.as_of = daemons::time_text(now.unix_time - answered->seconds, daemons::TimeZone::utc);
    std::ostringstream text;
    answer->stringify(text);
    auto snapshot = patroni::parse_cluster(text.str());
    if (!snapshot)
        return Failure{snapshot.reason()};
    memory.snapshot = std::make_shared<const patroni::ClusterSnapshot>(std::move(snapshot).value());
    return memory;
}

patroni::Result<OperatorSetting> setting_from(const Object& object, const Moment& now) {
    const std::string word = text_of(object, "setting");
    const auto* const operation =
        std::find_if(kOperations.begin(), kOperations.end(),
                     [&](Operation each) { return name_of(each) == word; });
    const auto line_of = [&](const char* key) {
        return daemons::one_line(text_of(object, key), daemons::kLongestReason);
    };
    OperatorSetting setting;
    const auto since = time_of(object, "since");
    if (operation == kOperations.end() || !since)
        return Failure{"it is no setting of this version"};
    setting.subject = {*operation, text_of(object, "cluster"), text_of(object, "member"),
                       text_of(object, "port")};
    setting.why = line_of("why");
    setting.by = line_of("by");
    setting.since = *since;
    setting.until = time_of(object, "until");
    setting.maintenance = patroni::flag_of(object, "maintenance");
    if (const auto sessions = patroni::number_of(object, "sessions"))
        setting.sessions =
            static_cast<std::uint32_t>(std::min<std::uint64_t>(*sessions, kNoCap - 1));
    const bool is_complete = !setting.subject.cluster.empty() &&
                             (*operation != Operation::cap || setting.sessions.value_or(0) > 0);
    if (!is_complete)
        return Failure{"it is incomplete"};
    if (setting.until)  // past, too: whoever has set it is told that it is over
        setting.expires = before(
            now, std::clamp(now.unix_time - *setting.until, -366 * kLongestAge, kLongestAge));
    return setting;
}

}  // namespace

Moment Moment::now() {
    timespec boot{};
    ::clock_gettime(CLOCK_BOOTTIME, &boot);
    constexpr double kNanoseconds = 1e-9;
    return {std::chrono::steady_clock::now(), daemons::unix_now(),
            static_cast<double>(boot.tv_sec) + static_cast<double>(boot.tv_nsec) * kNanoseconds};
}

std::string state_text(const State& state, const Moment& now) {
    const std::string json = json_text(state, &now);
    std::string text(kHead);
    return text.append(checksum_of(json)).append("\n").append(json);
}

std::string state_without_times(const State& state) {
    return json_text(state, nullptr);
}

patroni::Result<State> parse_state(std::string_view text, const Moment& now) {
    if (!text.starts_with(kHead))
        return Failure{"it is no state file of this version of patroni_proxy"};
    text.remove_prefix(kHead.size());
    const std::string_view checksum = text.substr(0, kChecksumSize);
    text.remove_prefix(std::min(text.size(), kChecksumSize + 1));
    if (checksum != checksum_of(text))
        return Failure{"its checksum does not fit: it was changed, or cut off"};
    // It is no answer of anybody: its size is limit enough.
    const auto root = patroni::parse_json_object(text, text.size());
    if (!root)
        return Failure{root.reason()};
    State state;
    for_each_object(*root.value(), "clusters", [&](const Object& object) {
        auto memory = memory_from(object, now);
        if (memory)
            state.clusters.push_back(std::move(memory).value());
        else
            state.doubts.push_back("cluster " + daemons::one_line(text_of(object, "name"), 63) +
                                   ": " + memory.reason());
    });
    for_each_object(*root.value(), "operator", [&](const Object& object) {
        auto setting = setting_from(object, now);
        if (setting)
            state.settings.push_back(std::move(setting).value());
        else
            state.doubts.push_back(daemons::one_line(text_of(object, "setting"), 63) + " of " +
                                   daemons::one_line(text_of(object, "cluster"), 63) + ": " +
                                   setting.reason());
    });
    return state;
}

}  // namespace proxy
