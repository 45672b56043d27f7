#include "patroni_proxy/cli/status/status_reader.h"

#include <cstdint>
#include <optional>

#include <Poco/Exception.h>
#include <Poco/JSON/Array.h>
#include <Poco/JSON/Object.h>
#include <Poco/JSON/Parser.h>

#include "patroni/answers/json.h"

namespace proxy::cli {
namespace {

using Object = Poco::JSON::Object;
using patroni::flag_of;
using patroni::number_of;
using patroni::text_of;

std::uint64_t count_of(const Object& object, const std::string& key) {
    return number_of(object, key).value_or(0);
}

std::optional<double> seconds_of(const Object& object, const std::string& key) {
    const auto value = object.get(key);
    if (!value.isNumeric() || value.isBoolean())
        return std::nullopt;
    return value.convert<double>();
}

template <typename Task>
void for_each_object(const Object& object, const std::string& key, Task task) {
    if (const auto list = object.getArray(key))
        for (unsigned i = 0; i < list->size(); ++i)
            if (const auto each = list->getObject(i))
                task(*each);
}

std::vector<std::string> texts_of(const Object& object, const std::string& key) {
    std::vector<std::string> texts;
    if (const auto list = object.getArray(key))
        for (const auto& value : *list)
            if (value.isString())
                texts.push_back(value.extract<std::string>());
    return texts;
}

std::map<std::string, std::uint64_t> counts_of(const Object& object, const std::string& key) {
    std::map<std::string, std::uint64_t> counts;
    if (const auto map = object.getObject(key))
        for (const auto& name : map->getNames())
            counts.emplace(name, count_of(*map, name));
    return counts;
}

std::map<std::string, std::string> tags_of(const Object& object) {
    std::map<std::string, std::string> tags;
    if (const auto map = object.getObject("tags"))
        for (const auto& name : map->getNames())
            tags.emplace(name, text_of(*map, name));
    return tags;
}

MemberReport read_member(const Object& object) {
    MemberReport member;
    member.name = text_of(object, "name");
    member.role = text_of(object, "role");
    member.state = text_of(object, "state");
    member.host = text_of(object, "host");
    if (const auto port = number_of(object, "port"); port && *port <= 65'535)
        member.port = static_cast<std::uint16_t>(*port);
    member.timeline = number_of(object, "timeline");
    member.lag = number_of(object, "lag");
    member.tags = tags_of(object);
    member.up = flag_of(object, "up");
    member.leads = flag_of(object, "leads");
    return member;
}

std::optional<std::uint32_t> sessions_of_cap(const Object& object) {
    const auto number = number_of(object, "sessions");
    return number && *number <= UINT32_MAX ? std::optional(static_cast<std::uint32_t>(*number))
                                           : std::nullopt;
}

std::vector<OperatorReport> settings_of(const Object& object) {
    std::vector<OperatorReport> settings;
    for_each_object(object, "operator", [&](const Object& each) {
        settings.push_back({.setting = text_of(each, "setting"),
                            .member = text_of(each, "member"),
                            .port = text_of(each, "port"),
                            .why = text_of(each, "why"),
                            .by = text_of(each, "by"),
                            .since = seconds_of(each, "since").value_or(0),
                            .until = seconds_of(each, "until"),
                            .sessions = sessions_of_cap(each),
                            .maintenance = flag_of(each, "maintenance")});
    });
    return settings;
}

patroni::Standing standing_of(const std::string& name) {
    for (const auto standing : {patroni::Standing::eligible, patroni::Standing::tolerated})
        if (name == patroni::name_of(standing))
            return standing;
    return patroni::Standing::out;
}

PortReport read_port(const Object& object) {
    PortReport port;
    port.name = text_of(object, "name");
    port.listen = texts_of(object, "listen");
    port.roles = texts_of(object, "roles");
    port.fallback_roles = texts_of(object, "fallback_roles");
    port.falls_back = flag_of(object, "falls_back");
    for_each_object(object, "members", [&](const Object& each) {
        port.members.push_back({.member = text_of(each, "member"),
                                .standing = standing_of(text_of(each, "standing")),
                                .reason = text_of(each, "reason"),
                                .unreachable = text_of(each, "unreachable")});
    });
    for_each_object(object, "traffic", [&](const Object& each) {
        MemberTraffic traffic;
        traffic.member = text_of(each, "member");
        traffic.sessions = count_of(each, "sessions");
        port.traffic.push_back(traffic);
    });
    port.sessions = count_of(object, "sessions");
    port.max_connections = count_of(object, "max_connections");
    port.max_connections_per_backend = count_of(object, "max_connections_per_backend");
    port.allow = texts_of(object, "allow");
    port.queue_timeout = seconds_of(object, "queue_timeout").value_or(0);
    port.max_queued = count_of(object, "max_queued");
    port.queued = count_of(object, "queued");
    port.refused = counts_of(object, "refused");
    port.operator_settings = settings_of(object);
    return port;
}

ClusterReport read_cluster(const Object& object) {
    ClusterReport cluster;
    cluster.name = text_of(object, "name");
    cluster.leader = text_of(object, "leader");
    cluster.leader_reason = text_of(object, "leader_reason");
    cluster.paused = flag_of(object, "paused");
    cluster.answer_age = seconds_of(object, "table_age");
    cluster.warnings = texts_of(object, "warnings");
    if (const auto polls = object.getObject("polls"))
        cluster.polls.last_error = text_of(*polls, "last_error");
    for_each_object(object, "members",
                    [&](const Object& each) { cluster.members.push_back(read_member(each)); });
    for_each_object(object, "ports",
                    [&](const Object& each) { cluster.ports.push_back(read_port(each)); });
    cluster.operator_settings = settings_of(object);
    return cluster;
}

}  // namespace

ProxyReport read_status(const std::string& json) try {
    const auto root = Poco::JSON::Parser().parse(json);
    if (root.type() != typeid(Object::Ptr) || !root.extract<Object::Ptr>()->isArray("clusters"))
        throw Unreadable("the answer is no status of patroni_proxy");
    const Object& object = *root.extract<Object::Ptr>();
    ProxyReport report;
    report.version = text_of(object, "version");
    report.sessions = count_of(object, "sessions");
    report.max_connections = count_of(object, "max_connections");
    report.ready = flag_of(object, "ready");
    report.draining = flag_of(object, "draining");
    report.why_not_ready = text_of(object, "why_not_ready");
    for_each_object(object, "clusters",
                    [&](const Object& each) { report.clusters.push_back(read_cluster(each)); });
    return report;
} catch (const Poco::Exception&) {
    throw Unreadable("the answer is not JSON");
}

}  // namespace proxy::cli
