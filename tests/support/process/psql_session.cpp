#include "psql_session.h"

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <thread>

#include "postgres_program.h"

namespace support {

namespace {

ProcessOptions plain_words() {
    return {.environment = {{"LC_ALL", "C"}, {"PGCONNECT_TIMEOUT", "10"}}};
}

std::vector<std::string> arguments(const std::string& conninfo) {
    return {postgres_program("psql"), "-X", "-At", "-q", "-v", "ON_ERROR_STOP=0", "-d", conninfo};
}

/// \echo and \warn write this after each statement, with its number: the barrier of query().
constexpr const char* marker_start = "-- end of statement ";

/// Statements need their ";" so that what follows is not part of them.
std::string completed(std::string sql) {
    const bool command = !sql.empty() && sql.front() == '\\';
    if (!command && !sql.empty())
        sql += ";";
    return sql + "\n";
}

/// What came before the marker of an earlier statement is that one's late answer.
QueryResult collect(const std::vector<OutputLine>& lines, const std::string& marker) {
    QueryResult result;
    for (const auto& [stream, text] : lines) {
        const bool earlier = text.starts_with(marker_start) && text != marker;
        if (stream == Stream::out && earlier)
            result.rows.clear();
        else if (stream == Stream::err && earlier)
            result.error.clear();
        else if (stream == Stream::out && text != marker)
            result.rows.push_back(text);
        else if (text != marker)
            result.error += text + "\n";
    }
    return result;
}

}  // namespace

PsqlSession::PsqlSession(const std::string& conninfo, Milliseconds timeout)
    : process_(arguments(conninfo), plain_words()),
      output_(process_.take_output(), process_.take_error()) {
    const QueryResult connected = query("", timeout);
    if (!connected.alive)
        throw std::runtime_error("psql cannot connect to '" + conninfo + "': " + connected.error);
}

QueryResult PsqlSession::query(const std::string& sql, Milliseconds timeout) {
    const auto deadline = Clock::now() + timeout;
    const std::size_t from = output_.line_count();
    const std::string marker = marker_start + std::to_string(++statements_);
    process_.write(completed(sql) + "\\echo '" + marker + "'\n\\warn '" + marker + "'\n");
    const bool answered = wait_for_marker(from, {Stream::out, marker}, deadline) &&
                          wait_for_marker(from, {Stream::err, marker}, deadline);
    QueryResult result = collect(output_.lines(from), marker);
    result.alive = answered;
    if (!answered && !output_.ended())
        throw TimedOut(timeout, "the answer of psql to '" + sql + "'",
                       std::to_string(result.rows.size()) + " lines " + result.error);
    return result;
}

bool PsqlSession::wait_for_marker(std::size_t from, const OutputLine& marker,
                                  Clock::time_point deadline) {
    const auto is_marker = [&](const OutputLine& line) {
        return line.stream == marker.stream && line.text == marker.text;
    };
    const auto left = std::chrono::ceil<Milliseconds>(deadline - Clock::now());
    return output_.find(from, is_marker, std::max(left, Milliseconds{0})).has_value();
}

bool PsqlSession::wait_for_closed(Milliseconds timeout) {
    const auto deadline = Clock::now() + timeout;
    try {
        while (Clock::now() < deadline) {
            const auto left = std::chrono::ceil<Milliseconds>(deadline - Clock::now());
            if (!query("SELECT 1", left).alive)
                return true;
            std::this_thread::sleep_for(Milliseconds{5});
        }
    } catch (const TimedOut&) {
        // It neither answers nor ends.
    }
    return false;
}

RunResult psql_once(const std::string& conninfo, const std::string& sql, Milliseconds timeout) {
    auto argv = arguments(conninfo);
    argv.insert(argv.end(), {"-c", sql});
    return run(argv, plain_words(), timeout);
}

}  // namespace support
