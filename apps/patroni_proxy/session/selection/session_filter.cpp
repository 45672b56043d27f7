#include "patroni_proxy/session/selection/session_filter.h"

#include <chrono>
#include <string_view>
#include <utility>

#include "daemon/text/units.h"
#include "daemon/text/utf8.h"
#include "patroni_proxy/session/selection/session_states.h"

namespace proxy {
namespace {

// Bytes of a value that an error message repeats.
constexpr std::size_t kLongestQuote = 100;

constexpr std::string_view kNames =
    "cluster, port, member, client, user, database, application, state, min_idle, id and limit";
constexpr std::string_view kUnknown = "?";

bool meets(const std::string& wanted, std::string_view name) {
    return wanted.empty() || wanted == name;
}

std::string wrong_state(std::string_view value) {
    std::string known;
    for (const auto state : kSessionStates) {
        if (value == state)
            return {};
        known.append(known.empty() ? "" : ", ").append(state);
    }
    return "is no state of a session; there are " + known;
}

/// What is wrong with the value; empty if nothing is, kUnknown if there is no such name.
std::string read(std::string_view name, const std::string& value, SessionFilter& filter) {
    for (const auto& [known, text] :
         {std::pair<std::string_view, std::string*>{"cluster", &filter.cluster},
          {"port", &filter.port},
          {"member", &filter.member},
          {"user", &filter.user},
          {"database", &filter.database},
          {"application", &filter.application},
          {"state", &filter.state}})
        if (name == known) {
            *text = value;
            return name == "state" ? wrong_state(value) : "";
        }
    if (name == "client") {
        std::string reason = "is no network like 10.0.0.0/8 and no address";
        filter.client = net::Network::parse(value, &reason);
        return filter.client ? "" : reason;
    }
    if (name == "min_idle") {
        const auto duration = daemons::parse_duration(value);
        if (duration)
            filter.min_idle = std::chrono::duration<double>(*duration).count();
        return duration ? "" : "is no duration; it takes " + std::string(daemons::kDurationForm);
    }
    if (name == "id") {
        filter.id = SessionId::parse(value);
        return filter.id ? "" : "is no session's id; ids look like w0-123";
    }
    if (name != "limit")
        return std::string(kUnknown);
    const auto limit = daemons::parse_number(value);
    if (limit)
        filter.limit = static_cast<std::size_t>(*limit);
    return limit ? "" : "is no whole number";
}

}  // namespace

bool SessionFilter::selects() const {
    return !(cluster.empty() && port.empty() && member.empty() && !client && user.empty() &&
             database.empty() && application.empty() && state.empty() && !min_idle && !id);
}

bool matches(const SessionFilter& filter, const SessionRecord& session) {
    return (!filter.id || *filter.id == session.id) && meets(filter.cluster, session.cluster) &&
           meets(filter.port, session.port) &&
           (filter.member.empty() ||
            (session.backend && session.backend->member == filter.member)) &&
           (!filter.client || filter.client->contains(session.client)) &&
           meets(filter.user, session.user) && meets(filter.database, session.database) &&
           meets(filter.application, session.application) && meets(filter.state, session.state) &&
           (!filter.min_idle || session.idle >= *filter.min_idle);
}

ParsedFilter parse_session_filter(const std::map<std::string, std::string>& query) {
    ParsedFilter parsed;
    for (const auto& [name, value] : query) {
        const std::string shown = daemons::one_line(name, kLongestQuote);
        const std::string problem = read(name, value, parsed.filter);
        if (problem == kUnknown)
            return {{},
                    "sessions cannot be selected by '" + shown + "'; they can by " +
                        std::string(kNames)};
        // A script's empty variable must not select everything.
        if (value.empty())
            return {{}, shown + " has no value"};
        if (!problem.empty())
            return {{},
                    std::string(shown)
                        .append(": '")
                        .append(daemons::one_line(value, kLongestQuote))
                        .append("' ")
                        .append(problem)};
    }
    return parsed;
}

}  // namespace proxy
