#include "patroni_proxy/control/control_request.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>
#include <vector>

#include "daemon/text/units.h"
#include "daemon/text/utf8.h"

namespace proxy {
namespace {

using Verb = ControlRequest::Verb;
using Query = std::map<std::string, std::string>;

struct VerbForm {
    std::string_view collection;  ///< the first part of the path
    std::string_view word;        ///< the last part
    Verb verb;
    std::vector<std::string_view> parameters;
};

const std::vector<VerbForm>& forms() {
    static const std::vector<VerbForm> all{
        {"members", "drain", Verb::drain, {"for", "why", "port", "maintenance", "rate", "within"}},
        {"members", "ready", Verb::ready, {"port"}},
        {"members", "cap", Verb::cap, {"sessions", "for", "why"}},
        {"ports", "hold", Verb::hold, {"for", "why"}},
        {"ports", "release", Verb::release, {}},
        {"ports", "disable", Verb::disable, {"for", "why"}},
        {"ports", "enable", Verb::enable, {}},
        {"clusters", "freeze", Verb::freeze, {"for", "why"}},
        {"clusters", "unfreeze", Verb::unfreeze, {}},
        {"", "reload", Verb::reload, {"listeners"}},
        {"", "upgrade", Verb::upgrade, {}},
        {"", "log_level", Verb::log_level, {"level"}},
    };
    return all;
}

constexpr std::size_t kLongestEcho = 100;
constexpr double kLowestRate = 0.01;
constexpr double kHighestRate = 100'000;

std::string in_single_quotes(std::string_view text) {
    return "'" + daemons::one_line(text, kLongestEcho) + "'";
}

ParsedRequest refuse(int status, std::string error) {
    return {std::nullopt, status, std::move(error)};
}

/// What precedes the first `separator`; both leave `text`. All of it if there is none.
std::string_view take_until(std::string_view& text, char separator) {
    const auto end = std::min(text.find(separator), text.size());
    const auto taken = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return taken;
}

std::string words_of(std::string_view collection) {
    std::string words;
    for (const auto& form : forms())
        if (form.collection == collection)
            words.append(words.empty() ? "" : ", ").append(form.word);
    return words;
}

/// Reads `rate` or `within` of a drain; why it cannot be read, or nothing.
std::string read_pace(ControlRequest& request, const std::string& key, const std::string& value) {
    if (!request.terms.pace)
        request.terms.pace.emplace();
    DrainPace& pace = *request.terms.pace;
    if (key == "within") {
        const auto duration = daemons::parse_duration(value);
        if (!duration || *duration < std::chrono::seconds{1})
            return "within must be a time of at least a second: " +
                   std::string(daemons::kDurationForm) + "; it is " + in_single_quotes(value);
        pace.within = std::chrono::ceil<std::chrono::seconds>(*duration);
        return {};
    }
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), pace.rate);
    if (error != std::errc() || end != value.data() + value.size() ||
        !(pace.rate >= kLowestRate && pace.rate <= kHighestRate))
        return "rate must be from 0.01 to 100000 sessions per second; it is " +
               in_single_quotes(value);
    return {};
}

/// Reads one parameter; why it cannot be read, or nothing.
std::string read_parameter(ControlRequest& request, const std::string& key,
                           const std::string& value) {
    if (key == "why") {
        request.terms.why = value;
    } else if (key == "listeners") {
        if (!value.starts_with('/'))
            return "listeners must be the path of a socket; it is " + in_single_quotes(value);
        request.listeners = value;
    } else if (key == "port") {
        if (value.empty())
            return "port must be the name of a port";
        request.port = value;
    } else if (key == "for") {
        const auto duration = daemons::parse_duration(value);
        if (!duration || *duration < std::chrono::seconds{1})
            return "for must be a time of at least a second: " +
                   std::string(daemons::kDurationForm) + "; it is " + in_single_quotes(value);
        request.terms.lasts_for = std::chrono::ceil<std::chrono::seconds>(*duration);
    } else if (key == "maintenance") {
        if (value != "true" && value != "false")
            return "maintenance must be true or false; it is " + in_single_quotes(value);
        request.terms.maintenance = value == "true";
    } else if (key == "rate" || key == "within") {
        return read_pace(request, key, value);
    } else if (key == "sessions") {
        const auto number = daemons::parse_number(value);
        if (value == "none")
            return {};
        if (!number || *number >= kNoCap)
            return "sessions must be a number below 4294967295, or none to lift the cap; it is " +
                   in_single_quotes(value);
        request.sessions = static_cast<std::uint32_t>(*number);
    } else if (key == "level") {
        const auto level = daemons::log::level_from(value);
        if (!level)
            return "level must be error, warning, info or debug; it is " + in_single_quotes(value);
        request.level = *level;
    } else {
        return "nobody reads " + in_single_quotes(key);  // a form has it, and it is missing here
    }
    return {};
}

