// Settings and ports: what a successor needs before it can say that it is ready.

#include <algorithm>
#include <utility>

#include "patroni_proxy/upgrade/messages/fields.h"
#include "patroni_proxy/upgrade/messages/messages.h"
#include "patroni_proxy/upgrade/messages/values.h"

namespace proxy::upgrade {
namespace {

using Clock = std::chrono::steady_clock;

enum : unsigned { kSetting = 1, kHoldEnded, kPace };
enum : unsigned {
    kOperation = 1,
    kSetCluster,
    kSetMember,
    kSetPort,
    kWhy,
    kSetBy,
    kSetSince,
    kUntil,
    kExpires,
    kSetSessions,
    kMaintenance,
    kAt,
    kRate,
    kWithin,
    kDetail,
};

std::string write_setting(const OperatorSetting& setting) {
    FieldWriter out;
    out.number(kOperation, static_cast<std::uint64_t>(setting.subject.operation));
    out.text(kSetCluster, setting.subject.cluster);
    out.text_unless_empty(kSetMember, setting.subject.member);
    out.text_unless_empty(kSetPort, setting.subject.port);
    out.text_unless_empty(kWhy, setting.why);
    out.text_unless_empty(kSetBy, setting.by);
    out.number(kSetSince, bits_of(setting.since));
    if (setting.until)
        out.number(kUntil, bits_of(*setting.until));
    if (setting.expires)
        out.number(kExpires, number_of_time(*setting.expires));
    if (setting.sessions)
        out.number(kSetSessions, *setting.sessions);
    out.number_unless_0(kMaintenance, setting.maintenance ? 1 : 0);
    return out.bytes();
}

std::optional<OperatorSetting> read_setting(std::string_view fields) {
    OperatorSetting setting;
    FieldReader in(fields);
    while (in.next()) {
        switch (in.field()) {
            case kOperation:
                if (in.number() > static_cast<std::uint64_t>(Operation::freeze))
                    return std::nullopt;
                setting.subject.operation = static_cast<Operation>(in.number());
                break;
            case kSetCluster:
                setting.subject.cluster = in.text();
                break;
            case kSetMember:
                setting.subject.member = in.text();
                break;
            case kSetPort:
                setting.subject.port = in.text();
                break;
            case kWhy:
                setting.why = in.text();
                break;
            case kSetBy:
                setting.by = in.text();
                break;
            case kSetSince:
                setting.since = double_of(in.number());
                break;
            case kUntil:
                setting.until = double_of(in.number());
                break;
            case kExpires:
                setting.expires = time_of_number(in.number());
                break;
            case kSetSessions:
                if (in.number() >= kNoCap)
                    return std::nullopt;
                setting.sessions = static_cast<std::uint32_t>(in.number());
                break;
            case kMaintenance:
                setting.maintenance = in.number() != 0;
                break;
            default:
                break;
        }
    }
    return in.failed() ? std::nullopt : std::optional(std::move(setting));
}

struct HoldEnded {
    std::string cluster;
    std::string port;
    Clock::time_point at;
};

std::optional<HoldEnded> read_hold_ended(std::string_view fields) {
    HoldEnded hold{};
    FieldReader in(fields);
    while (in.next()) {
        if (in.field() == kSetCluster)
            hold.cluster = in.text();
        else if (in.field() == kSetPort)
            hold.port = in.text();
        else if (in.field() == kAt)
            hold.at = time_of_number(in.number());
    }
    return in.failed() ? std::nullopt : std::optional(std::move(hold));
}

std::string write_pace(const Settings::Pace& pace) {
    FieldWriter out;
    out.text(kSetCluster, pace.cluster);
    out.text(kSetMember, pace.member);
    out.text(kDetail, pace.detail);
    out.number(kRate, bits_of(pace.pace.rate));
    if (pace.pace.within)
        out.number(kWithin, static_cast<std::uint64_t>(pace.pace.within->count()));
    return out.bytes();
}

std::optional<Settings::Pace> read_pace(std::string_view fields) {
    constexpr std::uint64_t kLongest = std::uint64_t{10} * 365 * 24 * 3600;
    Settings::Pace pace;
    FieldReader in(fields);
    while (in.next()) {
        if (in.field() == kSetCluster)
            pace.cluster = in.text();
        else if (in.field() == kSetMember)
            pace.member = in.text();
        else if (in.field() == kDetail)
            pace.detail = in.text();
        else if (in.field() == kRate)
            pace.pace.rate = double_of(in.number());
        else if (in.field() == kWithin)
            pace.pace.within =
                std::chrono::seconds(static_cast<std::int64_t>(std::min(in.number(), kLongest)));
    }
    const bool sound = !in.failed() && pace.pace.rate > 0;
    return sound ? std::optional(std::move(pace)) : std::nullopt;
}

enum : unsigned { kOnePort = 1 };
enum : unsigned { kPortLabel = 1, kHasBackends, kInUse };
enum : unsigned { kUsedMember = 1, kUsedAddress, kUsedByFallback };

std::optional<PortNeeds::InUse> read_in_use(std::string_view fields) {
    PortNeeds::InUse in_use;
    FieldReader in(fields);
    while (in.next()) {
        if (in.field() == kUsedMember)
            in_use.member = in.text();
        else if (in.field() == kUsedAddress)
            in_use.address = address_of_text(in.text());
        else if (in.field() == kUsedByFallback)
            in_use.served_by = in.number() != 0 ? ServedBy::fallback_roles : ServedBy::roles;
    }
    return in.failed() ? std::nullopt : std::optional(std::move(in_use));
}

std::optional<PortNeeds> read_port(std::string_view fields) {
    PortNeeds port;
    FieldReader in(fields);
    while (in.next()) {
        if (in.field() == kPortLabel) {
            port.label = in.text();
        } else if (in.field() == kHasBackends) {
            port.has_backends = in.number() != 0;
        } else if (in.field() == kInUse) {
            auto in_use = read_in_use(in.text());
            if (!in_use)
                return std::nullopt;
            port.in_use.push_back(*std::move(in_use));
        }
    }
    return in.failed() ? std::nullopt : std::optional(std::move(port));
}

}  // namespace

std::string write(const Settings& settings) {
    FieldWriter out;
    for (const auto& setting : settings.settings)
        out.text(kSetting, write_setting(setting));
    for (const auto& [port, at] : settings.holds_ended) {
        FieldWriter hold;
        hold.text(kSetCluster, port.first);
        hold.text(kSetPort, port.second);
        hold.number(kAt, number_of_time(at));
        out.text(kHoldEnded, hold.bytes());
    }
    for (const auto& pace : settings.paces)
        out.text(kPace, write_pace(pace));
    return out.bytes();
}

std::optional<Settings> read_settings(std::string_view fields) {
    Settings settings;
    FieldReader in(fields);
    while (in.next()) {
        if (in.field() == kSetting) {
            auto setting = read_setting(in.text());
            if (!setting)
                return std::nullopt;
            settings.settings.push_back(*std::move(setting));
        } else if (in.field() == kHoldEnded) {
            const auto hold = read_hold_ended(in.text());
            if (!hold)
                return std::nullopt;
            settings.holds_ended[{hold->cluster, hold->port}] = hold->at;
        } else if (in.field() == kPace) {
            auto pace = read_pace(in.text());
            if (!pace)
                return std::nullopt;
            settings.paces.push_back(*std::move(pace));
        }
    }
    return in.failed() ? std::nullopt : std::optional(std::move(settings));
}

std::string write(const std::vector<PortNeeds>& ports) {
    FieldWriter out;
    for (const auto& port : ports) {
        FieldWriter each;
        each.text(kPortLabel, port.label);
        each.number_unless_0(kHasBackends, port.has_backends ? 1 : 0);
        for (const auto& in_use : port.in_use) {
            FieldWriter used;
            used.text(kUsedMember, in_use.member);
            used.text(kUsedAddress, text_of_address(in_use.address));
            used.number_unless_0(kUsedByFallback,
                                 in_use.served_by == ServedBy::fallback_roles ? 1 : 0);
            each.text(kInUse, used.bytes());
        }
        out.text(kOnePort, each.bytes());
    }
    return out.bytes();
}

std::optional<std::vector<PortNeeds>> read_ports(std::string_view fields) {
    std::vector<PortNeeds> ports;
    FieldReader in(fields);
    while (in.next()) {
        if (in.field() != kOnePort)
            continue;
        auto port = read_port(in.text());
        if (!port)
            return std::nullopt;
        ports.push_back(*std::move(port));
    }
    return in.failed() ? std::nullopt : std::optional(std::move(ports));
}

}  // namespace proxy::upgrade
