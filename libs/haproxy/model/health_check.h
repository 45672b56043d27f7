#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "haproxy/model/proxy.h"

namespace haproxy {

/// What a backend asks of each of its servers that has `check`.
struct HealthCheck {
    enum class Kind : std::uint8_t {
        connect,   ///< whether the port accepts a connection
        http,      ///< an HTTP request
        postgres,  ///< pgsql-check: whether PostgreSQL answers a startup packet
        script,    ///< tcp-check, with bytes of its own
        other,     ///< a program, another protocol
    };
    struct Request {
        const Statement* line = nullptr;
        std::string method;
        Word uri;
    };
    struct Expect {
        const Statement* line = nullptr;
        bool negated = false;
        std::string kind;  ///< status, rstatus, string, rstring, hdr, ...; `binary` and so on
        Word pattern;
    };

    Kind kind = Kind::connect;
    std::string name;                 ///< "httpchk", "pgsql-check"; empty for a plain connection
    const Statement* line = nullptr;  ///< the option that counts; null for a plain connection
    std::vector<Request> requests;
    std::vector<Expect> expects;
    /// Rules that name a port, an address or TLS for the check: `http-check connect`.
    std::vector<const Statement*> connects;
    /// Options for checks, and requests, that a later line of the same section overrides.
    std::vector<const Statement*> overridden;
    /// Rules of the defaults that do not count, since the section has rules of its own.
    std::vector<const Statement*> replaced;
    /// All that belongs to it, those of the defaults included.
    std::vector<const Statement*> used;
};

/// The last `option` that selects a kind of check wins, those of the defaults come first. Rules
/// (`http-check`, `tcp-check`, and the request of `option httpchk`) of the section replace all
/// rules of the defaults, as seen with HAProxy 2.6: a section with `http-check expect` alone then
/// sends no request.
[[nodiscard]] HealthCheck health_check_of(const Proxy& proxy);

/// Whether an expectation is about the role or the state in the body of Patroni's answer.
[[nodiscard]] bool looks_at_role(const HealthCheck::Expect& expect);

/// Whether `statement` is a rule or an option of a health check.
[[nodiscard]] bool concerns_check(const Statement& statement);

}  // namespace haproxy
