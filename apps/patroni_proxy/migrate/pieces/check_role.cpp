#include "patroni_proxy/migrate/pieces/check_role.h"

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "daemon/text/units.h"

namespace proxy::migrate {
namespace {

using haproxy::HealthCheck;
using Roles = std::vector<std::string>;

/// The paths of Patroni's REST API (its documentation, "REST API", health check endpoints).
const std::map<std::string, Roles, std::less<>>& roles_by_path() {
    static const std::map<std::string, Roles, std::less<>> paths{
        {"/", {"leader"}},
        {"/primary", {"leader"}},
        {"/read-write", {"leader"}},
        {"/master", {"leader"}},
        {"/leader", {"leader"}},
        {"/standby-leader", {"standby_leader"}},
        {"/standby_leader", {"standby_leader"}},
        {"/replica", {"replica"}},
        {"/read-only", {"any"}},
        {"/sync", {"sync"}},
        {"/synchronous", {"sync"}},
        {"/async", {"async"}},
        {"/asynchronous", {"async"}},
        {"/quorum", {"quorum"}},
        {"/read-only-sync", {"sync", "leader"}},
        {"/read-only-quorum", {"quorum", "leader"}},
        {"/health", {"any"}},
        {"/readiness", {"any"}},
    };
    return paths;
}

bool contains(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

/// Which of Patroni's two answers an expectation lets through: 200 with the role, 503 without.
struct Lets {
    bool with_role = true;
    bool without_role = false;
};

/// Of a list such as "200,204" or "200-399".
bool lists(std::string_view codes, int wanted) {
    while (!codes.empty()) {
        const std::size_t comma = codes.find(',');
        const std::string_view one = codes.substr(0, comma);
        codes.remove_prefix(comma == std::string_view::npos ? codes.size() : comma + 1);
        const std::size_t dash = one.find('-');
        const auto first = daemons::parse_number(one.substr(0, dash));
        const auto last =
            dash == std::string_view::npos ? first : daemons::parse_number(one.substr(dash + 1));
        const auto code = static_cast<std::uint64_t>(wanted);
        if (first && last && *first <= code && code <= *last)
            return true;
    }
    return false;
}

/// Of a pattern for the status; nothing if it is none of those that people write.
std::optional<bool> matches_status(std::string pattern, char first_digit) {
    std::erase_if(pattern, [](char c) { return c == '^' || c == '$' || c == '(' || c == ')'; });
    const std::string digit(1, first_digit);
    for (const std::string_view one : {"2", "20", "200", "2..", "20.", "2[0-9][0-9]", "2\\d\\d",
                                       "2[0-9]{2}", "2\\d{2}", "[23]", "[23]..", "2..|3.."})
        if (pattern == one)
            return first_digit == '2';
    for (const std::string_view one :
         {"5", "50", "503", "5..", "50.", "5[0-9][0-9]", "5\\d\\d", "[45]", "[45]..", "4..|5.."})
        if (pattern == one)
            return first_digit == '5';
    return std::nullopt;
}

class RoleReader {
  public:
    explicit RoleReader(const HealthCheck& check) : check_(check) {}

    CheckRole read() {
        role_.line = check_.line;
        switch (check_.kind) {
            case HealthCheck::Kind::connect:
                return none(
                    "no role is asked for: HAProxy only tries to connect, so clients go to any "
                    "member that accepts connections, whatever its role");
            case HealthCheck::Kind::postgres:
                return none(
                    "no role is asked for: primary and standbys answer pgsql-check alike, so "
                    "clients go to any member");
            case HealthCheck::Kind::script:
                return none("no role is asked for: these tcp-check rules send no HTTP request");
            case HealthCheck::Kind::other:
                return none("what 'option " + check_.name +
                            "' lets through cannot be known from this file");
            case HealthCheck::Kind::http:
                break;
        }
        if (check_.requests.empty())
            return none(
                "no request is sent: the http-check rules of this section replace the "
                "'option httpchk' of its defaults");
        role_.line = check_.requests.front().line;
        for (const auto& request : check_.requests)
            if (request.uri != check_.requests.front().uri)
                return none("several paths are asked for; a port of ours has one list of roles");
        const auto& uri = check_.requests.front().uri;
        if (uri.symbolic)
            return none("the path '" + uri.text + "' is not known here");
        read_uri(uri.text);
        if (role_.why_none.empty())
            read_expectations();
        return std::move(role_);
    }

  private:
    CheckRole none(const std::string& why) {
        role_.roles.clear();
        role_.why_none = why;
        return role_;
    }

    void remark(const haproxy::Statement* line, Outcome outcome, const std::string& why) {
        role_.remarks.push_back({line, outcome, why});
    }

    void read_uri(const std::string& uri) {
        const std::size_t question = uri.find('?');
        path_ = uri.substr(0, question);
        if (path_.size() > 1 && path_.ends_with('/'))
            path_.pop_back();
        const auto found = roles_by_path().find(path_);
        if (found != roles_by_path().end())
            role_.roles = found->second;
        else if (path_ != "/patroni" && path_ != "/cluster")
            (void)none("'" + path_ + "' is no path by which Patroni tells a role");
        if (path_ == "/leader")
            remark(
                role_.line, Outcome::changed,
                "in a standby cluster /leader is answered by the standby leader, too: there, use "
                "roles: [standby_leader]");
        if (path_ == "/health" || path_ == "/readiness")
            remark(role_.line, Outcome::changed,
                   path_ +
                       " asks for no role: a write may go to a standby. roles: [any] does the "
                       "same, but skips standbys that are tagged noloadbalance");
        if (question != std::string::npos)
            read_query(uri.substr(question + 1));
    }

    void read_query(std::string_view query) {
        while (!query.empty()) {
            const std::size_t end = query.find('&');
            const std::string_view one = query.substr(0, end);
            query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
            const std::size_t equals = one.find('=');
            const std::string name(one.substr(0, equals));
            const std::string value(equals == std::string_view::npos ? "" : one.substr(equals + 1));
            if (name == "lag" && daemons::parse_size(value))
                role_.max_lag = value;
            else if (name == "replication_state" && value == "streaming")
                role_.streaming = true;
            else if (name.starts_with("tag_") && name.size() > 4 && !value.empty())
                role_.tags[name.substr(4)] = value;
            else if (!one.empty())
                remark(role_.line, Outcome::not_carried,
                       "'" + std::string(one) + "' has no counterpart");
        }
    }

    /// A script without an expectation passes as soon as its bytes are sent, whatever the answer.
    [[nodiscard]] bool script_reads_answer() const {
        return check_.name != "tcp-check" ||
               std::any_of(check_.expects.begin(), check_.expects.end(), [](const auto& expect) {
                   return !expect.negated &&
                          (haproxy::looks_at_role(expect) || contains(expect.pattern.text, "200"));
               });
    }

    void read_expectations() {
        if (!script_reads_answer()) {
            (void)none(
                "no role is asked for: no tcp-check rule expects the status 200 or a role "
                "in Patroni's answer, so every member passes");
            return;
        }
        Lets lets;
        for (const auto& expect : check_.expects) {
            if (expect.kind == "string" || expect.kind == "rstring")
                read_body(expect);
            else if (expect.kind == "status" || expect.kind == "rstatus")
                lets = read_status(expect, lets);
            else
                remark(expect.line, Outcome::not_carried,
                       "what it expects cannot be asked of Patroni by patroni_proxy");
            if (!role_.why_none.empty())
                return;
        }
        if (role_.roles.empty())
            (void)none("'" + path_ + "' names a role in its body only, and no rule looks at it");
        else if (lets.with_role && lets.without_role)
            (void)none("the status of a member without the role is accepted as well");
        else if (!lets.with_role)
            invert();
    }

    Lets read_status(const HealthCheck::Expect& expect, Lets before) {
        std::optional<bool> good;
        std::optional<bool> bad;
        if (expect.kind == "status") {
            good = lists(expect.pattern.text, 200);
            bad = lists(expect.pattern.text, 503);
        } else {
            good = matches_status(expect.pattern.text, '2');
            bad = matches_status(expect.pattern.text, '5');
        }
        if (!good || !bad || expect.pattern.symbolic) {
            (void)none("the expected status '" + expect.pattern.text + "' cannot be read");
            return before;
        }
        // Where a status is excluded, all others are good.
        return expect.negated ? Lets{!*good, !*bad} : Lets{*good, *bad};
    }

    /// "role": "primary" and the like.
    void read_body(const HealthCheck::Expect& expect) {
        const std::string_view pattern = expect.pattern.text;
        // A script sees the status line as well.
        if (check_.name == "tcp-check" && !expect.negated && contains(pattern, "200") &&
            !haproxy::looks_at_role(expect))
            return;
        const bool leader = contains(pattern, "master") || contains(pattern, "primary");
        const bool replica = contains(pattern, "replica");
        if (role_.roles.empty() && !expect.negated && leader != replica && path_ == "/patroni")
            role_.roles = {leader ? "leader" : "replica"};
        const bool fits = (leader && role_.leader_only()) ||
                          (replica && role_.roles == Roles{"replica"}) ||
                          contains(pattern, "running");
        if (!expect.negated && fits && !role_.roles.empty())
            remark(expect.line, Outcome::carried,
                   "role and state in the body are always looked at");
        else
            remark(expect.line, Outcome::not_carried,
                   "what it expects in the body is not looked at");
    }

    void invert() {
        if (!role_.leader_only()) {
            (void)none("it lets members through that do not have the role of " + path_);
            return;
        }
        role_.roles = {"replica"};
        remark(role_.line, Outcome::changed,
               "HAProxy takes every member that is not the leader, one that is stopped or starting "
               "included; patroni_proxy takes standbys that run");
    }

    const HealthCheck& check_;
    CheckRole role_;
    std::string path_;
};

}  // namespace

CheckRole role_of(const haproxy::HealthCheck& check) {
    return RoleReader(check).read();
}

}  // namespace proxy::migrate
