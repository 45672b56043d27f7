#include "haproxy/model/health_check.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <utility>

namespace haproxy {
namespace {

using Statements = std::vector<const Statement*>;

constexpr std::array kCheckOptions{"httpchk",       "tcp-check",     "pgsql-check", "mysql-check",
                                   "redis-check",   "smtpchk",       "ldap-check",  "spop-check",
                                   "ssl-hello-chk", "external-check"};

bool selects_check(const Statement& statement) {
    return statement.word(0) == "option" && std::find(kCheckOptions.begin(), kCheckOptions.end(),
                                                      statement.word(1)) != kCheckOptions.end();
}

/// `tcp-check`, `http-check` by the kind of check that counts.
Statements rules_of(const Proxy& proxy, std::string_view family, HealthCheck& check) {
    const auto belongs = [&](const Statement& statement) {
        return statement.word(0) == family ||
               (family == "http-check" && statement.starts_with({"option", "httpchk"}));
    };
    Statements own;
    Statements inherited;
    for (const auto& statement : proxy.section->statements)
        if (belongs(statement))
            own.push_back(&statement);
    for (const Statement* statement : proxy.inherited)
        if (belongs(*statement))
            inherited.push_back(statement);
    if (own.empty())
        return inherited;
    for (const Statement* statement : inherited)
        if (statement->word(0) == family || statement->words.size() > 2)
            check.replaced.push_back(statement);
    return own;
}

/// `option httpchk [[METHOD] URI [VERSION]]`.
HealthCheck::Request request_of_option(const Statement& statement) {
    HealthCheck::Request request{&statement, "OPTIONS", {"/", false}};
    if (statement.words.size() == 3)
        request.uri = statement.words[2];
    if (statement.words.size() > 3) {
        request.method = statement.word(2);
        request.uri = statement.words[3];
    }
    return request;
}

/// `http-check send [meth METHOD] [uri URI] [ver VERSION] [hdr NAME VALUE]... [body TEXT]`.
HealthCheck::Request request_of_send(const Statement& statement) {
    HealthCheck::Request request{&statement, "", {}};
    for (std::size_t index = 2; index + 1 < statement.words.size(); ++index) {
        const std::string& word = statement.word(index);
        if (word == "meth")
            request.method = statement.word(++index);
        else if (word == "uri" || word == "uri-lf")
            request.uri = statement.words[++index];
        else
            index += word == "hdr" ? 2 : 1;
    }
    return request;
}

HealthCheck::Expect expect_of(const Statement& statement, std::size_t index) {
    HealthCheck::Expect expect{&statement, false, {}, {}};
    for (; index < statement.words.size(); ++index) {
        const auto& word = statement.word(index);
        if (word == "!") {
            expect.negated = !expect.negated;
        } else if (word == "min-recv" || word == "ok-status" || word == "error-status" ||
                   word == "tout-status" || word == "on-success" || word == "on-error" ||
                   word == "status-code" || word == "comment") {
            ++index;
        } else {
            expect.kind = word;
            if (index + 1 < statement.words.size())
                expect.pattern = statement.words[index + 1];
            break;
        }
    }
    return expect;
}

void read_http(const Proxy& proxy, HealthCheck& check) {
    const Statements rules = rules_of(proxy, "http-check", check);
    check.used.insert(check.used.end(), rules.begin(), rules.end());
    // As seen with HAProxy 2.6: of `option httpchk` and `http-check send` before any `connect`, the
    // last one that names a URI wins.
    std::optional<HealthCheck::Request> first;
    bool named = false;
    bool connected = false;
    const auto take = [&](HealthCheck::Request request, bool names) {
        if (first && !names)
            return;
        if (named)
            check.overridden.push_back(first->line);
        named = names;
        first = std::move(request);
    };
    for (const Statement* rule : rules) {
        if (rule->word(0) == "option") {
            take(request_of_option(*rule), rule->words.size() > 2);
        } else if (rule->word(1) == "connect") {
            connected = true;
            check.connects.push_back(rule);
        } else if (rule->word(1) == "expect") {
            check.expects.push_back(expect_of(*rule, 2));
        } else if (rule->word(1) == "send") {
            auto request = request_of_send(*rule);
            if (connected) {
                check.requests.push_back(std::move(request));
            } else {
                const bool names = !request.uri.text.empty();
                take(std::move(request), names);
            }
        }
    }
    if (first && !connected)
        check.requests.insert(check.requests.begin(), *first);
    else if (first && check.requests.empty())
        check.requests.push_back(*first);
    for (auto& request : check.requests)
        if (request.uri.text.empty())
            request.uri.text = "/";
}

/// A script that sends "GET /primary HTTP/1.0" is an HTTP check.
void read_script(const Proxy& proxy, HealthCheck& check) {
    const Statements rules = rules_of(proxy, "tcp-check", check);
    check.used.insert(check.used.end(), rules.begin(), rules.end());
    for (const Statement* rule : rules) {
        if (rule->word(1) == "connect")
            check.connects.push_back(rule);
        if (rule->word(1) == "expect")
            check.expects.push_back(expect_of(*rule, 2));
        if (rule->word(1) != "send" && rule->word(1) != "send-lf")
            continue;
        HealthCheck::Request request{
            rule, "", {"", rule->words.size() > 2 && rule->words[2].symbolic}};
        const std::string& bytes = rule->word(2);
        for (const std::string_view method : {"GET ", "OPTIONS ", "HEAD "})
            if (bytes.starts_with(method)) {
                request.method = method.substr(0, method.size() - 1);
                request.uri.text = bytes.substr(method.size());
                request.uri.text.erase(
                    std::min(request.uri.text.find_first_of(" \r\n"), request.uri.text.size()));
            }
        if (!request.method.empty())
            check.requests.push_back(std::move(request));
    }
    if (!check.requests.empty())
        check.kind = HealthCheck::Kind::http;
}

}  // namespace

bool looks_at_role(const HealthCheck::Expect& expect) {
    if (expect.kind != "string" && expect.kind != "rstring")
        return false;
    constexpr std::array<std::string_view, 6> kWords{"role",    "primary", "master",
                                                     "replica", "running", "state"};
    return std::any_of(kWords.begin(), kWords.end(), [&](std::string_view word) {
        return expect.pattern.text.find(word) != std::string::npos;
    });
}

bool concerns_check(const Statement& statement) {
    return selects_check(statement) || statement.word(0) == "http-check" ||
           statement.word(0) == "tcp-check" || statement.word(0) == "external-check";
}

HealthCheck health_check_of(const Proxy& proxy) {
    HealthCheck check;
    for (const Statement* statement : proxy.inherited)
        if (selects_check(*statement))
            check.line = statement;
    for (const auto& statement : proxy.section->statements)
        if (selects_check(statement)) {
            if (check.line && std::find(proxy.inherited.begin(), proxy.inherited.end(),
                                        check.line) == proxy.inherited.end())
                check.overridden.push_back(check.line);
            check.line = &statement;
        }
    if (!check.line)
        return check;
    check.name = check.line->word(1);
    check.used.push_back(check.line);
    if (check.name == "httpchk") {
        check.kind = HealthCheck::Kind::http;
        check.overridden.clear();
        for (const auto& statement : proxy.section->statements)
            if (selects_check(statement) && statement.word(1) != "httpchk")
                check.overridden.push_back(&statement);
        read_http(proxy, check);
    } else if (check.name == "tcp-check") {
        check.kind = HealthCheck::Kind::script;
        read_script(proxy, check);
    } else {
        check.kind =
            check.name == "pgsql-check" ? HealthCheck::Kind::postgres : HealthCheck::Kind::other;
    }
    return check;
}

}  // namespace haproxy
