#pragma once

#include <optional>
#include <string>

#include "patroni_proxy/postgres/postgres_messages.h"
#include "support/fakes/fake_backend.h"

namespace proxy {

/// Makes a backend (`greeting` and `echo` off) speak as a PostgreSQL does whose sessions ask one
/// thing at a time: it accepts each session with its name, begins a transaction at "begin", and
/// says after every answer that it is ready.
inline std::string ready_for_query(char status) {
    return std::string("Z\0\0\0\5", 5) + status;
}
inline std::string accepted_by(const std::string& name) {
    return "R" + std::string(3, '\0') + '\x08' + name + '\n' + ready_for_query('I');
}
inline void talk_as_postgres(support::FakeBackend& backend) {
    backend.answer_by(
        [name = backend.name()](const std::string& asked) -> std::optional<std::string> {
            if (read_request(asked).kind == Request::startup)
                return accepted_by(name);
            if (asked.starts_with('X'))
                return std::nullopt;
            return ready_for_query(asked.find("begin") != std::string::npos ? 'T' : 'I');
        });
}

}  // namespace proxy
