#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "child_process.h"
#include "daemon_process.h"
#include "output_reader.h"
#include "support/wait.h"

namespace support {

struct QueryResult {
    bool alive = false;             ///< false: psql has lost its connection and ended
    std::vector<std::string> rows;  ///< stdout, line by line: columns are separated by "|"
    std::string error;              ///< stderr; empty where the statement succeeded

    /// The first row, or "".
    [[nodiscard]] std::string value() const { return rows.empty() ? "" : rows.front(); }
};

/// A real psql that keeps one session open: `psql -X -At -q` fed statement by statement.
/// psql looks at its connection only when it has something to ask, so whether the session still
/// lives is found out by asking: alive() and wait_for_closed() run SELECT 1 in it (harmless in a
/// transaction). A statement's failure does not end the session; losing the connection ends psql.
/// Owns the process. One thread at a time. A statement without an answer throws TimedOut; should
/// the answer come later, it is dropped.
class PsqlSession {
  public:
    /// Throws std::runtime_error with psql's words where it cannot connect.
    explicit PsqlSession(const std::string& conninfo, Milliseconds timeout = default_timeout);

    /// One statement or several, or a backslash command; the last ";" may be left out.
    QueryResult query(const std::string& sql, Milliseconds timeout = default_timeout);

    [[nodiscard]] bool alive() { return query("SELECT 1").alive; }
    /// Asks every few milliseconds until the session turns out to be closed; false where it still
    /// lives, or does not answer, when time is up.
    bool wait_for_closed(Milliseconds timeout = default_timeout);

  private:
    bool wait_for_marker(std::size_t from, const OutputLine& marker, Clock::time_point deadline);

    ChildProcess process_;
    OutputReader output_;
    std::size_t statements_ = 0;
};

/// Connects, runs `sql`, ends. `status.code` is psql's: 0 good, 1 the statement failed, 2 the
/// connection did.
RunResult psql_once(const std::string& conninfo, const std::string& sql,
                    Milliseconds timeout = default_timeout);

}  // namespace support