std::string read_parameters(ControlRequest& request, const VerbForm& form, const Query& query) {
    const auto& known = form.parameters;
    for (const auto& [key, value] : query) {
        if (std::find(known.begin(), known.end(), key) == known.end()) {
            std::string names;
            for (const auto& name : known)
                names.append(names.empty() ? "" : ", ").append(name);
            return std::string(form.word) + " has no parameter " + in_single_quotes(key) +
                   "; it has " + (names.empty() ? "none" : names);
        }
        if (auto error = read_parameter(request, key, value); !error.empty())
            return error;
    }
    for (const std::string needed : {"sessions", "level"})
        if (std::find(known.begin(), known.end(), needed) != known.end() && !query.contains(needed))
            return std::string(form.word) + " needs the parameter " + needed;
    return {};
}

/// The form of a path, and what it names.
std::pair<const VerbForm*, ControlRequest> read_path(std::string_view path) {
    ControlRequest request;
    path.remove_prefix(std::min<std::size_t>(1, path.size()));
    std::string_view collection;
    std::string_view word = path;
    if (const auto last = path.rfind('/'); last != std::string_view::npos) {
        word = path.substr(last + 1);
        path = path.substr(0, last);
        collection = take_until(path, '/');
        if (collection == "clusters") {
            request.cluster = path;
        } else {
            request.cluster = take_until(path, '/');
            request.name = path;
        }
    }
    for (const auto& form : forms())
        if (form.collection == collection && form.word == word) {
            request.verb = form.verb;
            return {&form, request};
        }
    return {nullptr, request};
}

constexpr std::string_view kClosePath = "/sessions/close";

/// All sessions at once are hardly ever meant: a filter that selects nothing is a mistake.
ParsedRequest parse_close(const std::string& method, const Query& query) {
    if (method != "POST")
        return refuse(405, "a change needs POST, not " + in_single_quotes(method));
    auto [filter, error] = parse_session_filter(query);
    if (error.empty() && !filter.selects())
        error =
            "say which sessions to close: by id, cluster, port, member, client, user, database, "
            "application, state or min_idle";
    if (!error.empty())
        return refuse(400, std::move(error));
    ControlRequest request;
    request.verb = Verb::close;
    request.filter = std::move(filter);
    return {std::move(request), 200, {}};
}

}  // namespace

bool is_control_path(std::string_view path) {
    return path.starts_with("/members/") || path.starts_with("/ports/") ||
           path.starts_with("/clusters/") || path == "/reload" || path == "/upgrade" ||
           path == "/log_level" || path == kClosePath;
}

ParsedRequest parse_control_request(const std::string& method, const std::string& path,
                                    const Query& query) {
    if (path == kClosePath)
        return parse_close(method, query);
    auto [form, request] = read_path(path);
    if (!form) {
        std::string_view rest = path;
        (void)take_until(rest, '/');
        const auto collection = take_until(rest, '/');
        return refuse(404, "no such verb: " + in_single_quotes(path) + "; " +
                               std::string(collection) + " have " + words_of(collection));
    }
    if (method != "POST")
        return refuse(405, "a change needs POST, not " + in_single_quotes(method));
    if (!form->collection.empty() &&
        (request.cluster.empty() || (form->collection != "clusters" && request.name.empty())))
        return refuse(404, "the path must be /" + std::string(form->collection) + "/CLUSTER/" +
                               (form->collection == "members" ? "MEMBER/"
                                : form->collection == "ports" ? "PORT/"
                                                              : "") +
                               std::string(form->word));
    if (auto error = read_parameters(request, *form, query); !error.empty())
        return refuse(400, std::move(error));
    return {std::move(request), 200, {}};
}

}  // namespace proxy
