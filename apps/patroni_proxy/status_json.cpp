#include "patroni_proxy/status_json.h"

#include <cmath>
#include <sstream>

#include <Poco/JSON/Array.h>
#include <Poco/JSON/Object.h>

#include "daemon/utf8.h"

namespace proxy {
namespace {

using Poco::Dynamic::Var;

Var value_of(const std::string& text) {
    return daemons::valid_utf8(text);
}

Var value_of(bool flag) {
    return flag;
}

Var value_of(unsigned number) {
    return Poco::UInt64{number};
}

Var value_of(std::uint64_t number) {
    return Poco::UInt64{number};
}

/// JSON has no infinity and no NaN.
Var value_of(double seconds) {
    return std::isfinite(seconds) ? Var(std::round(seconds * 1'000) / 1'000) : Var();
}

template <typename Value>
Var value_of(const std::optional<Value>& value) {
    return value ? value_of(*value) : Var();
}

Var value_of(const std::optional<std::uint16_t>& port) {
    return port ? Var(*port) : Var();
}

template <typename Value>
Var value_of(const std::map<std::string, Value>& map);
template <typename Value>
Var value_of(const std::vector<Value>& list);

/// A JSON object that keeps its keys in the order they are added.
class Object {
  public:
    template <typename Value>
    Object& add(const std::string& key, const Value& value) {
        object_->set(daemons::valid_utf8(key), value_of(value));
        return *this;
    }
    Object& add(const std::string& key, const Object& object) {
        object_->set(key, object.object_);
        return *this;
    }
    [[nodiscard]] const Poco::JSON::Object::Ptr& get() const { return object_; }

  private:
    Poco::JSON::Object::Ptr object_ = new Poco::JSON::Object(Poco::JSON_PRESERVE_KEY_ORDER);
};

Var value_of(const MemberTraffic& traffic) {
    return Object()
        .add("member", traffic.member)
        .add("sessions", traffic.sessions)
        .add("sessions_total", traffic.sessions_total)
        .add("bytes_from_client", traffic.bytes_from_client)
        .add("bytes_from_backend", traffic.bytes_from_backend)
        .add("connect_failures", traffic.connect_failures)
        .add("ended", traffic.ended)
        .get();
}

Var value_of(const MemberStanding& member) {
    return Object()
        .add("member", member.member)
        .add("standing", member.standing)
        .add("reason", member.reason)
        .get();
}

Var value_of(const PortReport& port) {
    return Object()
        .add("name", port.name)
        .add("listen", port.listen)
        .add("roles", port.roles)
        .add("members", port.members)
        .add("traffic", port.traffic)
        .add("sessions", port.sessions)
        .add("max_connections", port.max_connections)
        .add("refused", port.refused)
        .get();
}

Var value_of(const MemberReport& member) {
    return Object()
        .add("name", member.name)
        .add("role", member.role)
        .add("state", member.state)
        .add("host", member.host)
        .add("port", member.port)
        .add("timeline", member.timeline)
        .add("lag", member.lag)
        .add("tags", member.tags)
        .add("up", member.up)
        .add("leads", member.leads)
        .add("dcs_last_seen_age", member.dcs_last_seen_age)
        .get();
}

Object polls_of(const PollReport& polls) {
    return Object()
        .add("good", polls.good)
        .add("failed", polls.failed)
        .add("last_error", polls.last_error)
        .add("last_host", polls.last_host)
        .add("seconds_total", polls.seconds_total)
        .add("last_seconds", polls.last_seconds);
}

Var value_of(const ClusterReport& cluster) {
    return Object()
        .add("name", cluster.name)
        .add("leader", cluster.leader)
        .add("leader_reason", cluster.leader_reason)
        .add("paused", cluster.paused)
        .add("table_age", cluster.table_age)
        .add("warnings", cluster.warnings)
        .add("polls", polls_of(cluster.polls))
        .add("members", cluster.members)
        .add("ports", cluster.ports)
        .get();
}

Object reload_of(const ReloadReport& reload) {
    return Object()
        .add("good", reload.good)
        .add("failed", reload.failed)
        .add("last_age", reload.last_age)
        .add("last_good", reload.last_good)
        .add("last_error", reload.last_error);
}

template <typename Value>
Var value_of(const std::map<std::string, Value>& map) {
    Object object;
    for (const auto& [key, value] : map)
        object.add(key, value);
    return object.get();
}

template <typename Value>
Var value_of(const std::vector<Value>& list) {
    Poco::JSON::Array::Ptr array = new Poco::JSON::Array;
    for (const auto& value : list)
        array->add(value_of(value));
    return array;
}

}  // namespace

std::string status_json(const ProxyReport& report) {
    const auto object = Object()
                            .add("version", report.version)
                            .add("started_at", report.started_at)
                            .add("uptime", report.uptime)
                            .add("workers", report.workers)
                            .add("sessions", report.sessions)
                            .add("max_connections", report.max_connections)
                            .add("descriptors", report.descriptors)
                            .add("max_descriptors", report.max_descriptors)
                            .add("log_lines_dropped", report.log_lines_dropped)
                            .add("ready", report.ready)
                            .add("draining", report.draining)
                            .add("why_not_ready", report.why_not_ready)
                            .add("reload", reload_of(report.reload))
                            .add("clusters", report.clusters)
                            .get();
    std::ostringstream text;
    object->stringify(text, 2);
    text << '\n';
    return text.str();
}

}  // namespace proxy
